"""The clock of the watcher: each deployment is looked at again and again.

APScheduler only says when. What a look finds counts once, however many processes look: the store
decides.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.wiring import Core
from deploy_core.model.errors import DagsterPlusError, DeployError

_log = structlog.get_logger()


class Watch:
    """Looks at every deployment of the configuration."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._running: set[asyncio.Task[None]] = set()
        # A look that was late still happens, once; one that is slow isn't overtaken.
        late = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=late)

    def start(self) -> None:
        """Begin; the deployments take turns, so that they don't all ask in the same second."""
        settings = self._core.settings.core
        if not settings.watch.enabled:
            return
        now, seconds = self._core.services.clock.now(), settings.watch.seconds
        for number, deployment in enumerate(settings.deployments):
            first = now + timedelta(seconds=seconds * number / len(settings.deployments))
            self._scheduler.add_job(
                partial(self._turn, deployment), "interval", seconds=seconds, next_run_time=first
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """Look no more; a look that is on its way ends without having been."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _turn(self, deployment: str) -> None:
        task = asyncio.create_task(self._look(deployment))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)

    async def _look(self, deployment: str) -> None:
        await self._safely(self._core.observer.look, deployment)
        await self._safely(self._core.digests.look, deployment)

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
