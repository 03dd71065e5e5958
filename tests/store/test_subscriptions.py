"""Subscriptions are kept once; what is held back comes when its time has come."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from deploy_core.store.look import Facts, Look, Note
from deploy_core.store.store import Store
from deploy_core.watch.failed_runs import RUNS, FailedRun
from deploy_core.watch.subscriptions import Event, Mute, Subscription
from deploy_core.watch.transitions import Happened
from tests.store.test_watching import sent
from tests.support.clock import NOON, ManualClock
from tests.support.plans import ADA, GRACE
from tests.watch.support import at

SUB = Subscription(channel="C1", events=(Event.RUNS,), only=("dbt*",), quiet="22:00-07:00 UTC")
FIRST = Look("prod", "locations", 0, at(0), {})
MORNING = at(60)


def look(
    before: int,
    *moves: tuple[str, Happened],
    told: Mapping[str, Mapping[str, datetime | None]],
    changes: tuple[Note, ...] = (),
) -> Look:
    facts: Facts = {}
    listed = [(name, happened, facts) for name, happened in moves]
    return replace(
        FIRST,
        before=before,
        at=at(before),
        moves=listed,
        changes=changes,
        told=lambda subject: told.get(subject, {}),
    )


async def channels(store: Store) -> list[tuple[str, str]]:
    """Send all that waits; return the channels of the messages, with what was drawn there."""
    found = []
    for about, topic in await sent(store):
        post = await store.posts.get(int(about.removeprefix("post ")))
        found.append((post.channel, post.kind if topic == "card" else topic))
    return found


async def test_a_subscription_is_kept_once(store: Store) -> None:
    added = await asyncio.gather(
        *(store.subscriptions.add(SUB, ADA, origin="command 1") for _ in range(5))
    )
    assert {(kept.id, new) for kept, new in added} == {(1, True)}, "the same payload"
    kept, new = await store.subscriptions.add(SUB, GRACE, origin="command 2")
    assert (kept.id, kept.by, new) == (1, ADA, False), "the same words"
    other = SUB.model_copy(update={"quiet": None})
    kept, new = await store.subscriptions.add(other, GRACE, origin="command 3")
    assert new
    assert [each.subscription for each in await store.subscriptions.all()] == [SUB, other]
    assert await store.subscriptions.get(kept.id) == kept
    assert await store.subscriptions.remove(1)
    assert not await store.subscriptions.remove(1)
    assert await store.subscriptions.get(1) is None


async def test_mutes_end_by_themselves_or_by_a_word(store: Store, clock: ManualClock) -> None:
    soon, late = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    mutes = [Mute(channel=name, until=until) for name, until in (("C1", soon), ("C2", late))]
    for each in mutes:
        await store.subscriptions.mute(each, ADA)
    assert await store.subscriptions.mutes(NOON) == mutes
    assert await store.subscriptions.mutes(soon) == mutes[1:]
    assert await store.subscriptions.unmute("C2")
    assert not await store.subscriptions.unmute("C2")
    assert await store.subscriptions.mutes(NOON) == mutes[:1]


async def test_each_channel_is_told_of_what_is_its_own(store: Store) -> None:
    told = {"core": {"C1": None, "C2": None}, "marts": {"C2": None}}
    await store.watching.keep(FIRST)
    moves = [(name, Happened.FAILED) for name in ("core", "marts", "other")]
    assert await store.watching.keep(look(1, *moves, told=told))
    assert sorted(await channels(store)) == [("C1", "incidents"), *[("C2", "incidents")] * 2]
    assert await store.watching.keep(look(2, ("core", Happened.RECOVERED), told=told))
    assert sorted(await channels(store)) == sorted(
        [("C1", "incidents"), ("C1", "event"), ("C2", "incidents"), ("C2", "event")]
    )


async def test_a_channel_is_told_once_a_run_of_its_own_fails_too(store: Store) -> None:
    first = Look("prod", RUNS, 0, at(0), {})
    runs = [FailedRun(f"r{n}", f"r{n}", "g", "daily", "core", None, at(n)) for n in range(3)]
    assert await store.watching.keep(first)
    for number, to in enumerate(({"C1": None}, {"C1": None, "C2": None}, {"C2": None}), 1):
        assert await store.watching.keep(
            replace(
                first,
                before=number,
                at=at(number),
                moves=[("g", Happened.FAILED, {})],
                runs=runs[number - 1 : number],
                told=lambda _, to=to: to,  # type: ignore[misc]
            )
        )
    found = await channels(store)
    assert sorted(set(found)) == [("C1", "incidents"), ("C2", "incidents")]
    assert len(await store.watching.incidents_of(1)) == len(await store.watching.incidents_of(2))
    assert (await store.posts.get(1)).channel == "C1"


async def test_what_is_still_so_is_told_at_the_end_of_the_quiet_hours(
    store: Store, clock: ManualClock
) -> None:
    told = {name: {"C1": MORNING} for name in ("core", "marts")}
    await store.watching.keep(FIRST)
    await store.watching.keep(
        look(1, ("core", Happened.FAILED), ("marts", Happened.FAILED), told=told)
    )
    await store.watching.keep(look(2, ("marts", Happened.RECOVERED), told=told))
    clock.set_wall(at(59))
    assert await store.held_posts.release() == 0
    assert await channels(store) == []
    clock.set_wall(MORNING)
    assert sorted(await asyncio.gather(store.held_posts.release(), store.held_posts.release())) == [
        0,
        2,
    ]
    assert sorted(await channels(store)) == [("C1", "incidents"), ("C1", "meanwhile")]
    meanwhile = await store.posts.get(3)
    assert meanwhile.data["incidents"] == [2]
    incident = await store.watching.incident(2)
    assert incident is not None
    assert incident.subject == "marts"
    await store.watching.keep(look(3, ("marts", Happened.FAILED), told=told))
    assert ("C1", "incidents") in await channels(store), "it has a message when it breaks again"


async def test_changes_of_a_quiet_night_are_one_message(store: Store, clock: ManualClock) -> None:
    await store.watching.keep(FIRST)
    for number in (1, 2):
        facts = {"location": f"core{number}", "what": "changed"}
        notes = tuple(Note(dict(facts), {"C1": MORNING}) for _ in range(60))
        await store.watching.keep(look(number, told={}, changes=notes))
    clock.set_wall(MORNING)
    assert await store.held_posts.release() == 2
    assert await channels(store) == [("C1", "changes")]
    data = (await store.posts.get(1)).data
    changes = data["changes"]
    assert isinstance(changes, list)
    assert (data["count"], len(changes)) == (120, 100)


async def test_in_quiet_hours_flapping_stays_in_the_thread(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, ("core", Happened.FAILED), told={"core": {"C1": None}}))
    quiet = {"core": {"C1": MORNING}}
    await store.watching.keep(look(2, ("core", Happened.RECOVERED), told=quiet))
    await store.watching.keep(look(3, ("core", Happened.FAILED), told={"core": {"C1": None}}))
    topics = [topic for _, topic in await channels(store)]
    assert topics == ["incidents", "quiet_event", "event"]


async def test_one_that_waits_and_one_that_does_not_are_two_messages(
    store: Store, clock: ManualClock
) -> None:
    names = [f"team{number}" for number in range(12)]
    told = {name: {"C1": MORNING if number % 2 else None} for number, name in enumerate(names)}
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, *((name, Happened.FAILED) for name in names), told=told))
    assert await channels(store) == [("C1", "incidents")]
    clock.set_wall(MORNING)
    await store.held_posts.release()
    assert await channels(store) == [("C1", "incidents")]
    assert [len(await store.watching.incidents_of(number)) for number in (1, 2)] == [6, 6]
