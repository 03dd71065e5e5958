"""`make bench`: every benchmark in one run, as tables for docs/performance.md."""

import argparse
import asyncio
import gc
import tempfile
from pathlib import Path

from bench import ack, docker, forms, overhead, serverless, watch, watch_runs

PARTS = ["ack", "forms", "start", "overhead", "docker", "serverless", "watch"]


async def main() -> None:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=PARTS)
    which = parser.parse_args().which or PARTS
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder)
        if "ack" in which:
            print("\nAcknowledgement of a command, in ms\n", flush=True)
            print("\n".join(await ack.run(home)), flush=True)
        if "forms" in which:
            print("\nA form, from the command to `views.open`, in ms\n", flush=True)
            print("\n".join(await forms.run(home)), flush=True)
        if "start" in which:
            print("\n| | |\n|---|---|")
            print("\n".join(await ack.start_and_memory(home)), flush=True)
        if "overhead" in which:
            print("\nOur part of a deploy\n")
            print("\n".join(await overhead.run(home)), flush=True)
        if "docker" in which:
            print("\nDeploys of images, median (least-most) of three\n")
            print("\n".join(await docker.run(home / "docker")), flush=True)
        if "serverless" in which:
            print("\nPEX files: command → mutation sent\n", flush=True)
            print("\n".join(await serverless.run(home)), flush=True)
        if "watch" in which:
            gc.freeze()  # as the bot does with what it has imported
            print("\nWatching\n", flush=True)
            print("\n".join(await watch.run(home)), flush=True)
            print("\nFailed runs, and all of them in one digest\n", flush=True)
            print("\n".join(await watch_runs.run(home)), flush=True)
            print("\nAnswers to /dagster status\n", flush=True)
            print("\n".join(await watch.answers(home)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
