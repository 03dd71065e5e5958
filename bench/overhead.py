"""Our part of a deploy, beside the `dagster-cloud` command line, on a control plane that answers
at once.

Ours: from the command's arrival at Slack to the mutation's arrival at Dagster+, plus from the
moment when Dagster+ has the location LOADED to the final card's arrival at Slack. The peer: the
whole of `dagster-cloud deployment add-location` as a process, less the time that the agent takes;
it has neither a plan nor a check of what runs. Both have the same agent, whose times to load are
spread evenly, so that nobody's poll is met by chance.
"""

import asyncio
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.world import Report, our_bot, sandbox
from sandbox.bot_process import environment_of
from sandbox.slack.client import Workspace

ROUNDS = 10
CLI_VERSION = "1.13.27"


@dataclass(frozen=True)
class Ours:
    """One deploy, in seconds: command → mutation, and LOADED → final card."""

    before: float
    after: float


async def run(home: Path) -> list[str]:
    """Return the table's lines. The programs take turns, so that all meet the same machine."""
    peers = {
        f"`dagster-cloud-cli` {CLI_VERSION} alone": await _only_cli(home / "cli"),
        f"`dagster-cloud` {CLI_VERSION}, full": Path(sys.executable).parent / "dagster-cloud",
    }
    ours: list[Ours] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    async with (
        sandbox(home / "s", "--instant-agent", "1") as report,
        our_bot(report, home / "bot", port=None),
    ):
        await _deploy(report, "warm up", 0.1)
        for program in peers.values():
            await _command_line(report, program, 0.1)  # compiles its files
        for number in range(ROUNDS):
            load_time = 0.5 + number / ROUNDS
            ours.append(await _deploy(report, str(number), load_time))
            for name, program in peers.items():
                theirs[name].append(await _command_line(report, program, load_time))
    before = statistics.median(each.before for each in ours)
    after = statistics.median(each.after for each in ours)
    together = statistics.median(each.before + each.after for each in ours)
    lines = [
        "| | median | beside ours |",
        "|---|---|---|",
        f"| dagster-chatops: command → mutation sent | {before * 1000:.0f} ms | |",
        f"| dagster-chatops: LOADED → final card | {after * 1000:.0f} ms | |",
        f"| dagster-chatops: both | {together * 1000:.0f} ms | 1 × |",
    ]
    for name, times in theirs.items():
        seconds = statistics.median(times)
        said = f"{seconds:.2f} s | {seconds / together:.0f} × |"
        lines.append(f"| {name}: `deployment add-location` | {said}")
    return lines


async def _deploy(report: Report, why: str, load_time: float) -> Ours:
    """Deploy once; the times are taken by the sandbox's own clocks."""
    async with Workspace(report["slack_page"]) as slack, _dagster(report) as dagster:
        await _agent_takes(dagster, load_time)
        await dagster.delete("/sandbox/requests")
        known = {message.ts for message in await slack.messages("#deploys")}
        began = time.time()
        command = f'/dagster deploy quickstart@main --why "{why}"'
        await slack.person("ada").command("#deploys", command)
        card = await slack.wait_for_message(
            "#deploys", lambda m: m.ts not in known and "verified" in m.text, 60
        )
        state = (await dagster.get("/sandbox/state")).json()
        edits = [call for call in await slack.calls("chat.update") if call["args"]["ts"] == card.ts]
    (sent,) = [each["at"] for each in state["requests"] if each["kind"] == "mutation"]
    loaded = state["deployments"]["prod"]["quickstart"]["updated_timestamp"]
    assert loaded - sent >= load_time
    final = next(call for call in edits if "verified" in call["args"]["text"])
    return Ours(before=sent - began, after=final["at"] - loaded)


async def _command_line(report: Report, program: Path, load_time: float) -> float:
    async with _dagster(report) as dagster:
        await _agent_takes(dagster, load_time)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(program),
        *["deployment", "add-location", "--location-name", "peer", "--module-name", "peer"],
        env={**os.environ, **environment_of(report)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return time.monotonic() - began - load_time


async def _only_cli(folder: Path) -> Path:
    """Install the command line without the rest of Dagster, as its own documents say."""
    await _run(sys.executable, "-m", "venv", str(folder))
    pip = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    await _run(*pip, f"dagster-cloud-cli=={CLI_VERSION}")
    return folder / "bin/dagster-cloud"


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command


async def _agent_takes(dagster: httpx.AsyncClient, seconds: float) -> None:
    settings: dict[str, Any] = {"running": True, "delay_seconds": seconds}
    (await dagster.post("/sandbox/instant_agent", json=settings)).raise_for_status()


def _dagster(report: Report) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=report["dagster_url"], trust_env=False)
