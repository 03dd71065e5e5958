"""Who writes when: many together, the urgent ones first, and nobody for ever behind another."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from deploy_core.model.errors import StoreUnavailable
from deploy_core.store import connection
from deploy_core.store.store import Store
from deploy_core.store.together import Together
from deploy_core.store.turns import Turns
from tests.support.clock import ManualClock


class Commits:
    """Counts the transactions that the store has committed."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        store.database.on_commit.append(self._one)

    def _one(self) -> None:
        self.count += 1


async def test_payloads_that_come_together_share_a_transaction(store: Store, other: Store) -> None:
    commits = Commits(store)
    taken = await asyncio.gather(
        *(store.inbox.take(f"command:{number}", payload={"n": number}) for number in range(16))
    )
    assert taken == [True] * 16
    assert commits.count <= 2, "the first may go alone, the others go together"
    left = await other.inbox.unfinished(timedelta(minutes=5))
    assert sorted(each.key for each in left) == sorted(f"command:{n}" for n in range(16))

    await asyncio.gather(*(store.inbox.done(each.key) for each in left))
    assert commits.count <= 4
    assert await other.inbox.unfinished(timedelta(minutes=5)) == []


async def test_of_the_same_payload_in_one_transaction_only_the_first_is_new(store: Store) -> None:
    first = asyncio.create_task(store.inbox.take("other"))
    await asyncio.sleep(0)
    keys = ["a", "a", "b", "a", "b", "other"]
    taken = await asyncio.gather(*(store.inbox.take(key) for key in keys))
    assert taken == [True, False, True, False, False, False]
    assert await first


async def test_a_payload_is_written_when_its_taking_returns(address: str) -> None:
    """Read by a second process, as after a crash of the first."""

    async def opened() -> Store:
        return await Store.open(address, ManualClock())

    writer, reader = await opened(), await opened()
    try:
        for number in range(3):
            assert await writer.inbox.take(f"command:{number}", payload={"text": "deploy"})
            (left,) = await reader.inbox.unfinished(timedelta(minutes=5))
            assert left.key == f"command:{number}"
            assert not await reader.inbox.take(f"command:{number}")
    finally:
        await writer.close()
        await reader.close()


async def test_when_the_database_is_locked_everybody_who_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SQLITE_BUSY_SECONDS", 0.05)
    path = tmp_path / "store.sqlite"
    store = await Store.open(str(path), ManualClock())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        asked = [store.inbox.take(str(number)) for number in range(3)]
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, StoreUnavailable) for each in told), told
        with pytest.raises(StoreUnavailable, match="OperationalError"):
            await store.work.enlist("me", "bot")
        other.execute("ROLLBACK")
        assert await store.inbox.take("0"), "it wasn't written, and now it can be"
    finally:
        other.close()
        await store.close()


async def test_a_waiting_writer_lets_the_urgent_one_go_first() -> None:
    turns, order = Turns(), list[str]()

    async def write(name: str, *, urgent: bool = False) -> None:
        await turns.take(urgent=urgent)
        order.append(name)
        await asyncio.sleep(0)
        turns.give()

    await turns.take()
    writers = [asyncio.create_task(write(name)) for name in ("worker", "outbox")]
    await asyncio.sleep(0)
    writers.append(asyncio.create_task(write("ack", urgent=True)))
    await asyncio.sleep(0)
    turns.give()
    await asyncio.gather(*writers)
    assert order == ["ack", "worker", "outbox"]


async def test_who_waits_is_not_passed_twice_by_the_same_urgent_one() -> None:
    turns, order = Turns(), list[str]()

    async def acks() -> None:
        for number in range(3):
            await turns.take(urgent=True)
            order.append(f"ack {number}")
            await asyncio.sleep(0)
            turns.give()

    async def worker() -> None:
        await turns.take()
        order.append("worker")
        turns.give()

    await asyncio.gather(acks(), worker())
    assert order.index("worker") <= 1


@pytest.mark.parametrize("given_first", [False, True])
async def test_who_is_cancelled_keeps_no_turn(given_first: bool) -> None:
    turns = Turns()
    await turns.take()
    gone, next_one = (asyncio.create_task(turns.take()) for _ in range(2))
    await asyncio.sleep(0)
    if given_first:
        turns.give()
    gone.cancel()
    if not given_first:
        turns.give()
    async with asyncio.timeout(30):
        await next_one
        turns.give()
        await turns.take()
    assert gone.cancelled() or gone.cancelling()


async def test_work_that_fails_is_told_to_all_and_the_next_goes_on() -> None:
    asked: list[list[int]] = []

    async def work(part: Sequence[int]) -> list[int]:
        asked.append(list(part))
        await asyncio.sleep(0)
        if 2 in part:
            raise StoreUnavailable("The database can't be used.")
        return [number * 10 for number in part]

    together = Together(work)
    calls = [asyncio.create_task(together.ask(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    first = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in first)
    assert await asyncio.gather(*(together.ask(number) for number in (3, 4))) == [30, 40]
    assert asked == [[1, 2], [3, 4]]
