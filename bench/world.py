"""A sandbox and a program under test, each a process of its own."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox.bot_process import BotProcess, environment_of, start_bot
from sandbox.slack.client import Workspace

Report = dict[str, Any]


@asynccontextmanager
async def sandbox(home: Path, *arguments: str) -> AsyncIterator[Report]:
    """Yield what a running `python -m sandbox` says of itself."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "sandbox", "--home", str(home), "--stay-with-parent", *arguments],
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@asynccontextmanager
async def our_bot(report: Report, home: Path, *, port: int | None) -> AsyncIterator[BotProcess]:
    """Yield the bot; with a port in HTTP mode."""
    changes: dict[str, Any] = {}
    if port is not None:
        changes = {"slack": {"mode": "http"}, "server": {"port": port}}
    bot = await start_bot(report, home, changes)
    try:
        await _ready(report, port)
        yield bot
    finally:
        await bot.stop()


@asynccontextmanager
async def bare_bolt(report: Report, mode: str, *, port: int | None) -> AsyncIterator[Process]:
    """Yield the peer in one of its modes; with a port over HTTP."""
    environment = {**environment_of(report), **({"PORT": str(port)} if port else {})}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "bench.bare_bolt", mode],
        env={**environment, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _ready(report, port)
        yield process
    finally:
        process.kill()
        await process.wait()


async def _ready(report: Report, port: int | None) -> None:
    async with Workspace(report["slack_page"]) as workspace:
        if port is None:
            await workspace.settings(request_url=None)
            await workspace.wait_for_sockets(1, 30)
            return
        for _ in range(300):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        await workspace.settings(request_url=f"http://127.0.0.1:{port}/slack/events")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)
