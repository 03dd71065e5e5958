"""What Slack sent is dealt with once, and not forgotten."""

import asyncio
from datetime import timedelta

from deploy_core.store.inbox import REMEMBER
from deploy_core.store.store import Store
from tests.support.clock import ManualClock


async def test_a_key_is_taken_once(store: Store) -> None:
    taken = await asyncio.gather(*(store.inbox.take("command:1") for _ in range(8)))
    assert sorted(taken) == [False] * 7 + [True]


async def test_the_same_words_are_one_command_for_a_while(store: Store, clock: ManualClock) -> None:
    ten = timedelta(seconds=10)
    assert not await store.inbox.just_said("U1 deploy core", ten)
    await clock.advance(9)
    assert await store.inbox.just_said("U1 deploy core", ten)
    assert not await store.inbox.just_said("U2 deploy core", ten)
    await clock.advance(1)
    assert not await store.inbox.just_said("U1 deploy core", ten)
    said = await asyncio.gather(*(store.inbox.just_said("U3 deploy", ten) for _ in range(8)))
    assert sorted(said) == [False] + [True] * 7


async def test_a_payload_is_kept_until_it_is_done(store: Store, clock: ManualClock) -> None:
    await store.inbox.take("command:1", payload={"text": "deploy core"})
    await store.inbox.take("click:1")
    (left,) = await store.inbox.unfinished(timedelta(minutes=5))
    assert (left.key, left.payload) == ("command:1", {"text": "deploy core"})
    await store.inbox.done("command:1")
    assert await store.inbox.unfinished(timedelta(minutes=5)) == []


async def test_old_keys_are_forgotten(store: Store, clock: ManualClock) -> None:
    await store.inbox.take("command:1")
    await clock.advance(REMEMBER.total_seconds() + 1)
    assert await store.inbox.forget_old() == 1
    assert await store.inbox.take("command:1")
