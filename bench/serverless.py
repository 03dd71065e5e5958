"""Building and uploading for Dagster+ Serverless, beside the real `dagster-cloud` command line.

Both have the same project, the same control plane, a package cache of their own that is warm, and
an agent that loads at once. Ours: from the command's arrival at Slack to the mutation's arrival at
Dagster+, so with the plan and all checks. The peer: from the start of its process to its mutation.
"""

import asyncio
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.world import Report, sandbox
from sandbox.bot_process import environment_of, start_bot
from sandbox.projects.minimal import DEFINITIONS, minimal_project
from sandbox.slack.client import Workspace

ROUNDS = 2
NAMES = ("one", "two", "three")
LONGEST = 1_800.0

_LOCATION = """\
  - location_name: {name}
    code_source: {{module_name: {name}.definitions}}
    build: {{directory: {name}}}
"""


@dataclass
class Project:
    """A repository with three locations, each a folder of its own; every commit is another."""

    folder: Path
    number: int = 0

    async def change(self) -> None:
        """Commit another source of every location."""
        self.number += 1
        await asyncio.to_thread(self._write)
        await _run("git", "add", "--all", folder=self.folder)
        await _run("git", "commit", "--quiet", "-m", f"Number {self.number}", folder=self.folder)

    def _write(self) -> None:
        locations = "".join(_LOCATION.format(name=name) for name in NAMES)
        (self.folder / "dagster_cloud.yaml").write_text(f"locations:\n{locations}")
        for name in NAMES:
            code = DEFINITIONS.replace("return 1", f"return {self.number}")
            for path, text in minimal_project(name, code).items():
                file = self.folder / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)


@dataclass
class Bench:
    """A running sandbox and bot, and what was measured."""

    report: Report
    home: Path
    project: Project
    times: dict[str, list[float]] = field(default_factory=dict)

    async def measure(self, what: str, deploy: Callable[[], Awaitable[float]]) -> None:
        """Note how long a deploy took, and say it: all of them take a quarter of an hour."""
        seconds = await deploy()
        self.times.setdefault(what, []).append(seconds)
        print(f"{what}: {seconds:.1f} s", file=sys.stderr, flush=True)

    def forget(self) -> None:
        """Let neither Dagster+ nor the bot have any PEX file."""
        shutil.rmtree(self.home / "s" / "pex", ignore_errors=True)
        for name in ("files", "records"):
            shutil.rmtree(self.home / "bot" / "work" / "pex" / name, ignore_errors=True)

    async def ours(self, words: str) -> float:
        """Deploy with the bot; return the seconds from the command to the last mutation."""
        async with Workspace(self.report["slack_page"]) as slack, self.dagster() as dagster:
            await dagster.delete("/sandbox/requests")
            known = {message.ts for message in await slack.messages("#deploys")}
            began = time.time()
            command = f'/dagster deploy {words} --why "{began}"'
            outcome = await slack.person("ada").command("#deploys", command)
            assert outcome.acked, outcome.reason
            ended = await slack.wait_for_message(
                "#deploys",
                lambda m: m.ts not in known and ("verified" in m.text or "failed" in m.text),
                LONGEST,
            )
            assert "verified" in ended.text, ended.text
            return await _last_mutation(dagster) - began

    async def theirs(self, name: str, *options: str) -> float:
        """Deploy with the command line; `*` is every location of the file."""
        cli = Path(sys.executable).parent / "dagster-cloud"
        environment = {
            **environment_of(self.report),
            "DAGSTER_CLOUD_URL": f"{self.report['dagster_url']}/prod",
            "PEX_ROOT": str(self.home / "their-pex-root"),
        }
        async with self.dagster() as dagster:
            await dagster.delete("/sandbox/requests")
            began = time.time()
            await _run(
                str(cli),
                *("serverless", "deploy-python-executable", "--build-method", "local"),
                *("--location-file", "dagster_cloud.yaml", "--location-name", name, *options),
                folder=self.project.folder,
                environment=environment,
            )
            return await _last_mutation(dagster) - began

    def dagster(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.report["dagster_url"], trust_env=False)


async def run(home: Path, rounds: int = ROUNDS) -> list[str]:
    """Return the table's lines."""
    project = await _new_project(home / "project")
    async with sandbox(home / "s", "--instant-agent", "0", "--serverless", "prod") as report:
        changes: dict[str, Any] = {"projects": {"bench": {"git": str(project.folder)}}}
        own = {"PEX_ROOT": str(home / "our-pex-root")}
        bot = await start_bot(report, home / "bot", changes, own)
        try:
            async with Workspace(report["slack_page"]) as workspace:
                await workspace.wait_for_sockets(1, 60)
            bench = Bench(report, home, project)
            await _warm_up(bench)
            for _ in range(rounds):
                await _one_location(bench)
            await _three_locations(bench)
        finally:
            await bot.stop()
    return _table(bench.times)


async def _warm_up(bench: Bench) -> None:
    """Fill both package caches, and see that both ways work."""
    await bench.ours("one")
    await bench.theirs("one")


async def _one_location(bench: Bench) -> None:
    change, cached = bench.project.change, ("--deps-cache-from", "x", "--deps-cache-to", "x")
    await asyncio.to_thread(bench.forget)
    await change()
    await bench.measure("theirs first", lambda: bench.theirs("one"))
    await asyncio.to_thread(bench.forget)
    await bench.measure("ours first", lambda: bench.ours("one"))
    await change()
    await bench.measure("ours source", lambda: bench.ours("one"))
    await bench.measure("theirs source", lambda: bench.theirs("one"))
    await bench.theirs("one", *cached)
    await change()
    await bench.measure("theirs source, cached", lambda: bench.theirs("one", *cached))


async def _three_locations(bench: Bench) -> None:
    """Once: the peer's part alone takes minutes."""
    change = bench.project.change
    await asyncio.to_thread(bench.forget)
    await change()
    await bench.measure("theirs three", lambda: bench.theirs("*"))
    await asyncio.to_thread(bench.forget)
    await bench.measure("ours three", lambda: bench.ours("--all"))
    await change()
    await bench.measure("ours three, source", lambda: bench.ours("--all"))
    await bench.measure("theirs three, source", lambda: bench.theirs("*"))


def _table(times: Mapping[str, list[float]]) -> list[str]:
    middle = {what: statistics.median(found) for what, found in times.items()}
    rows = (
        ("first deploy", "first", ""),
        ("only the source changed", "source", ""),
        ("only the source changed, beside `--deps-cache-from`", "source", "source, cached"),
        ("three locations, first deploy", "three", ""),
        ("three locations, only the sources changed", "three, source", ""),
    )
    lines = ["| | dagster-chatops | `dagster-cloud` | |", "|---|---|---|---|"]
    for words, what, other in rows:
        ours, theirs = middle[f"ours {what}"], middle[f"theirs {other or what}"]
        lines.append(f"| {words} | {ours:.1f} s | {theirs:.1f} s | {theirs / ours:.1f} × |")
    return lines


async def _last_mutation(dagster: httpx.AsyncClient) -> float:
    state = (await dagster.get("/sandbox/state")).json()
    changes = [each for each in state["requests"] if each["fields"] == [_CHANGE]]
    assert changes
    return float(changes[-1]["at"])


_CHANGE = "addOrUpdateLocationFromDocument"


async def _new_project(folder: Path) -> Project:
    await asyncio.to_thread(folder.mkdir)
    await _run("git", "init", "--quiet", "--initial-branch=main", folder=folder)
    project = Project(folder)
    await project.change()
    return project


async def _run(*command: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Bench"), ("EMAIL", "bench@example.test"))
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**(environment or os.environ), **identity},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-3_000:]
