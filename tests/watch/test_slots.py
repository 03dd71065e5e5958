"""A year of schedules: each slot once a local day, whatever clocks and processes do."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from deploy_core.watch.slots import check_cron, last_slot

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
"""Two that change by an hour at different times, and one that changes by half an hour."""

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def simulate(
    cron: str, zone: str, *, replicas: int = 2, step: timedelta = timedelta(minutes=1)
) -> list[str]:
    """Two replicas that wake up at their own times, restart and sleep; the slots in their order."""
    random = Random(f"{cron} {zone}")
    claimed: dict[str, datetime] = {}
    for replica in range(replicas):
        now = START + timedelta(seconds=17 * replica)
        while now < START + YEAR:
            slot = last_slot(cron, ZoneInfo(zone), now)
            assert slot is not None
            assert slot.at <= now
            if slot.at >= START:
                claimed.setdefault(slot.name, now)
            now += timedelta(hours=6) if random.random() < 0.01 else step
    return sorted(claimed)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", ["0 9 * * *", "30 2 * * *", "30 1 * * *"])
def test_every_local_day_has_its_digest_exactly_once(zone: str, at: str) -> None:
    slots = simulate(at, zone, step=timedelta(hours=4, minutes=47))
    days = [datetime.fromisoformat(slot).date() for slot in slots]
    assert len(days) == len(set(days))
    local = START.astimezone(ZoneInfo(zone)).date()
    first = days[0]
    assert first - local <= timedelta(days=1)
    assert days == [first + timedelta(days=number) for number in range(len(days))]
    assert len(days) >= 364


@pytest.mark.parametrize("zone", ZONES)
def test_the_moments_go_forward_and_stand_for_the_wall(zone: str) -> None:
    info, seen = ZoneInfo(zone), {}
    for hours in range(0, 365 * 24, 11):
        slot = last_slot("30 2 * * *", info, START + timedelta(hours=hours))
        assert slot is not None
        seen[slot.name] = slot.at
    moments = [seen[name] for name in sorted(seen)]
    assert moments == sorted(moments)
    for name, moment in seen.items():
        wall = moment.astimezone(info).replace(tzinfo=None)
        assert wall - datetime.fromisoformat(name) in {
            timedelta(),
            timedelta(minutes=30),
            timedelta(hours=1),
        }


def test_the_hour_that_is_left_out_has_its_slot_an_hour_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    slot = last_slot("30 2 * * *", berlin, datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert slot is not None
    assert (slot.name, slot.at) == ("2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC))


def test_the_hour_that_comes_twice_has_one_slot() -> None:
    york = ZoneInfo("America/New_York")
    moments = [datetime(2026, 11, 1, 5, minute, tzinfo=UTC) for minute in range(31, 60)]
    moments += [datetime(2026, 11, 1, 6, minute, tzinfo=UTC) for minute in range(60)]
    slots = {last_slot("30 1 * * *", york, moment) for moment in moments}
    assert [slot.name for slot in slots if slot] == ["2026-11-01T01:30"]


def test_who_slept_comes_to_the_last_slot_only() -> None:
    slot = last_slot("0 * * * *", ZoneInfo("UTC"), datetime(2026, 5, 1, 15, 20, tzinfo=UTC))
    assert slot is not None
    assert slot.name == "2026-05-01T15:00"


@pytest.mark.parametrize(
    ("field", "days"),
    [("1-5", "01234"), ("0", "6"), ("7", "6"), ("fri-sun", "456"), ("*/2", "6135"), ("1,3", "02")],
)
def test_weekdays_are_those_of_cron(field: str, days: str) -> None:
    seen: set[date] = set()
    for number in range(28):
        now = datetime(2026, 6, 1, 23, tzinfo=UTC) + timedelta(days=number)
        slot = last_slot(f"0 9 * * {field}", ZoneInfo("UTC"), now)
        assert slot is not None
        seen.add(slot.at.date())
    weekdays = {day.weekday() for day in seen}
    assert weekdays == {int(day) for day in days}


@pytest.mark.parametrize(
    "cron", ["0 9 * *", "0 9 * * 8", "0 25 * * *", "x 9 * * *", "0 9 * * funday"]
)
def test_what_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_cron(cron)


def test_a_day_that_never_comes_has_no_slot() -> None:
    assert last_slot("0 9 30 2 *", ZoneInfo("UTC"), START) is None
