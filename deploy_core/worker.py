"""Runs deploys: claims targets, keeps their leases alive, passes on what people ask."""

import asyncio
import secrets
from contextlib import suppress

import structlog

from deploy_core.endings import end_tasks
from deploy_core.model.errors import LeaseLost, StoreError
from deploy_core.run_target import PAUSED, StopSignal, TargetRunner
from deploy_core.services import Services
from deploy_core.store.work import Claim

LOOK_SECONDS = 1.0
"""How often the store is looked at for new work and for stops that other processes wrote."""

RENEWALS = 4
"""How often a lease is renewed while it lasts."""

_log = structlog.get_logger()


class Worker:
    """One per process, whose `name` it bears. `only_deploy` limits it to one deploy: the CLI runs
    its own."""

    def __init__(
        self,
        services: Services,
        *,
        kind: str,
        name: str | None = None,
        only_deploy: int | None = None,
    ) -> None:
        self.id = name or f"{services.store.process}-{secrets.token_hex(2)}"
        self._services = services
        self._kind = kind
        self._only_deploy = only_deploy
        self._runner = TargetRunner(services)
        self._running: dict[asyncio.Task[None], tuple[Claim, StopSignal]] = {}
        self._wake = asyncio.Event()
        self._draining = False
        self._left = False

    @property
    def running(self) -> int:
        """How many targets it is at."""
        return len(self._running)

    def wake(self) -> None:
        """Look at the store now: there is new work, or a person has stopped something."""
        self._wake.set()

    async def enlist(self) -> None:
        """Take this process's place. Raises `AnotherWorker`."""
        await self._services.store.work.enlist(self.id, self._kind)

    async def run(self) -> None:
        """Work until cancelled or left. A database that is away is waited for."""
        renewed = self._services.clock.monotonic()
        renew_seconds = self._services.store.work.lease.total_seconds() / RENEWALS
        while not self._left:
            try:
                if self._services.clock.monotonic() - renewed >= renew_seconds:
                    await self._services.store.database.end_stuck()
                    await self.enlist()
                    # Only what runs here: a target whose task ended is for the next claim.
                    await self._services.store.work.renew(
                        self.id, [claim.target_id for claim, _ in self._running.values()]
                    )
                    renewed = self._services.clock.monotonic()
                await self.look()
            except StoreError as error:
                _log.error("worker_can_not_look", reason=error.reason, detail=error.detail)
            with suppress(TimeoutError):
                # Not `wait_for`: in Python 3.11 it can swallow a cancellation, and with it the end.
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()

    async def look(self) -> None:
        """Pass on stops and start what is free."""
        work = self._services.store.work
        if self._running:
            stops = await work.stops(self.id)
            for claim, signal in self._running.values():
                stop = stops.get(claim.target_id)
                if stop is not None and signal.asked is not stop:
                    signal.ask(stop)
        if self._draining:
            return
        free = self._services.settings.parallel_targets - len(self._running)
        for claim in await work.claim(self.id, most=free, deploy_id=self._only_deploy):
            signal = StopSignal()
            task = asyncio.create_task(self._runner.run(claim, signal))
            self._running[task] = (claim, signal)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("target_crashed", exc_info=task.exception())
        # What waited behind this target is free now.
        self._wake.set()

    async def drain(self, seconds: float) -> None:
        """Take no new work, give what runs `seconds` to end, then give up its leases.

        What didn't end goes on in the next process, from its journal.
        """
        self._draining = True
        tasks = list(self._running)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        left = [claim for task, (claim, _) in self._running.items() if not task.done()]
        await end_tasks(tasks)
        with suppress(StoreError, LeaseLost):
            for claim in left:
                await self._services.store.work.note(claim, PAUSED)
        with suppress(StoreError):
            await self._services.store.work.release(self.id)

    async def leave(self) -> None:
        """Give up this process's place, the last thing that it does: whoever isn't there any more
        counts as dead, and others take over what it was sending to Slack."""
        self._left = True
        with suppress(StoreError):
            await self._services.store.work.leave(self.id)
