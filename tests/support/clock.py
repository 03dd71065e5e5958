"""A clock that a test moves."""

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until `advance`; sleepers wake when their time has come."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._began = now - timedelta(seconds=1000)
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def steady(self) -> datetime:
        return self._began + timedelta(seconds=self._monotonic)

    async def sleep(self, seconds: float) -> None:
        until = self._monotonic + seconds
        async with self._moved:
            await self._moved.wait_for(lambda: self._monotonic >= until)

    async def advance(self, seconds: float) -> None:
        """Move both times forward and let the sleepers run."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        async with self._moved:
            self._moved.notify_all()

    def set_wall(self, now: datetime) -> None:
        """Move the wall clock alone, as an administrator or daylight saving would."""
        self._now = now
