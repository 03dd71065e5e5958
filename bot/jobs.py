"""What is done again and again; APScheduler is only the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler


class Jobs:
    """Jobs that run every so many seconds, each at most once at a time."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[None]] = set()
        # A job that was late still runs, once: the default grace of one second would drop it.
        late = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=late)

    def every(
        self, seconds: float, work: Callable[[], Awaitable[None]], *, first: datetime | None = None
    ) -> None:
        """Run `work` every so many seconds, at `first` or after the first of them."""
        when = {} if first is None else {"next_run_time": first}
        self._scheduler.add_job(self._job(work), "interval", seconds=seconds, **when)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Start no more jobs, and wait until those that run have ended what they started."""
        running = list(self._running)
        for job in running:
            job.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        await asyncio.gather(*running, return_exceptions=True)

    def _job(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """The scheduler knows only when; a job that is ended by `stop` hasn't failed."""

        async def run() -> None:
            task = asyncio.ensure_future(work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            with suppress(asyncio.CancelledError):
                await asyncio.shield(task)

        return run
