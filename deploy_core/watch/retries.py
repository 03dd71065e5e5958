"""Failures after which Dagster tries again by itself: they are no news until the last try. Pure.

Dagster says it on the failed run: `dagster/will_retry`, and once the next try is launched also
`dagster/auto_retry_run_id`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto

from deploy_core.dagster_plus.values import Run, RunStatus

LAUNCHED_WITHIN = timedelta(minutes=10)
"""When the next try isn't there after so long, nobody waits for it any more."""

LONGEST = timedelta(days=1)
"""So long a failure is held back at most, however long its next try runs."""

MOST_HELD = 100
"""So many are held back at the same time: more of them are news by their number."""

_ENDED_WELL: RunStatus = "SUCCESS"
_ENDED: tuple[RunStatus, ...] = ("SUCCESS", "FAILURE", "CANCELED")


class _Verdict(Enum):
    TELL = auto()
    WAIT = auto()
    FORGET = auto()  # a later try has succeeded


def sorted_out(
    failed: Iterable[Run],
    tries: Mapping[str, Run],
    since: Mapping[str, datetime],
    at: datetime,
) -> tuple[list[Run], dict[str, datetime]]:
    """Return the failures to tell of, and those to hold back with the moment since when.

    `failed` are new failures, and those that were held back `since` then; `tries` are the runs that
    Dagster launched after them, by id. What began with the same run is told or forgotten together.
    """
    by_root: dict[str, list[Run]] = defaultdict(list)
    for run in failed:
        by_root[run.root].append(run)
    told: list[Run] = []
    held: dict[str, datetime] = {}
    for runs in by_root.values():
        verdicts = {_verdict(run, tries, since.get(run.id, at), at) for run in runs}
        if _Verdict.TELL in verdicts or len(held) + len(runs) > MOST_HELD:
            told += runs
        elif _Verdict.FORGET not in verdicts:
            held |= {run.id: since.get(run.id, at) for run in runs}
    return told, held


def _verdict(run: Run, tries: Mapping[str, Run], since: datetime, at: datetime) -> _Verdict:
    if not run.will_retry or at - since > LONGEST:
        return _Verdict.TELL
    if run.retried_by is None:
        return _Verdict.TELL if at - since > LAUNCHED_WITHIN else _Verdict.WAIT
    again = tries.get(run.retried_by)
    if again is None or again.status not in _ENDED:
        return _Verdict.WAIT
    if again.status == _ENDED_WELL:
        return _Verdict.FORGET
    return _Verdict.WAIT if again.status == "FAILURE" and again.will_retry else _Verdict.TELL
