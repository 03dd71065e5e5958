"""Schedules and sensors that fall silent: no ticks, only failing ones, or off after a deploy. Pure.

A schedule is late when two of its times have passed since its last tick. Its cron is counted from
there, in its own zone, so that a tick that comes is never called late by a change of the clocks.
"""

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from deploy_core.dagster_plus.values import Instigator
from deploy_core.watch.slots import next_time
from deploy_core.watch.transitions import Happened, Row

SCHEDULES = "schedules"
"""The kind of a look at schedules and sensors, and of the incidents that it finds."""

GRACE = timedelta(minutes=5)
"""Dagster's own scheduler may be so late."""

FAILING_TICKS = 3
"""So many ticks in a row that failed are told of."""

MISSED = 2
"""So many times have passed without a tick when a schedule is late."""

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class Trouble(StrEnum):
    """What can be wrong with a schedule or a sensor."""

    LATE = "late"
    FAILING = "failing"
    OFF = "off"


class InstigatorNoted(Row):
    """One schedule or sensor as it was seen last. `on_since` is when it was first seen on, `report`
    which load of its location it was seen with, and `since` how long `trouble` has lasted."""

    location: str
    on_since: datetime | None = None
    report: str | None = None
    trouble: Trouble | None = None
    since: datetime | None = None


class SchedulesNoted(Row):
    """All schedules and sensors of a deployment, by subject."""

    at: datetime
    instigators: dict[str, InstigatorNoted]


@dataclass(frozen=True)
class Loads:
    """Which loads of the locations were there: `before` the schedules were asked for and `after`,
    by location. `listed` are the locations whose contents are known now."""

    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    listed: Collection[str]


@dataclass(frozen=True)
class InstigatorMove:
    """What happened to a schedule or a sensor; `why` is its trouble, `error` that of its last tick,
    and `off` says that it was switched off, or `gone` that it isn't in its location any more."""

    subject: str
    location: str
    happened: Happened
    why: Trouble | None = None
    last_tick: datetime | None = None
    error: str | None = None
    off: bool = False
    gone: bool = False


def subject_of(one: Instigator) -> str:
    """Return the name by which a schedule or sensor is told of."""
    return f"{one.kind} {one.name} in {one.location}"


def judge_schedules(
    before: SchedulesNoted | None,
    seen: Iterable[Instigator],
    loads: Loads,
    at: datetime,
    forget_after: timedelta,
) -> tuple[SchedulesNoted, tuple[InstigatorMove, ...]]:
    """Return what is to be kept, and what is to be told.

    What is off, or fails, at the very first look was so before anybody watched. Where a location
    isn't loaded nothing is known of its schedules: they stay as they were.
    """
    now = {subject_of(one): one for one in seen}
    known = before.instigators if before is not None else {}
    noted: dict[str, InstigatorNoted] = {}
    moves: list[InstigatorMove] = []
    for subject in sorted(now.keys() | known.keys()):
        one, old = now.get(subject), known.get(subject)
        location = one.location if one is not None else old.location if old is not None else ""
        if one is None and location not in loads.listed and location in loads.after:
            if old is not None:
                noted[subject] = old
            continue
        trouble = _trouble(one, old, loads, location, at)
        if trouble is Trouble.OFF and old is not None and old.since is not None:
            trouble = None if at - old.since > forget_after else trouble
        was = old.trouble if old is not None else None
        if before is not None and trouble is not was:
            moves.append(_move(subject, location, one, was, trouble))
        new = InstigatorNoted(
            location=location,
            on_since=None if one is None or not one.running else _on_since(old, at),
            report=loads.before.get(location),
            trouble=trouble,
            since=None if trouble is None else old.since if old and trouble is was else at,
        )
        if one is not None or trouble is not None:
            noted[subject] = new
    return SchedulesNoted(at=at, instigators=noted), tuple(moves)


def _on_since(old: InstigatorNoted | None, at: datetime) -> datetime:
    return old.on_since if old is not None and old.on_since is not None else at


def _trouble(
    one: Instigator | None,
    old: InstigatorNoted | None,
    loads: Loads,
    location: str,
    at: datetime,
) -> Trouble | None:
    if one is None or not one.running:
        return _off(old, loads, location)
    ended = [tick for tick in one.ticks if tick.status != "STARTED"]
    last = ended[:FAILING_TICKS]
    if last and last[0].unreached:  # that is its code server's trouble, and told by itself
        return old.trouble if old is not None else None
    if len(last) == FAILING_TICKS and all(tick.status == "FAILURE" for tick in last):
        return Trouble.FAILING
    if one.kind == "schedule":
        since = max([tick.at for tick in one.ticks[:1]] + [_on_since(old, at)])
        due = missed_at(one.cron or "", one.timezone, since)
        if due is not None and due + GRACE < at:
            return Trouble.LATE
    failing = old is not None and old.trouble is Trouble.FAILING
    return Trouble.FAILING if failing and last and last[0].status == "FAILURE" else None


def _off(old: InstigatorNoted | None, loads: Loads, location: str) -> Trouble | None:
    """Return the trouble of one that isn't on: whether it went off with a load of its location."""
    if old is None or location not in loads.after:
        return None
    if old.trouble is Trouble.OFF:
        return Trouble.OFF
    loaded_anew = loads.after.get(location) != old.report
    return Trouble.OFF if old.on_since is not None and loaded_anew else None


def missed_at(cron: str, timezone: str | None, last: datetime) -> datetime | None:
    """Return when a schedule has missed two times after its `last` tick; None where nobody can say,
    as with a cron that isn't understood."""
    try:
        zone = ZoneInfo(timezone or "UTC")
        crons = _crons(cron)
        at: datetime | None = last
        for _ in range(MISSED):
            times = [next_time(each, zone, at) for each in crons] if at is not None else []
            at = min((time for time in times if time is not None), default=None)
    except (ValueError, SyntaxError, OSError, KeyError):
        return None
    return None if at is None else at.astimezone(UTC)


def _crons(text: str) -> list[str]:
    """Return the cron expressions; Dagster writes several as a list."""
    if text.startswith("["):
        found = ast.literal_eval(text)
        return [_MACROS.get(str(each), str(each)) for each in found]
    return [_MACROS.get(text.strip(), text)]


def _move(
    subject: str,
    location: str,
    one: Instigator | None,
    was: Trouble | None,
    trouble: Trouble | None,
) -> InstigatorMove:
    tick = one.ticks[0] if one is not None and one.ticks else None
    off = one is None or not one.running
    happened = Happened.FAILED if was is None else Happened.FAILED_DIFFERENTLY
    if trouble is None:
        happened = Happened.REMOVED if off else Happened.RECOVERED
    return InstigatorMove(
        subject=subject,
        location=location,
        happened=happened,
        why=trouble,
        last_tick=None if tick is None else tick.at,
        error=None if tick is None else tick.error,
        off=off,
        gone=one is None,
    )
