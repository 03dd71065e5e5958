"""Keeps the house: names, plans that expire, and what is no longer needed."""

from datetime import timedelta

import structlog

from bot.jobs import Jobs
from bot.wiring import Core
from deploy_core.model.errors import DeployError

NAMES_SECONDS = 60
"""How often the names of locations and refs are read again, for quick answers and pickers."""

EXPIRE_SECONDS = 15
"""How often plans that wait for Confirm are looked through for those that have expired."""

TAGS_SECONDS = 300
"""How often registries are asked for the tags that the deploy form offers."""

COLLECT_SECONDS = 3600
BUILDS_FIRST_SECONDS = 60
"""What a build that was cut off has left goes soon after the start, not an hour later."""
KEEP_CHECKOUTS = timedelta(days=7)

_log = structlog.get_logger()


class Housekeeping:
    """Keeps names fresh, lets plans expire, forgets old payloads, collects old checkouts and
    builds."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tags_read = False
        self._jobs = Jobs()

    def start(self) -> None:
        """Begin, and read the names at once."""
        now, every = self._core.services.clock.now(), self._jobs.every
        every(NAMES_SECONDS, self._names, first=now)
        every(EXPIRE_SECONDS, self._expire, first=now)
        every(TAGS_SECONDS, self._tags)
        every(self._core.settings.core.pull_requests_seconds, self._proposals, first=now)
        every(COLLECT_SECONDS, self._forget)
        every(COLLECT_SECONDS, self._collect)
        soon = now + timedelta(seconds=BUILDS_FIRST_SECONDS)
        every(COLLECT_SECONDS, self.collect_builds, first=soon)
        self._jobs.start()

    async def stop(self) -> None:
        """Start no more jobs, and wait until those that run have ended what they started."""
        await self._jobs.stop()

    async def _names(self) -> None:
        await self._core.catalog.refresh()
        for project, error in self._core.catalog.failures.items():
            _log.warning("project_unreadable", project=project, reason=error.reason)
        if not self._tags_read:
            await self._tags()

    async def _tags(self) -> None:
        self._tags_read = True
        for repository, error in (await self._core.tags.refresh()).items():
            _log.warning("tags_unreadable", repository=repository, reason=error.reason)

    async def _expire(self) -> None:
        try:
            expired = await self._core.store.deploys.expire()
        except DeployError as error:
            _log.error("expire_failed", reason=error.reason)
        else:
            for deploy in expired:
                _log.info("plan_expired", deploy=deploy)

    async def _proposals(self) -> None:
        try:
            await self._core.proposer.look()
        except DeployError as error:
            _log.error("proposals_not_looked_at", reason=error.reason)

    async def _forget(self) -> None:
        try:
            await self._core.store.inbox.forget_old()
            await self._core.store.build_logs.forget_old()
            await self._core.store.failed_runs.forget_old()
            await self._core.store.alerts.forget_old()
        except DeployError as error:
            _log.error("forget_failed", reason=error.reason)

    async def _collect(self) -> None:
        """Remove old checkouts that no location runs from."""
        services = self._core.services
        try:
            live = [
                str(document.get("working_directory", ""))
                for name in services.settings.deployments
                for document in (await services.dagster.documents(name)).values()
            ]
        except DeployError as error:
            # Without knowing what runs, nothing may go.
            _log.warning("collect_skipped", reason=error.reason)
            return
        in_use = {
            (project, sha)
            for project in services.settings.projects
            for sha in await services.mirrors.checked_out(project)
            if any(str(services.mirrors.checkout_path(project, sha)) in path for path in live)
        }
        removed = await services.mirrors.collect(in_use, KEEP_CHECKOUTS)
        if removed:
            _log.info("checkouts_removed", count=len(removed))

    async def collect_builds(self) -> None:
        """Remove our old images from the engines, old PEX files and logs, and what dead builds have
        left."""
        await self._core.services.pex.collect()
        images = await self._core.services.images.collect()
        if images:
            _log.info("images_removed", count=len(images))
