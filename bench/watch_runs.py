"""What many failed runs cost: the looks that read them, and one digest that tells of all."""

import logging
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from bench.control_plane import Beside, beside
from deploy_core.clock import SystemClock
from deploy_core.settings import CoreSettings, DeploymentSettings, DigestSettings
from deploy_core.store.tables import posts
from deploy_core.watch.digests import Digests
from deploy_core.watch.run_observer import RunObserver
from handlers.blocks import weight
from handlers.cards.digest import digest_message

SIZES = (500, 1_000, 2_500, 5_000)
KINDS = 40
"""So many causes the failed runs have."""

_PLANE = """
import asyncio, json, sys, time
from sandbox.dagster_plus import server
from sandbox.dagster_plus.load_errors import LoadError
from sandbox.dagster_plus.runs import Run
async def main(kinds):
    plane = await server.start_dagster_plus(deployments=["prod"])
    print(json.dumps({"url": plane.url, "token": plane.tokens.user}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        for number in range(int(line)):
            run = Run("core", f"job_{number % 7}")
            plane.plane.deployment("prod").runs.append(run)
            letters = chr(97 + number % kinds // 8) + chr(97 + number % 8)
            run.fail(LoadError(f"KeyError: kind {letters * 2} of row {number}\\n"))
        print("failed", flush=True)
asyncio.run(main(int(sys.argv[1])))
"""


class LaterClock(SystemClock):
    """The machine's clock, put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Failing:
    """A deployment whose runs fail, on a control plane that is another process."""

    observer: RunObserver
    digests: Digests
    beside: Beside
    clock: LaterClock

    async def fail(self, runs: int) -> None:
        """Let so many runs fail."""
        await self.beside.tell(runs)

    async def read_all(self, runs: int) -> float:
        """Look until all failed runs are known; return our own CPU seconds."""
        before = time.process_time()
        while await self._known() < runs:
            await self.observer.look("prod")
        return time.process_time() - before

    async def _known(self) -> int:
        groups = await self.beside.store.failed_runs.of_incidents(range(1, KINDS + 1))
        return sum(each.runs for each in groups.values())

    async def digest(self) -> tuple[float, int]:
        """Post the next digest; return the CPU seconds of it, and the size of its message."""
        await self.digests.look("prod")
        self.clock.ahead = timedelta(days=1)
        before = time.process_time()
        assert await self.digests.look("prod")
        async with self.beside.store.database.read() as connection:
            query = sa.select(posts.c.data).where(posts.c.kind == "digest")
            data: dict[str, Any] = (await connection.execute(query)).scalar_one()
        message = digest_message(data)
        return time.process_time() - before, weight(message.blocks)


@asynccontextmanager
async def failing(home: Path) -> AsyncIterator[Failing]:
    """Yield a deployment in which nothing has failed yet."""
    clock = LaterClock()
    digest = DigestSettings(cron="0 0 * * *")
    settings = CoreSettings(
        deployments={"prod": DeploymentSettings(watch_channel="C0OPS", digest=digest)}
    )
    async with beside(home, _PLANE, KINDS, settings=settings, clock=clock) as world:
        store, recipients = world.store, world.recipients
        observer = RunObserver(settings, world.dagster, world.readings, store, clock, recipients)
        await observer.look("prod")
        digests = Digests(settings, world.board, store, clock, recipients)
        yield Failing(observer, digests, world, clock)


async def run(home: Path) -> list[str]:
    """Return the table: so many failed runs of 40 causes, read and told of in one digest."""
    titles = (
        "failed runs",
        "CPU s to read them",
        "CPU ms a run",
        "requests a run",
        "CPU s of the digest",
        "its blocks, characters",
        "peak RSS MB",
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rows = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for runs in SIZES:
        async with failing(home / f"runs-{runs}") as world:
            await world.fail(runs)
            world.beside.requests.clear()
            seconds = await world.read_all(runs)
            requests = world.beside.requests.total() / runs
            digest, size = await world.digest()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append(
            f"| {runs:,} | {seconds:.1f} | {seconds / runs * 1000:.1f} | {requests:.2f} |"
            f" {digest:.2f} | {size:,} | {peak:.0f} |"
        )
    return rows
