"""Ending tasks and processes for certain."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 0.5


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until each has really ended; what they raise is dropped.

    A library that is interrupted at an unlucky moment may answer with an error of its own instead
    of passing the cancellation on (database drivers do), so a task that goes on is told again.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)


async def end_group(process: asyncio.subprocess.Process, grace: float) -> None:
    """End a process that leads its own group, and all that it started: softly first, and killed
    after `grace` seconds."""
    try:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await process.wait()
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
    finally:
        # Also when we are cancelled once more: then nobody would close the pipes.
        _signal(process.pid, signal.SIGKILL)
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
