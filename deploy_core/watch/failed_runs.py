"""Runs that failed, grouped by what they failed of. Pure.

Two failures belong together when the same exception with the same message came out of the same
function of the user's code in the same step. Numbers, names in quotes, ids and paths of a message
are left out, because they differ from run to run; so is the number of the line, which moves with
every change of the file.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from pydantic import Field

from deploy_core.dagster_plus.values import Run, RunError
from deploy_core.model.explain import explain
from deploy_core.watch.transitions import Row

RUNS = "runs"
"""The kind of a look at failed runs, and of the incidents that it finds."""

OVERLAP = timedelta(minutes=1)
"""Dagster+ may show a run a little later than its time says, so a stretch is read twice."""

CLOCKS_DIFFER = timedelta(minutes=10)
"""Our clock and that of Dagster+ are never further apart."""

ASSET_JOB = "__ASSET_JOB"
"""So the jobs are called that Dagster makes of assets: each time of others."""

MOST_MESSAGE = 160

_LEFT_OUT = "…"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"`)\]}>,;]+",  # addresses
        r"(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)\"[^\"\n]*\"(?!\w)|`[^`\n]*`",
        r"(?<!\w)['\"`][^'\"`\n]*$",  # a quotation that was cut off
        r"(?:(?<![\w/])[A-Za-z]:)?(?:(?<![\w.])(?:~|\.{1,2})?[/\\]|(?<!\w)\w[\w.-]*/)[\w./\\@+-]*\w",
        r"<[^<>\n]* at 0x[0-9a-fA-F]+>",  # objects
        r"\b0x[0-9a-fA-F]+\b",
        # names with an id in them, such as those of pods
        r"(?<![\w-])(?=(?:[A-Za-z_-]*\d){2})(?=[\w-]*[A-Za-z])[\w-]{8,}(?![\w-])",
        r"[+-]?\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F]{4,}(?:-[0-9a-fA-F]{4,})*\b",
        r"[+-]?\d[\d_.,:+-]*(?:[eE][+-]?\d+)?",
    )
)
_RUN_OF_LEFT_OUT = re.compile(r"…(?:[\s,;:/|_-]*…)+")
_MAPPED = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True)
class Cause:
    """What a run failed of: the parts by which failures are told apart."""

    exception: str
    message: str
    place: str
    step: str

    @property
    def key(self) -> str:
        parts = [self.exception, self.message, self.place, self.step]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class FailedRun:
    """A failed run and the group that it belongs to, which is named by a key. Its tags are not
    kept: they only say who is told."""

    id: str
    root: str
    group: str
    job: str
    location: str | None
    step: str | None
    failed_at: datetime
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class OpenGroup:
    """A group that isn't over. `jobs` has the last failure of each job, by location and name, and
    `roots` are the runs that it all began with, of the jobs that are made of assets."""

    group: str
    settling: bool
    jobs: Mapping[tuple[str | None, str], datetime]
    roots: frozenset[str]

    @property
    def last_failure(self) -> datetime:
        return max(self.jobs.values())


@dataclass(frozen=True)
class JobCount:
    """How many runs of one job failed, without their retries."""

    location: str | None
    job: str
    runs: int


@dataclass(frozen=True)
class Failures:
    """The runs of one incident: `runs` without retries and `attempts` with them; the job that
    failed most often first."""

    runs: int
    attempts: int
    first_at: datetime
    last_at: datetime
    last_run: str
    jobs: tuple[JobCount, ...]


class Sweep(Row):
    """How far the failed runs were read: those that changed after `since`. One sweep can take more
    than one look: then `page` is where it goes on, `began` when it began, and `newest` the last
    change that it has seen. `held` are failures that Dagster will try again by itself, each with
    the moment since when they are held back."""

    since: datetime
    page: str | None = None
    began: datetime | None = None
    newest: datetime | None = None
    held: dict[str, datetime] = Field(default_factory=dict)


def normalised(message: str) -> str:
    """Return a message without what differs from one run to the next."""
    text = message
    for pattern in _PATTERNS:
        text = pattern.sub(_LEFT_OUT, text)
    text = _RUN_OF_LEFT_OUT.sub(_LEFT_OUT, " ".join(text.split()))
    return text[:MOST_MESSAGE].rstrip()


def cause_of(run: Run, error: RunError | None) -> Cause:
    """Return what the run failed of; where nobody knows, runs of one job belong together."""
    if error is None:
        return Cause("", "", f"{run.location or ''}:{run.job}", "")
    found = explain(error.error, reason="run_failed")
    place = ""
    if found.frame is not None:
        # The folder of a checkout changes with every version.
        file = "/".join(PurePosixPath(found.frame.file).parts[-2:])
        place = f"{file}:{found.frame.function or ''}"
    elif error.step is None:
        place = f"{run.location or ''}:{run.job}"
    step = _MAPPED.sub("[…]", error.step or "")
    return Cause(found.exception, normalised(found.message), place, step)


def failed_at(run: Run) -> datetime:
    """Return when a run failed."""
    return run.ended_at or run.updated_at or run.created_at


def grouped(
    failures: Iterable[tuple[Run, Cause]], of_roots: Mapping[str, str]
) -> tuple[FailedRun, ...]:
    """Return the runs with their groups, in the order in which they failed.

    A retry that Dagster started by itself belongs where the run belongs that it all began with,
    whatever it failed of: `of_roots` are the groups of those that failed before. When a person
    executes a run again and it fails of something else, that is news.
    """
    groups = dict(of_roots)
    found: list[FailedRun] = []
    for run, cause in sorted(failures, key=lambda each: (failed_at(each[0]), each[0].id)):
        group = groups.get(run.root, cause.key) if run.automatic else cause.key
        groups.setdefault(run.root, group)
        found.append(
            FailedRun(
                id=run.id,
                root=run.root,
                group=group,
                job=run.job,
                location=run.location,
                step=cause.step or None,
                failed_at=failed_at(run),
                tags=run.tags,
            )
        )
    return tuple(found)


def is_after(success: Run, group: OpenGroup, job: tuple[str | None, str]) -> bool:
    """Tell whether a run that succeeded shows that a job of a group works again: it was started
    after the job's last failure. The job that Dagster makes of assets is another one each time, so
    there the same run must have succeeded."""
    if (success.location, success.job) != job or success.status != "SUCCESS":
        return False
    if success.created_at < group.jobs[job]:
        return False
    return not success.job.startswith(ASSET_JOB) or success.root in group.roots


def swept(sweep: Sweep, at: datetime, runs: Iterable[Run], page: str | None) -> Sweep:
    """Return how far it was read after a look at `at` that found these runs; `page` is where the
    next look goes on, None at the end of a sweep."""
    changed = [run.updated_at for run in runs if run.updated_at is not None]
    newest = max([*changed, *([sweep.newest] if sweep.newest else [])], default=None)
    began = sweep.began or at
    if page is not None:
        return Sweep(since=sweep.since, page=page, began=began, newest=newest)
    earliest = max(sweep.since, began - CLOCKS_DIFFER)
    if newest is None:
        return Sweep(since=earliest)
    return Sweep(since=max(earliest, min(newest, began) - OVERLAP))
