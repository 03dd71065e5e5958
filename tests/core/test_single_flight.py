"""Work shared by all who wait, never older than the call."""

import asyncio

import pytest

from deploy_core.single_flight import SingleFlight


class Work:
    """Counts its runs; a run ends when it is let go."""

    def __init__(self) -> None:
        self.began = 0
        self.cancelled = 0
        self.started = asyncio.Event()
        self.twice = asyncio.Event()
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> None:
        self.began += 1
        self.started.set()
        if self.began == 2:
            self.twice.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error


def _flight() -> SingleFlight[None]:
    return SingleFlight()


async def test_who_comes_during_a_run_shares_the_next_one() -> None:
    flight, work = _flight(), Work()
    first = asyncio.create_task(flight.run("k", work))
    await work.started.wait()
    later = [asyncio.create_task(flight.run("k", work)) for _ in range(5)]
    await asyncio.sleep(0)
    assert work.began == 1
    work.go.set()
    await asyncio.gather(first, *later)
    assert work.began == 2
    await flight.run("k", work)
    assert work.began == 3


async def test_other_keys_do_not_wait() -> None:
    flight, work = _flight(), Work()
    tasks = [asyncio.create_task(flight.run(key, work)) for key in "ab"]
    await work.twice.wait()
    work.go.set()
    await asyncio.gather(*tasks)


async def test_an_error_reaches_all_and_ends_with_its_run() -> None:
    flight, work = _flight(), Work()
    work.error = ValueError("no")
    work.go.set()
    results = await asyncio.gather(
        *(flight.run("k", work) for _ in range(3)), return_exceptions=True
    )
    assert [str(result) for result in results] == ["no"] * 3
    work.error = None
    await flight.run("k", work)
    assert work.began == 2


async def test_work_ends_when_nobody_waits_and_only_then() -> None:
    flight, work = _flight(), Work()
    tasks = [asyncio.create_task(flight.run("k", work)) for _ in range(2)]
    await work.started.wait()
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert work.cancelled == 0
    queued = asyncio.create_task(flight.run("k", work))
    await asyncio.sleep(0)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert work.cancelled == 1
    work.go.set()
    await queued
    assert work.began == 2


async def test_a_queued_call_may_go_before_its_run_began() -> None:
    flight, work = _flight(), Work()
    first = asyncio.create_task(flight.run("k", work))
    await work.started.wait()
    queued = asyncio.create_task(flight.run("k", work))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    again = asyncio.create_task(flight.run("k", work))
    await asyncio.sleep(0)
    work.go.set()
    await asyncio.gather(first, again)
    assert work.began == 2


async def test_close_ends_what_runs_and_what_waits() -> None:
    flight, work = _flight(), Work()
    running = asyncio.create_task(flight.run("k", work))
    await work.started.wait()
    waiting = asyncio.create_task(flight.run("k", work))
    await asyncio.sleep(0)
    await flight.close()
    for task in (running, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    work.go.set()
    await flight.run("k", work)
    assert work.began == 2, "usable again: nothing was left behind"
