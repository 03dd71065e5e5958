"""The clock of the watcher: each deployment is looked at again and again.

The jobs only say when. What a look finds counts once, however many processes look: the store
decides.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from bot.jobs import Jobs
from bot.wiring import Core
from deploy_core.endings import end_tasks
from deploy_core.model.errors import DagsterPlusError, DeployError

RELEASE_SECONDS = 15.0
"""How often it is looked whether quiet hours have ended."""

_log = structlog.get_logger()


class Watch:
    """Looks at every deployment of the configuration."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._jobs = Jobs()
        self._awake: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()

    def start(self) -> None:
        """Begin; the deployments take turns, so that they don't all ask in the same second."""
        settings = self._core.settings.core
        if not settings.watch.enabled:
            return
        now, seconds = self._core.services.clock.now(), settings.watch.seconds
        for number, deployment in enumerate(settings.deployments):
            first = now + timedelta(seconds=seconds * number / len(settings.deployments))
            self._jobs.every(seconds, partial(self._look, deployment), first=first)
            # On its own: when much fails, reading why takes a while, and locations don't wait.
            runs = partial(self._safely, self._core.run_observer.look, deployment)
            self._jobs.every(seconds, runs, first=first)
            if settings.watch.schedules:
                schedules = partial(self._safely, self._core.schedule_observer.look, deployment)
                self._jobs.every(settings.watch.schedules_seconds, schedules, first=first)
        self._jobs.every(min(seconds, RELEASE_SECONDS), self._release)
        self._jobs.start()

    async def stop(self) -> None:
        """Look no more; a look that is on its way ends without having been."""
        await end_tasks(list(self._awake.values()))
        await self._jobs.stop()

    def wake(self, deployment: str) -> None:
        """Look at a deployment now, all sides of it. Whoever wakes it meanwhile gets one look more,
        however many they are."""
        self._again.add(deployment)
        if deployment not in self._awake:
            self._awake[deployment] = asyncio.create_task(self._look_now(deployment))

    async def _look_now(self, deployment: str) -> None:
        try:
            while deployment in self._again:
                self._again.discard(deployment)
                await self._safely(self._core.run_observer.look, deployment)
                if self._core.settings.core.watch.schedules:
                    await self._safely(self._core.schedule_observer.look, deployment)
                await self._look(deployment)
        finally:
            del self._awake[deployment]

    async def _look(self, deployment: str) -> None:
        await self._safely(self._core.observer.look, deployment)
        await self._safely(self._core.alert_desk.look, deployment)
        await self._safely(self._core.medic.look, deployment)
        await self._safely(self._core.digests.look, deployment)
        await self._safely(self._core.deploy_news.look, deployment)

    async def _release(self) -> None:
        try:
            await self._core.store.held_posts.release()
        except DeployError as error:
            _log.error("release_failed", reason=error.reason)

    async def _safely(self, look: Callable[[str], Awaitable[bool]], deployment: str) -> None:
        try:
            await look(deployment)
        except DagsterPlusError as error:
            # Not being able to look is no news of the deployment.
            _log.warning("look_failed", deployment=deployment, reason=error.reason)
        except DeployError as error:
            _log.error("look_failed", deployment=deployment, reason=error.reason)
        except Exception:  # noqa: BLE001 - one look that fails must not end the watch
            _log.exception("look_failed", deployment=deployment)
