"""Executing failed runs again: what was asked for with one press of a button, and what became of
it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deploy_core.model.people import Actor

MOST_AT_ONCE = 50
"""So many runs are executed again with one press, the newest ones: whoever wants more looks at
these first."""


class LaunchState(StrEnum):
    """What became of one run that was to be executed again."""

    WAITING = "waiting"
    SENDING = "sending"  # asked for; Dagster+ has not answered
    STARTED = "started"
    ALREADY = "already"  # somebody else was quicker, or Dagster itself
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the answer was lost, and no such run is to be seen


HOLDS = frozenset({LaunchState.SENDING, LaunchState.STARTED})
"""In these states nobody else executes the run again through us."""


@dataclass(frozen=True)
class Failed:
    """A failed run that can be executed again."""

    id: str
    job: str
    location: str | None


@dataclass(frozen=True)
class Launch:
    """One failed run of an order. `child` is the run that executes it again; `problem` is why
    there is none, with its reason code."""

    failed: Failed
    state: LaunchState = LaunchState.WAITING
    child: str | None = None
    problem: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Order:
    """What a person asked for with one press, in the order in which it is carried out.

    `token` is written on each run that comes from it.
    """

    id: int
    incident_id: int
    deployment: str
    token: str
    by: Actor
    at: datetime
    ended_at: datetime | None
    launches: tuple[Launch, ...]

    def count(self, state: LaunchState) -> int:
        """Return how many of its runs are in this state."""
        return sum(each.state is state for each in self.launches)


@dataclass(frozen=True)
class DryCount:
    """What would be executed again, the newest run first: `more` were left out because they are
    too many, and `already` because they were executed again before."""

    incident_id: int
    deployment: str
    runs: tuple[Failed, ...]
    more: int = 0
    already: int = 0

    @property
    def jobs(self) -> Mapping[tuple[str | None, str], int]:
        """How many runs of each job, by location and name, the most first."""
        found: dict[tuple[str | None, str], int] = {}
        for run in self.runs:
            job = (run.location, run.job)
            found[job] = found.get(job, 0) + 1
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0][1])))
