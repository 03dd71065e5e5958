"""An incident: something that is broken from a first moment to a last one. Pure.

What happens to a location moves its incident; what is said in Slack follows from the moves. A
location that comes and goes is one incident, in whose thread the flapping is said once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from deploy_core.watch.transitions import Happened

FLAPS_WITHIN = timedelta(minutes=15)
"""A failure so soon after a recovery belongs to the same incident."""

FLAPPING = 3
"""So many failures in one incident are called flapping."""

SETTLES_IN = timedelta(minutes=10)
"""What has flapped counts as recovered when it was well for so long."""


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    SETTLING = "settling"  # it has flapped and is well just now
    ENDED = "ended"


class Said(StrEnum):
    """What is said in the thread of an incident."""

    AGAIN = "again"
    FLAPPING = "flapping"
    RECOVERED = "recovered"
    REMOVED = "removed"
    NEEDS_PEOPLE = "needs people"  # the medic can't help
    ALERTED = "alerted"  # Dagster+ has sent an alert of it


WatcherSaid = Literal[Said.AGAIN, Said.FLAPPING, Said.RECOVERED, Said.REMOVED, Said.NEEDS_PEOPLE]
"""What the watcher says of its own, in the words of each kind of incident."""


@dataclass(frozen=True)
class Incident:
    """`failures` counts how often it broke since `opened_at`; `changed_at` is its last move.
    `data` says why: the version, the error, who changed it."""

    id: int
    deployment: str
    kind: str
    subject: str
    state: IncidentState
    opened_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None
    failures: int = 1
    data: dict[str, JsonValue] | None = None

    @property
    def ended(self) -> bool:
        return self.state is IncidentState.ENDED


def may_reopen(incident: Incident, at: datetime) -> bool:
    """Tell whether a failure now belongs to this incident."""
    return incident.ended_at is None or at - incident.ended_at <= FLAPS_WITHIN


def move(incident: Incident, happened: Happened, at: datetime) -> tuple[Incident, Said | None]:
    """Return the incident after what happened to its subject, and what is said of it."""
    if happened is Happened.FAILED and incident.state is not IncidentState.OPEN:
        failures = incident.failures + 1
        again = replace(
            incident, state=IncidentState.OPEN, changed_at=at, ended_at=None, failures=failures
        )
        if failures < FLAPPING:
            return again, Said.AGAIN
        return again, Said.FLAPPING if failures == FLAPPING else None
    if happened is Happened.RECOVERED and incident.state is IncidentState.OPEN:
        if incident.failures >= FLAPPING:
            return replace(incident, state=IncidentState.SETTLING, changed_at=at), None
        return _ended(incident, at), Said.RECOVERED
    if happened is Happened.REMOVED and not incident.ended:
        return _ended(incident, at), Said.REMOVED
    return incident, None


def settle(incident: Incident, now: datetime) -> tuple[Incident, Said | None]:
    """Return the incident as time alone leaves it."""
    if incident.state is IncidentState.SETTLING and now - incident.changed_at >= SETTLES_IN:
        return _ended(incident, now), Said.RECOVERED
    return incident, None


def _ended(incident: Incident, at: datetime) -> Incident:
    return replace(incident, state=IncidentState.ENDED, changed_at=at, ended_at=at)
