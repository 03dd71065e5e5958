"""Ending tasks for certain."""

import asyncio
from collections.abc import Iterable

AGAIN_SECONDS = 0.5


async def end_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait until each has really ended; what they raise is dropped.

    A library that is interrupted at an unlucky moment may answer with an error of its own instead
    of passing the cancellation on (database drivers do), so a task that goes on is told again.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
