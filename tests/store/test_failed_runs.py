"""Failed runs are noted once, under the incident of their group, and told as their marks allow."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from deploy_core.store.look import Facts, Look
from deploy_core.store.store import Store
from deploy_core.watch.failed_runs import RUNS, FailedRun, Failures, JobCount, OpenGroup
from deploy_core.watch.incidents import IncidentState, Said
from deploy_core.watch.marks import Mark, MarkKind
from deploy_core.watch.transitions import Happened
from tests.store.test_watching import sent
from tests.support.clock import ManualClock
from tests.support.plans import ADA, GRACE
from tests.watch.support import at

FIRST = Look("prod", RUNS, 0, at(0), {}, told=lambda _: {"C0OPS": None})


def run(number: int, group: str = "g", *, root: int | None = None, job: str = "daily") -> FailedRun:
    first = f"r{number if root is None else root}"
    return FailedRun(f"r{number}", first, group, job, "core", "load", at(number))


def look(before: int, minute: float, *runs: FailedRun, over: Sequence[str] = ()) -> Look:
    facts: Facts = {"run": f"v{before}"}
    moves = [(group, Happened.FAILED, facts) for group in dict.fromkeys(r.group for r in runs)]
    moves += [(group, Happened.RECOVERED, {"fixed_by": "r9"}) for group in over]
    return replace(FIRST, before=before, at=at(minute), moves=moves, runs=runs)


async def test_a_group_is_one_message_that_is_edited_as_it_grows(store: Store) -> None:
    await store.watching.keep(FIRST)
    assert await store.watching.keep(look(1, 3, run(1), run(2), run(3, "other", job="hourly")))
    assert await sent(store) == [("post 1", "card"), ("post 2", "card")]
    assert await store.watching.keep(look(2, 5, run(4), run(5, root=4)))
    assert await sent(store) == [("post 1", "card")]
    failures = await store.failed_runs.of_incidents([1, 2])
    assert failures == {
        1: Failures(3, 4, at(1), at(5), "r5", (JobCount("core", "daily", 3),)),
        2: Failures(1, 1, at(3), at(3), "r3", (JobCount("core", "hourly", 1),)),
    }


async def test_of_two_looks_at_the_same_runs_one_counts(store: Store, other: Store) -> None:
    await store.watching.keep(FIRST)
    same = look(1, 3, run(1), run(2))
    kept = await asyncio.gather(*(each.watching.keep(same) for each in (store, other) * 3))
    assert kept.count(True) == 1
    assert await sent(store) == [("post 1", "card")]
    assert (await store.failed_runs.of_incidents([1]))[1].runs == 2


async def test_a_run_that_is_known_is_neither_counted_nor_told_again(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await sent(store)
    assert await store.failed_runs.known("prod", ["r1", "r2"]) == {"r1"}
    assert await store.failed_runs.known("staging", ["r1"]) == set()
    again = replace(look(2, 4, run(1)), moves=[("g", Happened.FAILED, {})])
    assert await store.watching.keep(again)
    assert await sent(store) == []


async def test_what_is_fixed_is_said_in_the_thread_with_the_proof(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await store.watching.keep(look(2, 6, over=["g"]))
    assert await sent(store) == [("post 1", "card"), ("post 1", "event")]
    (incident,) = await store.watching.incidents_of(1)
    assert (incident.state, incident.data) == (IncidentState.ENDED, {"run": "v1", "fixed_by": "r9"})
    event, _ = await store.watching.event(1)
    assert (event.said, event.data["fixed_by"]) == (Said.RECOVERED, "r9")
    assert await store.failed_runs.open_groups("prod") == []


async def test_what_fails_much_later_is_another_incident_and_known(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await store.watching.keep(look(2, 6, over=["g"]))
    assert await store.failed_runs.seen_before("prod", ["g", "x"], at(0)) == {"g": at(1)}
    assert await store.failed_runs.seen_before("prod", ["g"], at(2)) == {}
    await store.watching.keep(look(3, 60, run(50)))
    assert {about for about, _ in await sent(store)} == {"post 1", "post 2"}
    assert (await store.failed_runs.of_incidents([2]))[2].runs == 1


async def test_what_is_open_is_known_with_its_jobs_and_roots(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1), run(2, job="__ASSET_JOB"), run(3, root=1)))
    jobs: dict[tuple[str | None, str], datetime] = {
        ("core", "daily"): at(3),
        ("core", "__ASSET_JOB"): at(2),
    }
    expected = OpenGroup("g", settling=False, jobs=jobs, roots=frozenset({"r2"}))
    assert await store.failed_runs.open_groups("prod") == [expected]
    assert await store.failed_runs.groups_of("prod", ["r1", "r9"]) == {"r1": "g"}
    await store.watching.keep(look(2, 6, over=["g"]))
    assert await store.failed_runs.groups_of("prod", ["r1"]) == {}


async def test_the_first_to_acknowledge_is_named(store: Store, clock: ManualClock) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await sent(store)
    kind = MarkKind.ACKNOWLEDGED
    assert await store.marks.put(1, kind, ADA) is None
    assert await sent(store) == [("post 1", "card")]
    first = Mark(kind, ADA, clock.now(), None)
    assert await store.marks.put(1, kind, GRACE) == first
    assert await store.marks.of([1, 2]) == {1: (first,)}
    assert await sent(store) == []


async def test_the_trace_is_shown_once(store: Store) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await sent(store)
    puts = [store.marks.put(1, MarkKind.TRACE, by) for by in (ADA, GRACE, ADA)]
    assert (await asyncio.gather(*puts)).count(None) == 1
    assert sorted(await sent(store)) == [("post 1", "card"), ("post 1", "trace")]


async def test_what_is_muted_is_counted_and_not_told_until_it_is_over(
    store: Store, clock: ManualClock
) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    await store.marks.put(1, MarkKind.MUTED, ADA, until=at(24 * 60))
    await store.watching.keep(look(2, 6, over=["g"]))
    await sent(store)
    assert await store.watching.keep(look(3, 60, run(50)))
    assert await sent(store) == []
    assert (await store.failed_runs.of_incidents([2]))[2].runs == 1
    assert await store.watching.keep(look(4, 61, run(55, "other")))
    assert await sent(store) == [("post 2", "card")]
    assert await store.watching.keep(look(5, 24 * 60 + 1, run(1440)))
    assert await sent(store) == [("post 3", "card")]
    (incident,) = await store.watching.incidents_of(3)
    assert incident.id == 2


async def test_a_mute_that_is_over_can_be_put_again(store: Store, clock: ManualClock) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1)))
    until = clock.now() + timedelta(hours=24)
    assert await store.marks.put(1, MarkKind.MUTED, ADA, until=until) is None
    assert await store.marks.put(1, MarkKind.MUTED, GRACE, until=until) is not None
    await clock.advance(25 * 3600)
    later = clock.now() + timedelta(hours=24)
    assert await store.marks.put(1, MarkKind.MUTED, GRACE, until=later) is None
    assert (await store.marks.of([1]))[1] == (Mark(MarkKind.MUTED, GRACE, clock.now(), later),)


async def test_old_runs_of_what_is_over_are_forgotten(store: Store, clock: ManualClock) -> None:
    await store.watching.keep(FIRST)
    await store.watching.keep(look(1, 3, run(1), run(2, "open")))
    await store.watching.keep(look(2, 6, over=["g"]))
    await store.failed_runs.forget_old()
    assert await store.failed_runs.known("prod", ["r1", "r2"]) == {"r1", "r2"}
    await clock.advance(40 * 24 * 3600)
    await store.failed_runs.forget_old()
    assert await store.failed_runs.known("prod", ["r1", "r2"]) == {"r2"}


async def test_the_most_frequent_failures_of_a_time(store: Store) -> None:
    await store.watching.keep(FIRST)
    runs = [run(1), run(2, "other"), run(3, "other"), run(4, root=1), run(9, "other")]
    await store.watching.keep(look(1, 10, *runs))
    assert await store.failed_runs.most_frequent("prod", at(0), at(9)) == [(2, 2), (1, 1)]
    assert await store.failed_runs.most_frequent("prod", at(9), at(10)) == [(2, 1)]
    assert await store.failed_runs.most_frequent("staging", at(0), at(10)) == []


async def test_what_comes_and_goes_is_over_when_it_was_quiet_for_a_while(store: Store) -> None:
    await store.watching.keep(FIRST)
    for minute in range(1, 7):
        runs, over = ([run(minute)], []) if minute % 2 else ([], ["g"])
        assert await store.watching.keep(look(minute, minute, *runs, over=over))
    assert {about for about, _ in await sent(store)} == {"post 1"}
    (group,) = await store.failed_runs.open_groups("prod")
    assert group.settling
    assert await store.watching.keep(look(7, 20))
    assert await store.failed_runs.open_groups("prod") == []
    assert await sent(store) == [("post 1", "card"), ("post 1", "event")]
    said = [(await store.watching.event(number))[0].said for number in range(1, 6)]
    assert said == [Said.RECOVERED, Said.AGAIN, Said.RECOVERED, Said.FLAPPING, Said.RECOVERED]
