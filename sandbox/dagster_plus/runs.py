"""Runs as the control plane remembers them; nothing runs here, a test says what happens."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.dagster_plus.load_errors import LoadError, python_error


@dataclass
class Run:
    """One run of a job; `updated_at` moves with its status.

    `parent` is the run that it executes again. `error` is why it failed, in `step` where that is
    named; `log` is the number of events before the failure. `owners` are those of the job.
    """

    location: str
    job: str = "daily"
    status: str = "QUEUED"
    run_id: str = field(default_factory=lambda: secrets.token_hex(16))
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None
    updated_at: float = field(default_factory=time.time)
    parent: "Run | None" = None
    tags: dict[str, str] = field(default_factory=dict)
    step: str | None = None
    error: LoadError | None = None
    log: int = 2
    owners: list[str] = field(default_factory=list)  # of the job, as in its definition
    assets: dict[str, list[str]] = field(default_factory=dict)  # by key, their owners

    @property
    def root(self) -> "Run":
        """The run that all of this began with."""
        return self if self.parent is None else self.parent.root

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags with those by which Dagster finds a run's relatives."""
        if self.parent is None:
            return self.tags
        relatives = {
            "dagster/parent_run_id": self.parent.run_id,
            "dagster/root_run_id": self.root.run_id,
        }
        return {**self.tags, **relatives}

    def set_status(self, status: str) -> None:
        """Move the run, and note when."""
        self.status = status
        self.updated_at = time.time()
        if status == "STARTED":
            self.started_at = self.updated_at
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            self.ended_at = self.updated_at

    def fail(self, error: LoadError, step: str | None = "load") -> None:
        """End the run with an error, in a step or outside of all."""
        self.error, self.step = error, step
        self.set_status("FAILURE")

    def events(self) -> list[dict[str, Any]]:
        """The run's log: as much of it as matters."""
        found = [self._event("RunStartEvent", "Started execution of run.")]
        start = "ExecutionStepStartEvent"
        found += [self._event(start, "Started.", step="extract") for _ in range(self.log - 1)]
        if self.status == "SUCCESS":
            return [*found, self._event("RunSuccessEvent", "Finished execution of run.")]
        if self.status != "FAILURE":
            return found
        error = None if self.error is None else python_error(self.error)
        said = f'Execution of run for "{self.job}" failed.'
        if self.step is None:
            return [*found, self._event("RunFailureEvent", said, error=error)]
        said += f" Steps failed: ['{self.step}']."
        failed = self._event(
            "ExecutionStepFailureEvent",
            f'Execution of step "{self.step}" failed.',
            step=self.step,
            error=error,
        )
        return [*found, failed, self._event("RunFailureEvent", said)]

    def _event(
        self, kind: str, message: str, *, step: str | None = None, error: object = None
    ) -> dict[str, Any]:
        at = str(int(self.updated_at * 1000))
        fields = {"runId": self.run_id, "message": message, "timestamp": at, "stepKey": step}
        return {"__typename": kind, **fields, "error": error}

    def fields(self) -> dict[str, Any]:
        """GraphQL's `Run`."""
        return {
            "__typename": "Run",
            "id": self.run_id,
            "runId": self.run_id,
            "status": self.status,
            "jobName": self.job,
            "creationTime": self.created_at,
            "startTime": self.started_at,
            "endTime": self.ended_at,
            "updateTime": self.updated_at,
            "rootRunId": None if self.parent is None else self.root.run_id,
            "parentRunId": None if self.parent is None else self.parent.run_id,
            "assetSelection": lambda _info, **_args: (
                [{"path": key.split("/")} for key in self.assets] or None
            ),
            "tags": [{"key": key, "value": value} for key, value in self.all_tags.items()],
            "repositoryOrigin": {
                "id": f"{self.location}:__repository__",
                "repositoryLocationName": self.location,
                "repositoryName": "__repository__",
            },
        }


def fitting(runs: list[Run], wanted: dict[str, Any]) -> list[Run]:
    """The runs that a `RunsFilter` lets through, newest first."""
    tests: dict[str, Callable[[Run, Any], bool]] = {
        "runIds": lambda run, ids: run.run_id in ids,
        "pipelineName": lambda run, job: run.job == job,
        "statuses": lambda run, statuses: run.status in statuses,
        "updatedAfter": lambda run, at: run.updated_at > at,
        "updatedBefore": lambda run, at: run.updated_at < at,
        "createdAfter": lambda run, at: run.created_at > at,
        "createdBefore": lambda run, at: run.created_at < at,
        "tags": lambda run, tags: all(run.all_tags.get(tag["key"]) == tag["value"] for tag in tags),
    }
    given = {key: value for key, value in wanted.items() if value is not None and key in tests}
    found = [run for run in runs if all(tests[key](run, value) for key, value in given.items())]
    return sorted(found, key=lambda run: run.created_at, reverse=True)


def after(runs: list[Run], cursor: str | None) -> list[Run]:
    """The runs that follow the one whose id is the cursor."""
    ids = [run.run_id for run in runs]
    return runs[ids.index(cursor) + 1 :] if cursor in ids else runs


def events_page(run: Run, cursor: str | None, limit: int | None) -> dict[str, Any]:
    """A page of a run's log; the cursor is opaque for those who ask."""
    events, first = run.events(), int(cursor or 0)
    last = len(events) if limit is None else first + limit
    return {
        "__typename": "EventConnection",
        "events": events[first:last],
        "cursor": str(min(last, len(events))),
        "hasMore": last < len(events),
    }


def owners_of(owners: list[str], kind: str) -> list[dict[str, str]]:
    """GraphQL's owners of a `Definition` or an `Asset`."""
    return [
        {"__typename": f"Team{kind}Owner", "team": each.removeprefix("team:")}
        if each.startswith("team:")
        else {"__typename": f"User{kind}Owner", "email": each}
        for each in owners
    ]
