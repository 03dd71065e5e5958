"""Schedules and sensors that fall silent: what is news, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy_core.dagster_plus.values import Instigator, Run, Tick
from deploy_core.watch.queue import QueueNoted, QueueSeen, judge_queue
from deploy_core.watch.schedules import (
    GRACE,
    InstigatorMove,
    Loads,
    SchedulesNoted,
    Trouble,
    judge_schedules,
    missed_at,
)
from deploy_core.watch.transitions import Happened
from tests.watch.support import at

WEEK = timedelta(days=7)
LOADS = Loads({"core": "v1"}, {"core": "v1"}, {"core"})


def schedule(
    *ticks: float, cron: str = "0 * * * *", running: bool = True, **more: Any
) -> Instigator:
    """An hourly schedule that ticked so many minutes after noon."""
    found = tuple(Tick(at(each), "SUCCESS") for each in ticks)
    return Instigator("core", "hourly", "schedule", running, found, cron, **more)


def sensor(*statuses: Any, running: bool = True) -> Instigator:
    """A sensor whose last ticks ended so, the newest first."""
    found = tuple(
        Tick(at(10 - number), status, "away" if status == "FAILURE" else None)
        for number, status in enumerate(statuses)
    )
    return Instigator("core", "bucket", "sensor", running, found)


def judged(
    before: SchedulesNoted | None, minutes: float, *seen: Instigator, loads: Loads = LOADS
) -> tuple[SchedulesNoted, tuple[InstigatorMove, ...]]:
    return judge_schedules(before, seen, loads, at(minutes), WEEK)


def moves(*found: InstigatorMove) -> list[tuple[str, Happened, Trouble | None]]:
    return [(each.subject, each.happened, each.why) for each in found]


def test_a_schedule_is_late_when_two_of_its_times_have_passed() -> None:
    noted, found = judged(None, 0, schedule(0))
    assert found == ()
    for minutes in (61, 119, 125):
        noted, found = judged(noted, minutes, schedule(0))
        assert found == ()
    noted, found = judged(noted, 125.1, schedule(0))
    assert moves(*found) == [("schedule hourly in core", Happened.FAILED, Trouble.LATE)]
    assert found[0].last_tick == at(0)
    noted, found = judged(noted, 150, schedule(0))
    assert found == (), "said once"
    noted, found = judged(noted, 181, schedule(180, 0))
    assert moves(*found) == [("schedule hourly in core", Happened.RECOVERED, None)]


def test_one_that_was_just_switched_on_has_time() -> None:
    noted, _ = judged(None, 0, schedule(-9_000, running=False))
    noted, found = judged(noted, 30, schedule(-9_000))
    assert found == ()
    noted, found = judged(noted, 120, schedule(-9_000))
    assert found == ()
    _, found = judged(noted, 126, schedule(-9_000))
    assert moves(*found) == [("schedule hourly in core", Happened.FAILED, Trouble.LATE)]


def test_one_that_nobody_has_switched_on_is_never_late() -> None:
    noted, _ = judged(None, 0, schedule(-9_000, running=False))
    assert judged(noted, 90_000, schedule(-9_000, running=False))[1] == ()


def test_a_sensor_fails_when_its_last_three_ticks_did() -> None:
    noted, _ = judged(None, 0, sensor("FAILURE", "FAILURE", "SKIPPED"))
    noted, found = judged(noted, 1, sensor("STARTED", "FAILURE", "FAILURE", "SKIPPED"))
    assert found == ()
    noted, found = judged(noted, 2, sensor("STARTED", "FAILURE", "FAILURE", "FAILURE"))
    assert moves(*found) == [("sensor bucket in core", Happened.FAILED, Trouble.FAILING)]
    noted, found = judged(noted, 3, sensor("FAILURE", "FAILURE", "FAILURE"))
    assert found == ()
    noted, found = judged(noted, 4, sensor("SKIPPED", "FAILURE", "FAILURE"))
    assert moves(*found) == [("sensor bucket in core", Happened.RECOVERED, None)]


def test_one_that_is_switched_off_is_no_longer_told_of() -> None:
    noted, _ = judged(None, 0, sensor("SKIPPED"))
    noted, _ = judged(noted, 1, sensor("FAILURE", "FAILURE", "FAILURE"))
    noted, found = judged(noted, 2, sensor("FAILURE", "FAILURE", "FAILURE", running=False))
    assert moves(*found) == [("sensor bucket in core", Happened.REMOVED, None)]
    assert found[0].off


def test_what_is_off_after_a_load_is_told_and_what_a_person_switches_off_is_not() -> None:
    anew = Loads({"core": "v2"}, {"core": "v2"}, {"core"})
    noted, _ = judged(None, 0, schedule(0))
    assert judged(noted, 2, schedule(0, running=False))[1] == ()
    off, found = judged(noted, 2, schedule(0, running=False), loads=anew)
    assert moves(*found) == [("schedule hourly in core", Happened.FAILED, Trouble.OFF)]
    off, found = judged(off, 4, schedule(0, running=False), loads=anew)
    assert found == ()
    _, found = judged(off, 6, schedule(0), loads=anew)
    assert moves(*found) == [("schedule hourly in core", Happened.RECOVERED, None)]
    _, found = judged(off, 2 + 7 * 24 * 60 + 1, schedule(0, running=False), loads=anew)
    assert moves(*found) == [("schedule hourly in core", Happened.REMOVED, None)]
    gone, found = judged(noted, 2, loads=anew)
    assert (found[0].why, found[0].gone) == (Trouble.OFF, True)
    assert judged(gone, 4, loads=anew)[1] == ()


def test_a_load_between_two_questions_is_not_missed() -> None:
    between = Loads({"core": "v1"}, {"core": "v2"}, {"core"})
    noted, found = judged(judged(None, 0, schedule(0))[0], 2, schedule(0), loads=between)
    assert found == ()
    later = Loads({"core": "v2"}, {"core": "v2"}, {"core"})
    _, found = judged(noted, 4, schedule(0, running=False), loads=later)
    assert moves(*found) == [("schedule hourly in core", Happened.FAILED, Trouble.OFF)]


def test_of_a_location_that_is_not_loaded_nothing_is_known() -> None:
    noted, _ = judged(None, 0, schedule(0))
    broken = Loads({"core": "v2"}, {"core": "v2"}, set())
    held, found = judged(noted, 300, loads=broken)
    assert (held.instigators, found) == (noted.instigators, ())
    removed = Loads({}, {}, set())
    assert judged(held, 301, loads=removed)[0].instigators == {}


@pytest.mark.parametrize(
    ("cron", "zone", "last", "missed"),
    [
        ("0 9 * * *", "Europe/Berlin", "2026-03-28T08:00Z", "2026-03-30T07:00Z"),
        ("0 9 * * *", "Europe/Berlin", "2026-10-24T07:00Z", "2026-10-26T08:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30Z", "2026-03-30T00:30Z"),
        ("*/15 * * * *", "Europe/Berlin", "2026-10-25T01:30Z", "2026-10-25T02:00Z"),
        ("0 * * * *", None, "2026-06-01T12:00Z", "2026-06-01T14:00Z"),
        ("@daily", "UTC", "2026-06-01T00:00Z", "2026-06-03T00:00Z"),
        ("['0 1 * * *', '0 2 * * *']", "UTC", "2026-06-01T01:00Z", "2026-06-02T01:00Z"),
        ("0 9 * * 1-5", "UTC", "2026-06-05T09:00Z", "2026-06-09T09:00Z"),
    ],
)
def test_when_two_times_have_passed(cron: str, zone: str | None, last: str, missed: str) -> None:
    assert missed_at(cron, zone, datetime.fromisoformat(last)) == datetime.fromisoformat(missed)


@pytest.mark.parametrize("cron", ["", "every day", "[1, 2", "0 9 1 * 1", "0 0 30 2 *"])
def test_what_nobody_understands_is_never_late(cron: str) -> None:
    assert missed_at(cron, "UTC", at(0)) is None
    assert missed_at("0 * * * *", "Nowhere/Else", at(0)) is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_in_a_year_no_schedule_that_ticks_is_called_late(zone: str) -> None:
    """Each tick comes at its time on the wall; between two of them nothing is late."""
    for step, cron in ((timedelta(minutes=30), "*/30 * * * *"), (timedelta(hours=1), "0 * * * *")):
        moment, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        last = moment
        while moment < end:
            wall = moment.astimezone(ZoneInfo(zone))
            if wall.minute % (step.total_seconds() // 60) == 0:
                due = missed_at(cron, zone, last)
                assert due is not None
                assert moment <= due + GRACE, (zone, cron, last, moment)
                last = moment
            moment += timedelta(minutes=30)


def run(status: Any, began: float | None = None) -> Run:
    return Run(
        f"{status}{began}", status, "daily", "core", at(-90), None if began is None else at(began)
    )


def queue(*waiting: Run, busy: tuple[Run, ...] = (), moved: tuple[Run, ...] = ()) -> QueueSeen:
    return QueueSeen(waiting, busy, moved, timedelta(minutes=30))


def test_a_queue_is_stuck_when_runs_wait_and_none_begins() -> None:
    calm, happened = judge_queue(None, queue(), at(0))
    assert happened is None
    began = queue(run("QUEUED"), moved=(run("SUCCESS", -5),))
    assert judge_queue(calm, began, at(0))[1] is None
    assert judge_queue(calm, queue(run("QUEUED"), busy=(run("STARTED", -5),)), at(0))[1] is None
    stuck, happened = judge_queue(calm, queue(run("QUEUED"), busy=(run("STARTED", -40),)), at(0))
    assert happened is Happened.FAILED
    stuck, happened = judge_queue(stuck, queue(run("QUEUED")), at(1))
    assert happened is None
    assert judge_queue(stuck, queue(), at(2))[1] is Happened.RECOVERED


def test_a_queue_that_was_stuck_before_anybody_watched_is_no_news() -> None:
    stuck, happened = judge_queue(None, queue(run("QUEUED")), at(0))
    assert (stuck, happened) == (QueueNoted(at=at(0), stuck=True, before=True), None)
    stuck, happened = judge_queue(stuck, queue(run("QUEUED")), at(1))
    assert happened is None
    calm, happened = judge_queue(stuck, queue(), at(2))
    assert happened is None
    assert judge_queue(calm, queue(run("QUEUED")), at(3))[1] is Happened.FAILED
