"""Our part of a deploy, beside the `dagster-cloud` command line, on a control plane that answers
at once.

Ours: from the command's arrival at Slack to the mutation's arrival at Dagster+, plus from LOADED to
the final card's arrival at Slack. The peer: the whole of `dagster-cloud deployment add-location`
as a process, which doesn't verify. Both wait for nothing but each other.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from bench.world import Report, our_bot, sandbox
from sandbox.bot_process import environment_of
from sandbox.slack.client import Workspace

TIMES = 10
LOADED_AFTER = 1.0


async def run(home: Path) -> list[str]:
    """Return the table's lines."""
    async with sandbox(home / "s", "--instant-agent", str(LOADED_AFTER)) as report:
        async with our_bot(report, home / "bot", port=None):
            ours = [await _deploy(report, number) for number in range(TIMES)]
        theirs = [await _command_line(report) for _ in range(5)]
    before, after = (sorted(times)[TIMES // 2] for times in zip(*ours, strict=True))
    peer = sorted(theirs)[2] - LOADED_AFTER
    return [
        "| | median |",
        "|---|---|",
        f"| command → mutation sent | {before * 1000:.0f} ms |",
        f"| LOADED → final card sent | {after * 1000:.0f} ms |",
        f"| `dagster-cloud deployment add-location`, less the agent's time | {peer:.2f} s |",
        f"| ratio | {peer / (before + after):.0f} × |",
    ]


async def _deploy(report: Report, number: int) -> tuple[float, float]:
    """Return the seconds before the mutation and after LOADED, by the sandbox's own clocks."""
    async with Workspace(report["slack_page"]) as slack, httpx.AsyncClient(trust_env=False) as http:
        await http.delete(f"{report['dagster_url']}/sandbox/requests")
        calls = len(await slack.calls())
        began = time.time()
        command = f"/dagster deploy quickstart@v{number % 2 + 1}"
        await slack.person("ada").command("#deploys", command)
        await slack.wait_for_message(
            "#deploys", lambda m: float(m.ts) >= began - 1 and "verified" in m.text, 30
        )
        state = (await http.get(f"{report['dagster_url']}/sandbox/state")).json()
        made = (await slack.calls())[calls:]
    sent = next(r["at"] for r in state["requests"] if "addOrUpdate" in str(r.get("fields", r)))
    loaded = sent + LOADED_AFTER
    final = max(_at(call) for call in made if call["method"] == "chat.update")
    return sent - began, max(final - loaded, 0.0)


def _at(call: dict[str, Any]) -> float:
    return float(call["at"])


async def _command_line(report: Report) -> float:
    environment = {**os.environ, **environment_of(report)}
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "dagster-cloud"),
        *["deployment", "add-location", "--location-name", "peer", "--module-name", "peer"],
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return time.monotonic() - began
