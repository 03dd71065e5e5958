"""What people say about an incident with a button."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deploy_core.model.people import Actor


class MarkKind(StrEnum):
    """What can be said."""

    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    NEEDS_PEOPLE = "needs people"  # the medic can't help
    TRACE = "trace"  # the whole error was asked for; it stands in the thread


@dataclass(frozen=True)
class Mark:
    """Who said it, and until when it holds."""

    kind: MarkKind
    by: Actor
    at: datetime
    until: datetime | None
