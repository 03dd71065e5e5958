"""The order and the keeping of what Slack is still to be told."""

from datetime import timedelta

from deploy_core.model.deploys import Stop
from deploy_core.store.outbox import Intent
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


async def test_what_a_dead_process_was_sending_is_sent_again(store: Store) -> None:
    await store.deploys.create(plan(), request())
    card = await _one(store)
    await store.outbox.take(card)
    assert await store.outbox.recover() == 1
    assert (await _one(store)).id == card.id


async def test_deploys_do_not_wait_for_each_other(store: Store, clock: ManualClock) -> None:
    await store.deploys.create(plan("core"), request())
    await store.deploys.create(plan("marts"), request())
    first, second = await store.outbox.due()
    await store.outbox.take(first)
    await store.outbox.later(first, timedelta(minutes=5), "slack_channel_closed")
    assert [intent.id for intent in await store.outbox.due()] == [second.id]
