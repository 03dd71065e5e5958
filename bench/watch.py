"""What watching costs: CPU, memory and requests of a look, up to 20 x 1,000 code locations."""

import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.control_plane import Beside, beside
from deploy_core.clock import SystemClock
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.watch.observer import Observer
from handlers.cards.links import CardLinks
from handlers.cards.status import status_message
from handlers.commands import Status

SIZES = ((1, 100), (1, 300), (1, 1_000), (5, 1_000), (20, 1_000))
"""Deployments, and code locations in each."""

LOOKS = 60
"""Quiet looks, at all deployments together: as many for each size, because the garbage collector
comes only once in many of them."""

_PLANE = """
import asyncio, json, sys, time
from sandbox.dagster_plus import server
from sandbox.dagster_plus.faults import LoadErrorText
from sandbox.dagster_plus.instant_agent import InstantAgentSettings
from sandbox.dagster_plus.locations import CodeLocation, LoadReport
error = LoadErrorText(message="ModuleNotFoundError: No module named 'rates'\\n").to_load_error()
async def main(deployments, locations):
    names = [f"prod{n}" for n in range(deployments)]
    plane = await server.start_dagster_plus(deployments=names, instant_agent=InstantAgentSettings())
    for name in names:
        held = plane.plane.deployment(name).locations
        for n in range(locations):
            location = f"team_{n:04}"
            document = {"location_name": location, "code_source": {"package_name": "a"},
                        "image": f"registry.example/a:{n}", "git": {"commit_hash": "a" * 40}}
            held[location] = one = CodeLocation(location, document, time.time(), time.time())
            one.accept(LoadReport(), at=time.time())
    print(json.dumps({"url": plane.url, "token": plane.tokens.user}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        for name in names:
            for one in list(plane.plane.deployment(name).locations.values())[: int(line)]:
                one.accept(LoadReport(error=error), at=time.time())
        print("broken", flush=True)
asyncio.run(main(*map(int, sys.argv[1:])))
"""


@dataclass
class Watched:
    """An observer over a control plane that is another process."""

    observer: Observer
    deployments: list[str]
    beside: Beside

    async def look(self) -> float:
        """Look at every deployment once; return our own CPU seconds."""
        before = time.process_time()
        for deployment in self.deployments:
            await self.observer.look(deployment)
        return time.process_time() - before

    async def status(self) -> float:
        """Answer a `/dagster status` as Slack would get it; return the seconds it took."""
        began = time.monotonic()
        found = await self.beside.board.deployment(self.deployments[0])
        now = datetime.now(UTC)
        status_message(found, found.locations, Status(), links=CardLinks(), now=now)
        return time.monotonic() - began

    async def break_locations(self, count: int) -> None:
        """Let the first `count` locations of each deployment fail to load."""
        await self.beside.tell(count)


@asynccontextmanager
async def watched(home: Path, deployments: int, locations: int) -> AsyncIterator[Watched]:
    """Yield an observer of so many deployments with so many locations each."""
    names = [f"prod{number}" for number in range(deployments)]
    channel = DeploymentSettings(watch_channel="C0OPS")
    settings = CoreSettings(deployments=dict.fromkeys(names, channel))
    async with beside(
        home, _PLANE, deployments, locations, settings=settings, clock=SystemClock()
    ) as world:
        observer = Observer(settings, world.dagster, world.readings, world.store, world.recipients)
        yield Watched(observer, names, world)


async def answers(home: Path) -> list[str]:
    """Return the table: how long a person waits for `/dagster status`, asked 100 times."""
    rows = ["| code locations | p50 ms | p99 ms |", "|---|---|---|"]
    for locations in (100, 300):
        async with watched(home / f"status-{locations}", 1, locations) as world:
            await world.look()
            await world.break_locations(locations // 10)
            took = sorted([await world.status() for _ in range(100)])
        rows.append(f"| {locations:,} | {took[50] * 1000:.0f} | {took[98] * 1000:.0f} |")
    return rows


async def run(home: Path) -> list[str]:
    """Return the table: a look at all deployments, when nothing and when a tenth changed."""
    titles = (
        "deployments x locations",
        "CPU s a look, nothing new",
        "CPU s, a tenth fails",
        "requests a look",
        "messages",
        "peak RSS MB",
    )
    rows = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for deployments, locations in SIZES:
        folder = home / f"watch-{deployments}-{locations}"
        async with watched(folder, deployments, locations) as world:
            await world.look()
            before = world.beside.requests.total()
            rounds = LOOKS // deployments
            quiet = [await world.look() for _ in range(rounds)]
            requests = (world.beside.requests.total() - before) / rounds
            await world.break_locations(locations // 10)
            broken = await world.look()
            posts = len(await world.beside.store.outbox.due())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append(
            f"| {deployments} x {locations:,} | {sum(quiet) / rounds:.2f} | {broken:.2f} |"
            f" {requests:.0f} | {posts} | {peak:.0f} |"
        )
    return rows
