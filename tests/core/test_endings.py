"""What is done at the same time ends together."""

import asyncio

import pytest

from deploy_core.endings import all_of


class GoesOn:
    """Work that only ends when it is ended."""

    def __init__(self) -> None:
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # a process that is ended takes its time too
            self.ended.set()


async def test_answers_come_in_the_order_of_what_was_asked() -> None:
    first_may = asyncio.Event()

    async def first() -> str:
        await first_may.wait()
        return "first"

    async def second() -> int:
        first_may.set()
        return 2

    one, two = await all_of(first(), second())
    assert (one, two) == ("first", 2)


async def test_when_one_fails_the_others_have_ended_before_it_is_told() -> None:
    work = GoesOn()

    async def fails() -> None:
        await work.began.wait()
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await all_of(work.run(), fails())
    assert work.ended.is_set()


async def test_a_cancellation_ends_all_of_it() -> None:
    work = GoesOn()
    task = asyncio.create_task(all_of(work.run()))
    await work.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended.is_set()
