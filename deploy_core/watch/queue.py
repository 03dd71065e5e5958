"""A run queue in which nothing moves: runs wait, and none has begun for a long time. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy_core.dagster_plus.values import Run
from deploy_core.watch.transitions import Happened, Row

QUEUE = "queue"
"""The kind of a look at the run queue, and of the incident that it finds."""

SUBJECT = "run queue"


class QueueNoted(Row):
    """Whether the queue was stuck at the last look; `before` says that it was so at the very first
    one, and is told of nobody."""

    at: datetime
    stuck: bool
    before: bool = False


@dataclass(frozen=True)
class QueueSeen:
    """What is in the queue: runs that have waited for so long (of which at most some are counted),
    those that are in progress, and those that have moved lately."""

    waiting: Collection[Run]
    in_progress: Collection[Run]
    moved: Collection[Run]
    patience: timedelta

    def is_stuck(self, at: datetime) -> bool:
        """Tell whether runs wait and none has begun meanwhile."""
        began = [run.started_at for run in (*self.in_progress, *self.moved) if run.started_at]
        return bool(self.waiting) and not any(each >= at - self.patience for each in began)


def judge_queue(
    before: QueueNoted | None, seen: QueueSeen, at: datetime
) -> tuple[QueueNoted, Happened | None]:
    """Return what is to be kept, and what happened."""
    stuck = seen.is_stuck(at)
    if before is None:
        return QueueNoted(at=at, stuck=stuck, before=stuck), None
    if stuck and not before.stuck:
        return QueueNoted(at=at, stuck=True), Happened.FAILED
    if before.stuck and not stuck:
        happened = None if before.before else Happened.RECOVERED
        return QueueNoted(at=at, stuck=False), happened
    return QueueNoted(at=at, stuck=stuck, before=before.before), None
