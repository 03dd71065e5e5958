"""The order and the keeping of what Slack is still to be told."""

import asyncio
from datetime import timedelta

from deploy_core.model.deploys import Place, Stop
from deploy_core.store.leases import LEASE
from deploy_core.store.outbox import Intent
from deploy_core.store.posts import add_post, want_post, want_reply
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA, plan, request


async def _one(store: Store) -> Intent:
    (intent,) = await store.outbox.due()
    return intent


async def test_cards_are_coalesced_until_one_is_being_sent(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    await store.deploys.press(deploy_id, "a", ADA)
    card = await _one(store)
    assert card.topic == "card"
    assert await store.outbox.take(card)
    assert not await store.outbox.take(card)
    await store.deploys.press(deploy_id, "b", ADA)
    assert await store.outbox.due() == []
    await store.outbox.sent(card)
    assert (await _one(store)).id != card.id


async def test_a_later_try_waits_for_its_time(store: Store, clock: ManualClock) -> None:
    await store.deploys.create(plan(), request())
    card = await _one(store)
    await store.outbox.take(card)
    await store.outbox.later(card, timedelta(seconds=30), "ratelimited")
    assert await store.outbox.due() == []
    await clock.advance(30)
    again = await _one(store)
    assert (again.id, again.attempts) == (card.id, 1)


async def test_a_newer_card_replaces_one_that_failed(store: Store, clock: ManualClock) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    card = await _one(store)
    await store.outbox.take(card)
    await store.deploys.ask_stop(deploy_id, Stop.CANCEL, ADA)
    await store.outbox.later(card, timedelta(seconds=5), "slack_unreachable")
    assert await store.outbox.due() == []
    await clock.advance(5)
    newer = await _one(store)
    assert newer.id != card.id
    assert newer.topic == "card"


async def test_what_a_dead_process_was_sending_is_looked_for_and_sent_again(
    store: Store, other: Store, clock: ManualClock
) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    await store.work.enlist(store.process, "bot")
    card = await _one(store)
    await store.outbox.take(card)
    await store.deploys.press(deploy_id, "a", ADA)
    assert await other.outbox.recover() == 0, "it lives"
    await clock.advance(LEASE.total_seconds())
    assert await store.outbox.recover() == 0, "its own"
    assert await other.outbox.recover() == 1
    again = await _one(other)
    assert (again.id, again.unsure) == (card.id, True)
    assert await other.outbox.take(again)
    assert not await store.outbox.posted(card, Place(channel="C1", ts="1")), "the woken one"
    assert await other.outbox.posted(again, Place(channel="C1", ts="2"))
    assert (await store.deploys.get(deploy_id)).place == Place(channel="C1", ts="2")
    await store.outbox.later(card, timedelta(0), "late")
    await other.outbox.sent(again)
    assert (await _one(other)).id != card.id, "the newer card is next"


async def test_a_post_that_two_processes_sent_is_where_the_second_one_says(
    store: Store, other: Store, clock: ManualClock
) -> None:
    async with store.database.write() as connection:
        post_id = await add_post(
            connection, key="k", kind="note", channel="C1", data={}, at=clock.now()
        )
    assert post_id is not None
    card = await _one(store)
    await store.outbox.take(card)
    await clock.advance(LEASE.total_seconds())
    assert await other.outbox.recover() == 1
    again = await _one(other)
    assert again.unsure
    await other.outbox.take(again)
    assert not await store.outbox.posted(card, Place(channel="C1", ts="1")), "the woken one"
    assert await other.outbox.posted(again, Place(channel="C2", ts="2"))
    assert await store.outbox.place(card) == Place(channel="C2", ts="2")
    post = await store.posts.get(post_id)
    assert (post.channel, post.ts) == ("C2", "2")
    await other.outbox.sent(again)
    await store.outbox.sent(card)
    assert (await _one(other)).topic == "card", "what the woken one has edited is drawn over"


async def test_the_edit_of_a_woken_process_is_drawn_over(
    store: Store, other: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan(), request())
    card = await _one(store)
    await store.outbox.take(card)
    await clock.advance(LEASE.total_seconds())
    await other.outbox.recover()
    again = await _one(other)
    await other.outbox.take(again)
    await other.outbox.sent(again)
    assert await other.outbox.due() == []
    await store.outbox.sent(card)
    assert (await _one(other)).topic == "card"


async def test_two_senders_take_each_intent_once_and_a_deploy_s_in_order(
    store: Store, other: Store
) -> None:
    await store.deploys.create(plan("core"), request())
    await store.deploys.create(plan("marts"), request())
    for intent in await store.outbox.due():
        taken = await asyncio.gather(store.outbox.take(intent), other.outbox.take(intent))
        assert sorted(taken) == [False, True]
    assert await store.outbox.due() == []


async def test_deploys_do_not_wait_for_each_other(store: Store, clock: ManualClock) -> None:
    await store.deploys.create(plan("core"), request())
    await store.deploys.create(plan("marts"), request())
    first, second = await store.outbox.due()
    await store.outbox.take(first)
    await store.outbox.later(first, timedelta(minutes=5), "slack_channel_closed")
    assert [intent.id for intent in await store.outbox.due()] == [second.id]


async def _post(store: Store, clock: ManualClock, key: str = "core down") -> int | None:
    async with store.database.write() as connection:
        return await add_post(
            connection, key=key, kind="notice", channel="C0OPS", data={}, at=clock.now()
        )


async def test_a_post_is_written_once_and_its_edits_are_coalesced(
    store: Store, clock: ManualClock
) -> None:
    post_id = await _post(store, clock)
    assert post_id is not None
    assert await _post(store, clock) is None
    async with store.database.write() as connection:
        await want_post(connection, post_id, clock.now())
    card = await _one(store)
    assert (card.post_id, card.deploy_id, card.topic) == (post_id, None, "card")
    await store.outbox.take(card)
    async with store.database.write() as connection:
        await want_post(connection, post_id, clock.now())
    assert await store.outbox.due() == []
    await store.outbox.later(card, timedelta(seconds=1), "slack_unreachable")
    await clock.advance(1)
    assert (await _one(store)).id != card.id


async def test_the_thread_of_a_post_waits_for_its_message(
    store: Store, other: Store, clock: ManualClock
) -> None:
    post_id = await _post(store, clock)
    assert post_id is not None
    async with store.database.write() as connection:
        await want_reply(connection, post_id, "recovered", clock.now(), 7)
    card = await _one(store)
    assert card.topic == "card"
    await store.outbox.take(card)
    assert await other.outbox.recover() == 1
    await store.outbox.take(card)
    await store.outbox.sent(card)
    reply = await _one(store)
    assert (reply.topic, reply.position) == ("recovered", 7)


async def test_posts_and_deploys_do_not_wait_for_each_other(
    store: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan("core"), request())
    await _post(store, clock)
    await _post(store, clock, "marts down")
    assert [intent.about for intent in await store.outbox.due()] == ["deploy 1", "post 1", "post 2"]


async def test_a_clock_that_is_set_back_does_not_hold_a_message_up(
    store: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan(), request())
    card = await _one(store)
    await store.outbox.take(card)
    await store.outbox.later(card, timedelta(seconds=30), "ratelimited")
    assert await store.outbox.due() == []
    clock.set_wall(clock.now() - timedelta(hours=1))
    assert (await _one(store)).id == card.id
