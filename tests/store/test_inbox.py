"""What Slack sent is dealt with once, and not forgotten."""

import asyncio
from datetime import timedelta

from pydantic import JsonValue

from deploy_core.store.inbox import REMEMBER, Taken
from deploy_core.store.leases import LEASE
from deploy_core.store.store import Store
from tests.support.clock import ManualClock


async def test_a_key_is_taken_once(store: Store) -> None:
    taken = await asyncio.gather(*(store.inbox.take("command:1") for _ in range(8)))
    assert sorted(taken) == [False] * 7 + [True]


async def test_the_same_words_are_one_command_for_a_while(
    store: Store, other: Store, clock: ManualClock
) -> None:
    async def says(key: str, words: str) -> Taken:
        payload: dict[str, JsonValue] = {"text": words}
        within = timedelta(seconds=10)
        return await store.inbox.take_words(key, payload=payload, words=words, within=within)

    assert await says("command:1", "U1 deploy core") is Taken.NEW
    assert await says("command:1", "U1 deploy core") is Taken.SEEN
    await clock.advance(9)
    assert await says("command:2", "U1 deploy core") is Taken.SAID_TWICE
    assert await says("command:2", "U1 deploy core") is Taken.SEEN
    assert await says("command:3", "U2 deploy core") is Taken.NEW
    await clock.advance(1)
    assert await says("command:4", "U1 deploy core") is Taken.NEW
    await store.inbox.unsay("U2 deploy core")
    assert await says("command:5", "U2 deploy core") is Taken.NEW, "it was refused"
    said = await asyncio.gather(*(says(f"command:1{n}", "U3 deploy") for n in range(8)))
    assert sorted(said, key=lambda taken: taken.value) == [Taken.NEW] + [Taken.SAID_TWICE] * 7
    kept = {left.key for left in await other.inbox.unfinished(timedelta(minutes=5))}
    assert {"command:1", "command:3", "command:4", "command:5"} < kept
    assert len(kept) == 5, "nothing that was said twice is done after a crash"


async def test_a_payload_is_kept_until_it_is_done(store: Store, other: Store) -> None:
    await store.inbox.take("command:1", payload={"text": "deploy core"})
    await store.inbox.take("click:1")
    assert await store.inbox.unfinished(timedelta(minutes=5)) == [], "we are at it ourselves"
    (left,) = await other.inbox.unfinished(timedelta(minutes=5))
    assert (left.key, left.payload) == ("command:1", {"text": "deploy core"})
    assert await other.inbox.unfinished(timedelta(minutes=5)) == []
    await other.inbox.done("command:1")
    assert await store.inbox.unfinished(timedelta(minutes=5)) == []


async def test_what_a_living_process_has_taken_is_left_to_it(
    store: Store, other: Store, clock: ManualClock
) -> None:
    await store.work.enlist(store.process, "bot")
    await store.inbox.take("command:1", payload={"text": "deploy core"})
    assert await other.inbox.unfinished(timedelta(minutes=5)) == []
    await clock.advance(LEASE.total_seconds())
    taken = await asyncio.gather(*(other.inbox.unfinished(timedelta(minutes=5)) for _ in range(8)))
    assert sum(len(each) for each in taken) == 1


async def test_what_slack_delivers_late_and_out_of_order_is_still_known(
    store: Store, clock: ManualClock
) -> None:
    """Its last retry comes after five minutes, and others may come before it."""
    assert await store.inbox.take("second")
    assert await store.inbox.take("first")
    for _ in range(3):
        await clock.advance(300)
        await store.inbox.forget_old()
        assert not await store.inbox.take("first")
        assert not await store.inbox.take("second")


async def test_old_keys_are_forgotten(store: Store, clock: ManualClock) -> None:
    await store.inbox.take("command:1")
    await clock.advance(REMEMBER.total_seconds() + 1)
    assert await store.inbox.forget_old() == 1
    assert await store.inbox.take("command:1")
