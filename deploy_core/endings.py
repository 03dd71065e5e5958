"""Ending tasks and processes for certain."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

AGAIN_SECONDS = 0.5


async def end_tasks(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel the tasks and wait until each has really ended; what they raise is dropped.

    A library that is interrupted at an unlucky moment may answer with an error of its own instead
    of passing the cancellation on (database drivers do), so a task that goes on is told again.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)


@overload
async def all_of(one: Awaitable[A], two: Awaitable[B], /) -> tuple[A, B]: ...


@overload
async def all_of(
    one: Awaitable[A], two: Awaitable[B], three: Awaitable[C], /
) -> tuple[A, B, C]: ...


@overload
async def all_of(
    one: Awaitable[A], two: Awaitable[B], three: Awaitable[C], four: Awaitable[D], /
) -> tuple[A, B, C, D]: ...


@overload
async def all_of(
    one: Awaitable[A],
    two: Awaitable[B],
    three: Awaitable[C],
    four: Awaitable[D],
    five: Awaitable[E],
    /,
) -> tuple[A, B, C, D, E]: ...


@overload
async def all_of(*work: Awaitable[A]) -> list[A]: ...


async def all_of(*work: Awaitable[Any]) -> Any:
    """Do all at the same time and return what they return, in their order.

    When one fails the others are ended before its error is raised: `asyncio.gather` leaves them
    running, and a program that ends at that moment can hang on a process that was just starting.
    """
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await end_tasks(tasks)


async def to_its_end(work: Awaitable[A]) -> A:
    """Return what the work returns. Who is cancelled meanwhile waits for its end all the same, and
    then passes the cancellation on."""
    task = asyncio.ensure_future(work)
    interrupted: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        if not task.cancelled():
            task.exception()  # nobody is left to be told
        raise interrupted
    return task.result()


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
