"""Alerts of Dagster+ are taken once, and joined or told once, whoever comes first."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploy_core.store.alerts import FOUND_WITHIN, KEEP, SAME_ALERT, Waiting
from deploy_core.store.look import Look
from deploy_core.store.store import Store
from deploy_core.store.tables import outbox, posts
from deploy_core.watch.alerts import About, Alert
from deploy_core.watch.incidents import FLAPS_WITHIN, Said
from deploy_core.watch.transitions import Happened
from tests.support.clock import ManualClock

CORE = Alert("prod", About.LOCATION, "core", "core can't be loaded", "Critical")
RUN = Alert("prod", About.RUN, "run-1", "daily failed")


async def waiting(store: Store) -> Waiting:
    (found,) = await store.alerts.waiting("prod")
    return found


async def looked(
    store: Store, clock: ManualClock, happened: Happened, *, kind: str = "locations", of: str = ""
) -> None:
    """The watcher sees that something happened to `core`."""
    last = await store.watching.last("prod", kind)
    look = Look(
        deployment="prod",
        kind=kind,
        before=last.version if last is not None else 0,
        at=clock.now(),
        data={},
        moves=[(of or "core", happened, {})],
        told=lambda _subject: {"C1": None},
    )
    assert await store.watching.keep(look)


async def topics(store: Store) -> list[str]:
    async with store.database.read() as connection:
        query = sa.select(outbox.c.topic).order_by(outbox.c.id)
        return list((await connection.execute(query)).scalars())


async def keys(store: Store) -> list[str]:
    async with store.database.read() as connection:
        return list((await connection.execute(sa.select(posts.c.key))).scalars())


async def said(store: Store) -> list[dict[str, object]]:
    async with store.database.read() as connection:
        query = sa.select(posts.c.data).order_by(posts.c.id)
        return list((await connection.execute(query)).scalars())


async def test_the_same_alert_is_taken_once_and_later_again(
    store: Store, clock: ManualClock
) -> None:
    assert await store.alerts.take(CORE)
    by_another = Alert("prod", About.LOCATION, "core", "in other words", "Another policy")
    assert not await store.alerts.take(CORE)
    assert not await store.alerts.take(by_another)
    found = await waiting(store)
    assert (found.alert, found.at) == (CORE, clock.now())
    assert await store.alerts.tell(found, {})
    assert await store.alerts.waiting("prod") == []
    await clock.advance(SAME_ALERT.total_seconds())
    assert await store.alerts.take(by_another)
    assert (await waiting(store)).alert == by_another
    assert not await store.alerts.tell(found, {"C1": None}), "that was the earlier one"


async def test_of_a_run_there_is_one_alert(store: Store, clock: ManualClock) -> None:
    assert await store.alerts.take(RUN)
    await clock.advance(SAME_ALERT.total_seconds() * 2)
    assert not await store.alerts.take(RUN)


async def test_an_alert_joins_the_incident_in_its_thread_once(
    store: Store, clock: ManualClock
) -> None:
    await looked(store, clock, Happened.FAILED)
    for _ in range(2):
        assert await store.alerts.take(CORE)
        one = await waiting(store)
        incident = await store.alerts.incident_of(one)
        assert incident is not None
        joined = await asyncio.gather(*(store.alerts.join(one, incident) for _ in range(3)))
        assert sorted(joined) == [False, False, True]
        assert await topics(store) == ["card", "quiet_event"]
        await clock.advance(SAME_ALERT.total_seconds())
    event, of_it = await store.watching.event(1)
    assert (event.said, event.data, of_it.subject) == (
        Said.ALERTED,
        {"policy": "Critical"},
        "core",
    )


async def test_it_joins_what_was_over_only_just(store: Store, clock: ManualClock) -> None:
    await looked(store, clock, Happened.FAILED)
    await clock.advance(1)
    await looked(store, clock, Happened.RECOVERED)
    await clock.advance(FLAPS_WITHIN.total_seconds())
    assert await store.alerts.take(CORE)
    one = await waiting(store)
    assert await store.alerts.incident_of(one) == 1
    late = Waiting(one.id, one.at + timedelta(seconds=1), one.alert)
    assert await store.alerts.incident_of(late) is None


@pytest.mark.parametrize(
    ("alert", "kind", "subject", "joins"),
    [
        (CORE, "locations", "core2", False),
        (CORE, "agents", "core", False),
        (Alert("staging", About.LOCATION, "core", "x"), "locations", "core", False),
        (Alert("prod", About.AGENT, "agents", "x"), "agents", "queue gpu", True),
        (
            Alert("prod", About.TICK, "schedule daily", "x"),
            "schedules",
            "schedule daily in a",
            True,
        ),
        (Alert("prod", About.TICK, "schedule d%", "x"), "schedules", "schedule daily in a", False),
        (Alert("prod", About.OTHER, "core", "x"), "locations", "core", False),
        (RUN, "locations", "run-1", False),
    ],
)
async def test_it_joins_only_what_it_is_about(
    store: Store, clock: ManualClock, alert: Alert, kind: str, subject: str, joins: bool
) -> None:
    await looked(store, clock, Happened.FAILED, kind=kind, of=subject)
    found = await store.alerts.incident_of(Waiting(1, clock.now(), alert))
    assert (found is not None) is joins


async def test_what_joins_nothing_is_told_once_in_each_channel(
    store: Store, clock: ManualClock
) -> None:
    assert await store.alerts.take(CORE)
    one = await waiting(store)
    later = clock.now() + timedelta(hours=1)
    told = await asyncio.gather(
        *(store.alerts.tell(one, {"C1": None, "C2": later}) for _ in range(3))
    )
    assert sorted(told) == [False, False, True]
    assert len(await keys(store)) == 2
    assert await topics(store) == ["card"], "the other one is held back"


async def test_what_was_told_alone_is_joined_to_what_is_found_later(
    store: Store, clock: ManualClock
) -> None:
    assert await store.alerts.take(CORE)
    assert await store.alerts.tell(await waiting(store), {"C1": None, "C2": None})
    (one,) = await store.alerts.dealt_lately("prod")
    assert await store.alerts.incident_of(one) is None
    await looked(store, clock, Happened.FAILED)
    incident = await store.alerts.incident_of(one)
    assert incident is not None
    found = await asyncio.gather(*(store.alerts.found(one, incident) for _ in range(3)))
    assert sorted(found) == [False, False, True]
    assert [("found" in each) for each in await said(store)] == [True, True, False]
    assert await topics(store) == ["card", "card", "card", "quiet_event"]
    await clock.advance(FOUND_WITHIN.total_seconds())
    assert await store.alerts.dealt_lately("prod") == []


async def test_what_joined_an_incident_is_not_found_once_more(
    store: Store, clock: ManualClock
) -> None:
    await looked(store, clock, Happened.FAILED)
    assert await store.alerts.take(CORE)
    one = await waiting(store)
    incident = await store.alerts.incident_of(one)
    assert incident is not None
    assert await store.alerts.join(one, incident)
    assert await store.alerts.dealt_lately("prod") == [one]
    assert not await store.alerts.found(one, incident)


async def test_old_ones_are_forgotten(store: Store, clock: ManualClock) -> None:
    assert await store.alerts.take(CORE)
    await store.alerts.forget_old()
    assert (await waiting(store)).alert == CORE
    await clock.advance(KEEP.total_seconds() + 1)
    await store.alerts.forget_old()
    assert await store.alerts.waiting("prod") == []
