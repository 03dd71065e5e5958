"""Our part of a deploy, beside the `dagster-cloud` command line, on a control plane that answers
at once.

Ours: from the command's arrival at Slack to the mutation's arrival at Dagster+, plus from the
moment when Dagster+ has the location LOADED to the final card's arrival at Slack; once for the same
thing that the peer does (`add-location` of a module), once for a deploy from git. The peer: the
whole of `dagster-cloud deployment add-location` as a process, less the time that the agent takes;
it has neither a plan nor a check of what runs. All meet the same agents: one that loads at once,
and one whose times to load are spread evenly, so that nobody's poll is met by chance.
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
    lines = []
    async with (
        sandbox(home / "s", "--instant-agent", "1") as report,
        our_bot(report, home / "bot", port=None),
    ):
        await _round(report, peers, "warm-up", 0.1)
        for title, spread in (("an agent that loads at once", 0.0), ("0.5 to 1.4 s", 1.0)):
            rounds = []
            for number in range(ROUNDS):
                load_time = spread * (0.5 + number / ROUNDS)
                rounds.append(await _round(report, peers, f"{number}-{spread:.0f}", load_time))
            lines += _table(title, rounds)
    return lines


async def _round(
    report: Report, peers: dict[str, Path], name: str, load_time: float
) -> tuple[Ours, Ours, dict[str, float]]:
    """Let each do it once: ours directly, ours from git, and the peers."""
    mine, git = f"mine-{name}", "quickstart"
    directly = await _ours(report, mine, f"add-location {mine} --module peer", load_time)
    from_git = await _ours(report, git, f"deploy {git}@main --why {name}", load_time)
    theirs = {
        peer: await _command_line(report, program, f"theirs-{name}", load_time)
        for peer, program in peers.items()
    }
    return directly, from_git, theirs


def _table(title: str, rounds: list[tuple[Ours, Ours, dict[str, float]]]) -> list[str]:
    directly, from_git, theirs = zip(*rounds, strict=True)
    lines = [
        f"| {title} | command → mutation sent | LOADED → final card | both | beside ours |",
        "|---|---|---|---|---|",
    ]
    both = {}
    for name, times in (("`add-location`", directly), ("`deploy` from git", from_git)):
        before = statistics.median(each.before for each in times) * 1000
        after = statistics.median(each.after for each in times) * 1000
        both[name] = statistics.median(each.before + each.after for each in times) * 1000
        lines.append(
            f"| dagster-chatops: {name} | {before:.0f} ms | {after:.0f} ms "
            f"| {both[name]:.0f} ms | 1 × |"
        )
    for peer in theirs[0]:
        took = statistics.median(each[peer] for each in theirs) * 1000
        beside = ", ".join(f"{took / each:.0f} ×" for each in both.values())
        lines.append(f"| {peer}: `add-location` | | | {took:.0f} ms | {beside} |")
    return [*lines, ""]


async def _ours(report: Report, location: str, command: str, load_time: float) -> Ours:
    """Do to a location once from Slack what a command says; the times are taken by the sandbox's
    own clocks."""
    async with Workspace(report["slack_page"]) as slack, _dagster(report) as dagster:
        await _agent_takes(dagster, load_time)
        await dagster.delete("/sandbox/requests")
        known = {message.ts for message in await slack.messages("#deploys")}
        began = time.time()
        await slack.person("ada").command("#deploys", f"/dagster {command}")
        card = await slack.wait_for_message(
            "#deploys", lambda m: m.ts not in known and "verified" in m.text, 60
        )
        state = (await dagster.get("/sandbox/state")).json()
        edits = [call for call in await slack.calls("chat.update") if call["args"]["ts"] == card.ts]
    (sent,) = [each["at"] for each in state["requests"] if each["kind"] == "mutation"]
    loaded = state["deployments"]["prod"][location]["updated_timestamp"]
    assert loaded - sent >= load_time
    final = next(call for call in edits if "verified" in call["args"]["text"])
    return Ours(before=sent - began, after=final["at"] - loaded)


async def _command_line(report: Report, program: Path, location: str, load_time: float) -> float:
    async with _dagster(report) as dagster:
        await _agent_takes(dagster, load_time)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(program),
        *["deployment", "add-location", "--location-name", location, "--module-name", "peer"],
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
