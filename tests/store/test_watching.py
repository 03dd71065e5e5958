"""Looks are kept one after the other, with their incidents and messages, once."""

import asyncio
from dataclasses import replace

import pytest

from deploy_core.store.look import Facts, Look, Note
from deploy_core.store.store import Store
from deploy_core.watch.incidents import IncidentState, Said
from deploy_core.watch.transitions import Happened
from tests.support.clock import ManualClock
from tests.watch.support import at

FIRST = Look("prod", "locations", 0, at(0), {}, told=lambda _: {"C0OPS": None})


def look(before: int, minute: float, *moves: tuple[str, Happened], **more: object) -> Look:
    facts: Facts = {"version": f"v{before}"}
    listed = [(name, happened, facts) for name, happened in moves]
    return replace(FIRST, before=before, at=at(minute), moves=listed, **more)  # type: ignore[arg-type]


async def sent(store: Store) -> list[tuple[str, str]]:
    """Send all that waits, and return what it was about."""
    found = []
    while due := await store.outbox.due():
        for intent in due:
            await store.outbox.take(intent)
            await store.outbox.sent(intent)
            found.append((intent.about, intent.topic))
    return found


async def test_a_failure_is_posted_once_and_its_recovery_is_in_the_thread(store: Store) -> None:
    assert await store.watching.keep(FIRST)
    assert await store.watching.keep(look(1, 1, ("core", Happened.FAILED)))
    assert await sent(store) == [("post 1", "card")]
    assert await store.watching.keep(look(2, 2, ("core", Happened.FAILED_DIFFERENTLY)))
    assert await sent(store) == [("post 1", "card")]
    assert await store.watching.keep(look(3, 3, ("core", Happened.RECOVERED)))
    assert await sent(store) == [("post 1", "card"), ("post 1", "event")]
    (incident,) = await store.watching.incidents_of(1)
    assert (incident.state, incident.ended_at) == (IncidentState.ENDED, at(3))
    assert incident.data == {"version": "v2"}
    event, of = await store.watching.event(1)
    assert (event.said, of.id, event.data["since_last"]) == (Said.RECOVERED, incident.id, 120.0)


async def test_of_many_looks_at_the_same_time_one_counts(store: Store) -> None:
    await store.watching.keep(FIRST)
    same = look(1, 1, ("core", Happened.FAILED))
    kept = await asyncio.gather(*(store.watching.keep(same) for _ in range(8)))
    assert kept.count(True) == 1
    assert await sent(store) == [("post 1", "card")]


async def test_a_look_that_is_older_than_what_is_known_is_not_kept(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 5))
    assert not await store.watching.keep(look(1, 6, ("core", Happened.FAILED)))
    assert not await store.watching.keep(look(2, 4, ("core", Happened.FAILED)))
    assert await sent(store) == []


async def test_a_location_that_comes_and_goes_has_one_message(store: Store) -> None:
    await store.watching.keep(FIRST)
    for minute in range(1, 12):
        what = Happened.FAILED if minute % 2 else Happened.RECOVERED
        assert await store.watching.keep(look(minute, minute, ("core", what)))
    said = await sent(store)
    assert {about for about, _ in said} == {"post 1"}
    assert [topic for _, topic in said].count("event") == 4
    assert await store.watching.keep(look(12, 12, ("core", Happened.RECOVERED)))
    assert await store.watching.keep(look(13, 30))
    assert ("post 1", "event") in await sent(store)
    (incident,) = await store.watching.incidents_of(1)
    assert (incident.state, incident.failures) == (IncidentState.ENDED, 6)


async def test_a_failure_much_later_is_a_new_incident(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 1, ("core", Happened.FAILED)))
    await store.watching.keep(look(2, 2, ("core", Happened.RECOVERED)))
    await store.watching.keep(look(3, 60, ("core", Happened.FAILED)))
    assert {about for about, _ in await sent(store)} == {"post 1", "post 2"}


async def test_what_breaks_together_is_told_together(store: Store) -> None:
    names = [f"team_{number:03}" for number in range(300)]
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 1, *((name, Happened.FAILED) for name in names)))
    assert await sent(store) == [("post 1", "card")]
    assert len(await store.watching.incidents_of(1)) == 300
    await store.watching.keep(look(2, 2, *((name, Happened.RECOVERED) for name in names[:299])))
    assert await sent(store) == [("post 1", "card")]
    await store.watching.keep(look(3, 3, (names[299], Happened.RECOVERED)))
    assert await sent(store) == [("post 1", "card"), ("post 1", "all_ended")]


async def test_changes_from_outside_are_one_message_a_look(store: Store) -> None:
    await store.watching.keep(FIRST)
    facts: list[Facts] = [{"location": f"core{n}", "what": "changed"} for n in range(300)]
    changes = [Note(each, {"C0OPS": None}) for each in facts]
    await store.watching.keep(look(1, 1, changes=changes))
    assert await sent(store) == [("post 1", "card")]
    post = await store.posts.get(1)
    assert post.data["count"] == 300


async def test_without_a_channel_it_is_known_and_not_told(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 1, ("core", Happened.FAILED), told=lambda _: {}))
    assert await sent(store) == []
    assert [each.subject for each in await store.watching.lately("prod", at(1))] == ["core"]


@pytest.mark.parametrize("report", ["digest", "weekly"])
async def test_a_slot_has_one_owner(store: Store, clock: ManualClock, report: str) -> None:
    claims = await asyncio.gather(
        *(store.watching.claim_slot(report, "2026-03-29") for _ in range(8))
    )
    assert claims.count(True) == 1
    assert await store.watching.claim_slot(report, "2026-03-30")
