"""Many callers, one request; and no caller gets an answer to a question asked before it came."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Shares calls of `work` per key.

    A call that has begun is shared with nobody who comes later, since its answer may be older than
    they are; they share the next one, which begins when this one has ended. So at most one call
    runs and at most one waits for each key, however many ask.
    """

    def __init__(self, work: Callable[[str], Awaitable[T]]) -> None:
        self._work = work
        self._turn: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, asyncio.Task[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    async def get(self, key: str) -> T:
        """Return what a call of `work` that begins from now on returns, or raise what it raises.

        A caller that is cancelled leaves the call to the others.
        """
        task = self._waiting.get(key)
        if task is None:
            task = asyncio.create_task(self._take_turn(key), name=f"single-flight {key}")
            self._waiting[key] = task
            self._tasks.add(task)
            task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what runs and what waits, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_turn(self, key: str) -> T:
        async with self._turn.setdefault(key, asyncio.Lock()):
            del self._waiting[key]  # from here on it is too old for newcomers
            return await self._work(key)

    def _forget(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        for key in [key for key, waiting in self._waiting.items() if waiting is task]:
            del self._waiting[key]
        if not task.cancelled():
            task.exception()  # taken, so that a call which nobody waits for any more isn't logged
