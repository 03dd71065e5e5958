"""One piece of work at a time per key, shared by all who wait for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs work so that a result is never older than the call that gets it.

    Who comes while nothing runs starts the work. Who comes while it runs waits for the next run,
    which all that came meanwhile share. Work for which nobody waits any more is cancelled.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[T]] = {}
        self._next: dict[str, asyncio.Task[T]] = {}
        self._waiting: dict[asyncio.Task[T], int] = {}

    async def run(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what a run of `work` that began after this call returned; raises what it did."""
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._one(key, self._running.get(key), work))
            self._next[key] = task
        self._waiting[task] = self._waiting.get(task, 0) + 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting[task] == 1 and not task.done():
                await self._end(key, task)
            raise
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]

    async def close(self) -> None:
        """Cancel what runs and what waits, and wait until it has ended."""
        tasks = [*self._running.values(), *self._next.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._next.clear()

    async def _end(self, key: str, task: asyncio.Task[T]) -> None:
        self._forget_next(key, task)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody is left to be told

    async def _one(
        self,
        key: str,
        before: asyncio.Task[T] | None,
        work: Callable[[], Coroutine[Any, Any, T]],
    ) -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in a task
        if before is not None:
            await asyncio.wait([before])
        self._forget_next(key, task)
        self._running[key] = task
        try:
            return await work()
        finally:
            if self._running.get(key) is task:
                del self._running[key]

    def _forget_next(self, key: str, task: asyncio.Task[Any]) -> None:
        if self._next.get(key) is task:
            del self._next[key]
