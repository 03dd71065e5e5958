"""When something is due by cron and zone: each slot once, whatever clocks and processes do. Pure.

A slot is a time on the clock on the wall ("09:00 on Tuesday in Berlin"). Cron's times are counted
on that clock alone and turned into moments afterwards, so that an hour that comes twice in autumn
has one slot, and one that is left out in spring has its slot an hour later. A process that slept
comes to the last slot that has passed, and only to that one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

LATE = timedelta(minutes=10)
"""What is done so long after its time says so."""

_BACK = (timedelta(days=2), timedelta(days=32), timedelta(days=366))
_FOLD = timedelta(hours=3)  # no zone has ever put its clocks back by more
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Slot:
    """`name` is the time on the wall, `at` the moment that it stands for."""

    name: str
    at: datetime


def check_cron(cron: str) -> str:
    """Return the expression. Raises `ValueError` that says what is wrong with it."""
    _trigger(cron)
    return cron


def last_slot(cron: str, zone: ZoneInfo, now: datetime) -> Slot | None:
    """Return the last slot that has come, or None where there was none for a year."""
    trigger = _trigger(cron)
    wall = now.astimezone(zone).replace(tzinfo=UTC)  # the clock on the wall, counted as if in UTC
    for back in _BACK:
        found: Slot | None = None
        last, fires = None, trigger.get_next_fire_time(None, wall - back)
        while fires is not None and fires <= wall + _FOLD:
            naive = fires.replace(tzinfo=None)
            at = naive.replace(tzinfo=zone).astimezone(UTC)  # the first of two, or after the gap
            if at <= now and (found is None or at >= found.at):
                found = Slot(naive.isoformat(timespec="minutes"), at)
            last = fires
            fires = trigger.get_next_fire_time(last, last + timedelta(seconds=1))
        if found is not None:
            return found
    return None


def next_time(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first time of a cron expression after a moment, counted on the clock on the wall.
    Raises `ValueError` for an expression that isn't understood.

    A time that the clock skips in spring counts as the moment at which it is put forward; of an
    hour that comes twice the first one counts, unless it is the second already.
    """
    fields = cron.split()
    if len(fields) == 5 and fields[2] != "*" and fields[4] != "*":
        # Cron means one or the other, APScheduler both.
        raise ValueError("a day of the month and a weekday together")
    wall = after.astimezone(zone).replace(tzinfo=UTC)
    fires = _trigger(cron).get_next_fire_time(None, wall + timedelta(seconds=1))
    if fires is None:
        return None
    for fold in (0, 1):
        at: datetime = fires.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if at > after:
            break
    return at


@lru_cache(maxsize=4_096)
def _trigger(cron: str) -> CronTrigger:
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError("a cron expression has five fields: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=_weekdays(weekday),
        timezone=UTC,
    )


def _weekdays(field: str) -> str:
    """Return cron's weekdays, where Sunday is 0 and 7, by their names: APScheduler counts from
    Monday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.lower().split(","):
        found = re.fullmatch(r"(\*|[a-z]{3}|[0-7])(?:-([a-z]{3}|[0-7]))?(?:/([1-7]))?", part)
        if found is None:
            raise ValueError(f"“{part}” is no weekday")
        first = 0 if found[1] == "*" else _day(found[1])
        if found[1] == "*":
            last = 6
        elif found[2]:
            last = _day(found[2])
        else:
            last = 6 if found[3] else first
        last += 7 if last < first else 0
        days |= {day % 7 for day in range(first, last + 1, int(found[3] or 1))}
    return ",".join(_DAYS[day] for day in sorted(days))


def _day(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _DAYS:
        raise ValueError(f"“{text}” is no weekday")
    return _DAYS.index(text)
