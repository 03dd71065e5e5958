"""A look of the watcher as it is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from deploy_core.watch.failed_runs import FailedRun
from deploy_core.watch.subscriptions import Channels
from deploy_core.watch.transitions import Happened

Facts = dict[str, JsonValue]


def _nobody(_subject: str) -> Channels:
    return {}


@dataclass(frozen=True)
class Note:
    """Something that is told without an incident, and who is told of it."""

    facts: Facts
    told: Channels


@dataclass(frozen=True)
class Look:
    """A look to be kept. `before` is the version that it was compared with, 0 for the first one.

    `moves` are what happened to which subject, with the facts of it where there are new ones.
    `runs` are the failed runs that made the moves, where they did. `changes` are those that need
    no incident: they are told at once, in one message; each of `notes` is a message of its own.
    `told` says which channels are told of a subject.
    """

    deployment: str
    kind: str
    before: int
    at: datetime
    data: Facts
    moves: Sequence[tuple[str, Happened, Facts]] = ()
    runs: Sequence[FailedRun] = ()
    changes: Sequence[Note] = ()
    notes: Sequence[Note] = ()
    told: Callable[[str], Channels] = _nobody


@dataclass
class Moved:
    """What a look did to the incidents, before the messages are asked for. `failing` are those
    that are to be told wherever they aren't yet; both they and `said` have the subjects."""

    failing: dict[int, str] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    said: list[tuple[int, int, str]] = field(default_factory=list)  # incident, event, subject
