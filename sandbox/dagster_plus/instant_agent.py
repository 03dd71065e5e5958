"""An agent that loads nothing and reports at once: for fast tests of everything around loading."""

import asyncio
import json
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sandbox.dagster_plus.agents import Agent
from sandbox.dagster_plus.control_plane import ControlPlane
from sandbox.dagster_plus.faults import LoadErrorText
from sandbox.dagster_plus.locations import (
    CodeLocation,
    Deployment,
    LoadReport,
    RepositoryContents,
)

AGENT_ID = "instant-agent"


class BrokenCode(BaseModel):
    """Code that doesn't load: every named part must be that of the document."""

    model_config = ConfigDict(extra="forbid")

    error: LoadErrorText
    deployment: str | None = None
    location: str | None = None
    image: str | None = None
    commit_hash: str | None = None

    def matches(self, deployment: str, document: dict[str, Any]) -> bool:
        """Whether this document's code is the broken code."""
        actual = {
            "deployment": deployment,
            "location": document["location_name"],
            "image": document.get("image"),
            "commit_hash": (document.get("git") or {}).get("commit_hash"),
        }
        return all(getattr(self, key) in (None, value) for key, value in actual.items())


class InstantAgentSettings(BaseModel):
    """How the instant agent behaves; the body of `POST /sandbox/instant_agent`."""

    model_config = ConfigDict(extra="forbid")

    running: bool = True
    delay_seconds: float = Field(default=0.0, ge=0)
    queues: list[str | None] = [None]
    broken: list[BrokenCode] = []


class InstantAgent:
    """Watches a control plane for changes and reports each one after a delay."""

    def __init__(self, plane: ControlPlane, settings: InstantAgentSettings) -> None:
        self.settings = settings
        self._plane = plane
        self._reports: set[asyncio.Task[None]] = set()
        plane.on_change.append(self._changed)
        self.configure(settings)

    def configure(self, settings: InstantAgentSettings) -> None:
        """Change the behaviour; started again, it takes up what is still LOADING."""
        self.settings = settings
        if not settings.running:
            self._stop_reports()
            self._plane.agents.by_id.pop(AGENT_ID, None)
            return
        self._plane.agents.by_id[AGENT_ID] = _ForeverYoung(
            AGENT_ID,
            "instant",
            time.time(),
            deployments=set(self._plane.deployments),
            queues=tuple(settings.queues),
            metadata={
                "version": "sandbox",
                "type": "InstantAgent",
                "queues": json.dumps([queue for queue in settings.queues if queue]),
            },
        )
        for deployment in self._plane.deployments.values():
            for location in deployment.locations.values():
                if location.load_status == "LOADING" and location.held_report is None:
                    self._changed(deployment, location)

    async def close(self) -> None:
        """End all reports that are still to come."""
        stopped = list(self._reports)
        self._stop_reports()
        await asyncio.gather(*stopped, return_exceptions=True)

    def _stop_reports(self) -> None:
        for task in self._reports:
            task.cancel()

    def _changed(self, deployment: Deployment, location: CodeLocation) -> None:
        if not self.settings.running or location.agent_queue not in self.settings.queues:
            return
        task = asyncio.create_task(
            self._report(deployment, location.name, location.metadata_timestamp)
        )
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, deployment: Deployment, name: str, changed_at: float) -> None:
        await asyncio.sleep(self.settings.delay_seconds)
        location = deployment.locations.get(name)
        if location is None or location.metadata_timestamp != changed_at:
            return
        location.seen_by_agent = changed_at
        self._plane.report(deployment, name, self._load(deployment, location))

    def _load(self, deployment: Deployment, location: CodeLocation) -> LoadReport:
        image = location.document.get("image")
        for broken in self.settings.broken:
            if broken.matches(deployment.name, location.document):
                return LoadReport(error=broken.error.to_load_error(), image=image)
        return LoadReport(
            repositories=(RepositoryContents("__repository__", jobs=("__ASSET_JOB",)),),
            image=image,
        )


class _ForeverYoung(Agent):
    """An agent inside this process: its last heartbeat is always now."""

    def fields(self, health: Any, now: float) -> dict[str, Any]:
        self.last_heartbeat = now
        return super().fields(health, now)
