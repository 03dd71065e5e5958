"""One process of the bot, made of the real parts, that can be killed, stopped and woken."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from bot.outbox import OutboxSender
from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.catalog import Catalog
from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.engine import Engine
from deploy_core.model.errors import StoreUnavailable
from deploy_core.planner import Planner
from deploy_core.services import Services
from deploy_core.settings import CoreSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.store.leases import Leases
from deploy_core.store.store import Store
from deploy_core.store.work import Claim, Work
from deploy_core.worker import Worker
from handlers.slack import Slack
from tests.simulation.dagster_side import TOKEN, DagsterSide, DagsterWire
from tests.simulation.inline_database import InlineDatabase
from tests.simulation.slack_side import SlackSide, SlackWire

T = TypeVar("T")
OWNER: ContextVar["Process | None"] = ContextVar("OWNER", default=None)
HELD: ContextVar[Claim | None] = ContextVar("HELD", default=None)
"""The claim that the present task has renewed last, just before a change."""

PAUSES = (0.0, 0.0, 0.0, 0.001, 0.01, 0.05)


def owned_tasks(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **more: Any
) -> asyncio.Task[T]:
    """A task factory: every task belongs to the process in which it was made."""
    task = asyncio.Task(work, loop=loop, **more)
    owner = OWNER.get()
    if owner is not None:
        owner.tasks.append(task)
    return task


class _WatchedWork(Work):
    async def hold(self, claim: Claim) -> datetime:
        until = await super().hold(claim)
        HELD.set(claim)
        return until


class Process:
    """`store_is_away` and `writes_left` (then it dies, or stands still) are its faults; `pauses` is
    what makes its tasks take turns in different orders."""

    def __init__(
        self,
        name: str,
        *,
        file: Path,
        settings: CoreSettings,
        clock: Clock,
        dagster: DagsterSide,
        slack: SlackSide,
        registry: httpx.AsyncBaseTransport,
        pauses: random.Random,
        on_commit: Callable[[], None],
    ) -> None:
        self.name = name
        self.tasks: list[asyncio.Task[Any]] = []
        self.dead = False
        self.woken_at = 0.0
        self._parts: list[asyncio.Task[None]] = []
        self.store_is_away = False
        self.writes_left: int | None = None
        self.then_stops = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._pauses = pauses
        self._on_commit = on_commit
        database = InlineDatabase(
            file, self._before_transaction, self._committed, self._after_commit
        )
        leases = Leases(clock)
        self.store = Store(database, clock, leases)
        self.store.work = _WatchedWork(database, clock, leases)
        http = httpx.AsyncClient(transport=DagsterWire(dagster, self))
        self.dagster = DagsterPlus(
            organization="sandbox", token=SecretStr(TOKEN), clock=clock, http=http
        )
        images = DockerArtifacts(
            settings.docker,
            work_folder=file.parent,
            clock=clock,
            http=httpx.AsyncClient(transport=registry),
            environment={"DOCKER_CONFIG": str(file.parent)},
        )
        mirrors = GitMirrors(file.parent, clock)
        catalog = Catalog({}, mirrors)
        pex = PexArtifacts(
            settings.serverless,
            dagster=self.dagster,
            work_folder=file.parent,
            clock=clock,
            http=http,
            environment={},
        )
        facts = ServerlessFacts(self.dagster, clock)
        services = Services(settings, self.dagster, mirrors, self.store, clock, images, pex, facts)
        planner = Planner(settings, self.dagster, catalog, mirrors, self.store, images, pex, facts)
        self.worker = Worker(services, kind="bot", name=self.store.process)
        self.engine = Engine(services, planner, self.worker.wake)
        self._slack = Slack(SlackWire(slack, self), clock)
        self.outbox = OutboxSender(self.store, self._slack, self.dagster, settings, clock)

    @property
    def stopped(self) -> bool:
        return not self._awake.is_set()

    @property
    def can_act(self) -> bool:
        return not self.dead and not self.stopped

    # -- borders: where a process can stand still, or end --

    async def border(self) -> None:
        """Between any two things that it does to the world."""
        pause = self._pauses.choice(PAUSES)
        if pause:
            await asyncio.sleep(pause)
        await self._still_there()

    async def _still_there(self) -> None:
        await self._awake.wait()
        if self.dead:
            raise asyncio.CancelledError

    async def _before_transaction(self) -> None:
        await self.border()
        if self.store_is_away:
            raise StoreUnavailable("The database can't be used: OperationalError.")

    async def _after_commit(self) -> None:
        await self._still_there()

    def _committed(self) -> None:
        self._on_commit()
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left <= 0:
                self.writes_left = None
                (self.stop if self.then_stops else self.kill)()

    # -- its life --

    async def start(self) -> None:
        """Take its place, then work and send."""
        await self.do(self.worker.enlist())
        for part in (self.worker.run(), self.outbox.run()):
            self._parts.append(self._spawn(part))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        token = OWNER.set(self)
        try:
            return asyncio.create_task(work)
        finally:
            OWNER.reset(token)

    async def do(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Let it do something; None when it died on the way."""
        task = self._spawn(work)
        while not task.done():
            await asyncio.wait([task], timeout=5)
            if self.stopped:
                return None
        return None if task.cancelled() else task.result()

    def kill(self) -> None:
        """End it as `kill -9` does: nothing that it would still do reaches the world."""
        self.dead = True
        self._awake.set()
        for task in self.tasks:
            task.cancel()

    async def buried(self) -> None:
        """Wait until no task of a killed process is left."""
        for _ in range(100):
            left = [task for task in self.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        else:
            raise AssertionError(f"These tasks can't be ended: {left}")
        with suppress(BaseException):
            await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._slack.close()
        await self.dagster.close()
        await self.store.close()

    def stop(self) -> None:
        """SIGSTOP."""
        self._awake.clear()

    def wake(self) -> None:
        """SIGCONT."""
        self.woken_at = asyncio.get_running_loop().time()
        self._awake.set()

    async def end(self, seconds: float) -> None:
        """SIGTERM: finish what can be finished, give back the rest."""

        async def goodbye() -> None:
            await self.worker.drain(seconds)
            await self.outbox.drain(seconds)
            await self.worker.leave()

        await self.do(goodbye())
        self.kill()
