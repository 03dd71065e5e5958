"""What changed from one look at a deployment to the next: pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from deploy_core.watch.reading import Health, LocationSeen, Reading


class Row(BaseModel):
    """What is kept of a look; changing it changes nothing in the store."""

    model_config = ConfigDict(frozen=True)


class LocationNoted(Row):
    """One location as it was seen last. `failing` stays true until it was seen loaded: a location
    that is loading again has not recovered yet. `report` tells one report of an agent from another,
    `since` is when `failing` became what it is."""

    requested: str
    label: str
    failing: bool
    report: str | None
    since: datetime


class Observation(Row):
    """All locations of a deployment as they were seen last; `at` is when Dagster+ was asked."""

    at: datetime
    locations: dict[str, LocationNoted]


class Happened(StrEnum):
    """What can happen to a location."""

    FAILED = "failed"
    FAILED_DIFFERENTLY = "failed differently"  # while it was failing already
    RECOVERED = "recovered"
    CHANGED = "changed"  # not by a deploy of ours
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Transition:
    """Something that happened to one location. `before` and `after` are its versions; `changed`
    says whether what Dagster+ is asked to run changed at the same time."""

    location: str
    happened: Happened
    before: str | None = None
    after: str | None = None
    changed: bool = False


def compare(
    before: Observation | None,
    reading: Reading,
    *,
    held: Collection[str] = (),
    ours: Mapping[str, str] | None = None,
) -> tuple[Observation, tuple[Transition, ...]]:
    """Return what is to be kept of this reading, and what happened since `before`.

    Nothing happens at the very first look: what is broken then was broken before anybody watched.
    `held` are locations that a deploy of ours is at work on; they stay as they were until it has
    ended, because its card tells of them. `ours` is what our last change of each location asks
    for: such a change isn't one from outside.
    """
    noted: dict[str, LocationNoted] = {}
    happened: list[Transition] = []
    known = before.locations if before is not None else {}
    for name in sorted(reading.locations.keys() | known.keys()):
        old, seen = known.get(name), reading.locations.get(name)
        if name in held:
            if old is not None:
                noted[name] = old
            continue
        if seen is not None:
            noted[name] = _noted(old, seen, reading.at)
        if before is not None:
            happened += _happened(name, old, seen, noted.get(name), (ours or {}).get(name))
    return Observation(at=reading.at, locations=noted), tuple(happened)


def _noted(old: LocationNoted | None, seen: LocationSeen, at: datetime) -> LocationNoted:
    failing = seen.health is Health.FAILED
    if not failing and seen.health is not Health.LOADED:
        failing = old is not None and old.failing  # nobody can say yet
    since = old.since if old is not None and old.failing == failing else at
    report = seen.report
    if old is not None and old == LocationNoted(
        requested=seen.requested, label=seen.label, failing=failing, report=report, since=since
    ):
        return old
    return LocationNoted(
        requested=seen.requested, label=seen.label, failing=failing, report=report, since=since
    )


def _happened(
    name: str,
    old: LocationNoted | None,
    seen: LocationSeen | None,
    new: LocationNoted | None,
    ours: str | None,
) -> list[Transition]:
    if new is None or seen is None:
        gone = Transition(name, Happened.REMOVED, before=old.label if old is not None else None)
        return [] if old is None else [gone]
    before = old.label if old is not None else None
    changed = old is None or old.requested != new.requested
    found = []
    if changed and new.requested != ours:
        what = Happened.ADDED if old is None else Happened.CHANGED
        found.append(Transition(name, what, before, new.label, changed=True))
    was = old is not None and old.failing
    if new.failing and not was:
        found.append(Transition(name, Happened.FAILED, before, new.label, changed=changed))
    elif was and not new.failing:
        found.append(Transition(name, Happened.RECOVERED, before, new.label, changed=changed))
    elif was and old is not None and seen.health is Health.FAILED and old.report != new.report:
        what = Happened.FAILED_DIFFERENTLY
        found.append(Transition(name, what, before, new.label, changed=changed))
    return found
