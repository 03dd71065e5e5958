"""Runs as the control plane remembers them; nothing runs here, a test says what happens."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Run:
    """One run of a job; `updated_at` moves with its status."""

    location: str
    job: str = "daily"
    status: str = "QUEUED"
    run_id: str = field(default_factory=lambda: secrets.token_hex(16))
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None
    updated_at: float = field(default_factory=time.time)

    def set_status(self, status: str) -> None:
        """Move the run, and note when."""
        self.status = status
        self.updated_at = time.time()
        if status == "STARTED":
            self.started_at = self.updated_at
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            self.ended_at = self.updated_at

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
    }
    given = {key: value for key, value in wanted.items() if value is not None and key in tests}
    found = [run for run in runs if all(tests[key](run, value) for key, value in given.items())]
    return sorted(found, key=lambda run: run.created_at, reverse=True)
