"""One piece of work at a time per key, shared by all who wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class SingleFlight:
    """Runs work so that a result is never older than the call that gets it.

    Who comes while nothing runs starts the work. Who comes while it runs waits for the next run,
    which all that came meanwhile share. Work for which nobody waits any more is cancelled.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}
        self._next: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[asyncio.Task[None], int] = {}

    async def run(self, key: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Return when a run of `work` that began after this call has ended; raises what it did."""
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._one(key, self._running.get(key), work))
            self._next[key] = task
        self._waiting[task] = self._waiting.get(task, 0) + 1
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting[task] == 1 and not task.done():
                self._forget_next(key, task)
                task.cancel()
                await asyncio.wait([task])
                if not task.cancelled():
                    task.exception()  # nobody is left to be told
            raise
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]

    async def _one(
        self,
        key: str,
        before: asyncio.Task[None] | None,
        work: Callable[[], Awaitable[None]],
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in a task
        if before is not None:
            await asyncio.wait([before])
        self._forget_next(key, task)
        self._running[key] = task
        try:
            await work()
        finally:
            if self._running.get(key) is task:
                del self._running[key]

    def _forget_next(self, key: str, task: asyncio.Task[None]) -> None:
        if self._next.get(key) is task:
            del self._next[key]
