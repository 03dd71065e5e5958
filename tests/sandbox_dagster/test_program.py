"""`python -m sandbox` as a process."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Start = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, dict[str, Any]]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts the program without Slack; returns it with what its line says."""
    started: list[asyncio.subprocess.Process] = []

    async def run(*options: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox", "--home", str(tmp_path), "--no-slack", *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        return process, json.loads(line)

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def reachable(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        try:
            return (await client.get(f"{url}/sandbox/state")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_is_and_ends_when_told(start: Start, told: signal.Signals) -> None:
    process, said = await start("--instant-agent", "0")
    assert said["deployments"] == ["prod", "staging"]
    assert said["organization"] == "sandbox"
    assert said["agent_pid"] is None
    assert sorted(said["projects"]) == ["monorepo", "quickstart"]
    assert all((Path(path) / "HEAD").is_file() for path in said["projects"].values())
    assert await reachable(said["dagster_url"])

    process.send_signal(told)

    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert not await reachable(said["dagster_url"])


async def test_it_ends_with_its_parent(start: Start) -> None:
    process, _ = await start("--no-agent", "--stay-with-parent")
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_without_a_parent_to_stay_with_a_closed_input_means_nothing(start: Start) -> None:
    process, said = await start("--no-agent")
    assert process.stdin is not None
    process.stdin.close()
    assert await reachable(said["dagster_url"])
    assert process.returncode is None
