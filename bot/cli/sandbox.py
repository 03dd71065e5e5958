"""`dagster-chatops sandbox`: hands over to `python -m sandbox.demo`, a process of its own."""

import asyncio
import sys
from pathlib import Path

from bot.cli.exit_codes import ExitCode
from deploy_core.model.errors import UsageError


async def run_sandbox(home: Path | None, *, demo: bool, slack_port: int) -> ExitCode:
    """Start the sandbox with the bot and stay until it ends. Raises `UsageError` without its
    packages."""
    arguments = ["--slack-port", str(slack_port), "--stay"]
    arguments += [] if demo else ["--no-play"]
    arguments += [] if home is None else ["--home", str(home)]
    probe = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import graphql, dagster_cloud", stderr=asyncio.subprocess.DEVNULL
    )
    if await probe.wait() != 0:
        raise UsageError(
            "The sandbox needs packages that aren't installed.",
            next_step="Run `pip install 'dagster-chatops[sandbox]'`.",
        )
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sandbox.demo", *arguments)
    code = await process.wait()
    return ExitCode.GOOD if code == 0 else ExitCode.FAILED
