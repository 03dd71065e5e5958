"""Deployments and their code locations: what was asked for, and what an agent made of it."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.dagster_plus.documents import display_metadata, serialized_deployment_metadata
from sandbox.dagster_plus.load_errors import LoadError, python_error
from sandbox.dagster_plus.runs import Run

AgentType = Literal["HYBRID", "SERVERLESS"]


@dataclass(frozen=True)
class Schedule:
    """A schedule that a code server reported."""

    name: str
    cron: str
    timezone: str | None = None
    running: bool = False


@dataclass(frozen=True)
class Sensor:
    """A sensor that a code server reported."""

    name: str
    running: bool = False


@dataclass(frozen=True)
class Tick:
    """One time that a schedule or a sensor was evaluated; a test says when and how."""

    at: float
    status: Literal["STARTED", "SKIPPED", "SUCCESS", "FAILURE"] = "SUCCESS"
    error: str | None = None


@dataclass(frozen=True)
class RepositoryContents:
    """One repository of a loaded location, as a code server reported it."""

    name: str
    jobs: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    assets: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadReport:
    """What an agent reported about a location: either an error or its contents."""

    error: LoadError | None = None
    repositories: tuple[RepositoryContents, ...] = ()
    image: str | None = None
    library_versions: tuple[tuple[str, str], ...] = ()


@dataclass
class CodeLocation:
    """One code location of one deployment.

    `metadata_timestamp` moves with every accepted change and is what makes an agent redeploy.
    `updated_timestamp` and `version_key` move when an agent's report arrives.
    """

    name: str
    document: dict[str, Any]
    metadata_timestamp: float
    updated_timestamp: float
    version_key: str = field(default_factory=lambda: secrets.token_hex(8))
    load_status: Literal["LOADING", "LOADED"] = "LOADING"
    report: LoadReport | None = None
    reported_document: dict[str, Any] | None = None
    seen_by_agent: float = 0.0
    held_report: LoadReport | None = None
    flapping_error: LoadError | None = None
    reads: int = 0
    ticks: dict[str, list[Tick]] = field(default_factory=dict)
    """The ticks of the schedules and sensors by name, the newest first."""

    @property
    def agent_queue(self) -> str | None:
        """The queue whose agents load this location; None is the default queue."""
        queue: str | None = self.document.get("agent_queue")
        return queue

    def accept(self, report: LoadReport, *, at: float, new_version: bool = True) -> None:
        """Take an agent's report: its error or contents and LOADED change in one step."""
        if new_version:
            self.report = report
            self.reported_document = self.document
            self.updated_timestamp = at
            self.version_key = secrets.token_hex(8)
        self.load_status = "LOADED"

    def workspace_entry(self) -> dict[str, Any]:
        """GraphQL's `WorkspaceEntry`: what was requested."""
        return {
            "__typename": "WorkspaceEntry",
            "locationName": self.name,
            "serializedDeploymentMetadata": serialized_deployment_metadata(self.document),
            "hasOutdatedData": self.load_status == "LOADING",
            "hasLoadError": self.report is not None and self.report.error is not None,
            "metadataTimestamp": self.metadata_timestamp,
        }

    def location_entry(self) -> dict[str, Any]:
        """GraphQL's `WorkspaceLocationEntry`: what is loaded. Flapping counts these reads."""
        self.reads += 1
        return {
            "__typename": "WorkspaceLocationEntry",
            "id": self.name,
            "name": self.name,
            "loadStatus": self.load_status,
            "locationOrLoadError": self._location_or_load_error(),
            "displayMetadata": self._display_metadata(),
            "updatedTimestamp": self.updated_timestamp,
            "versionKey": self.version_key,
        }

    def status_entry(self) -> dict[str, Any]:
        """GraphQL's `WorkspaceLocationStatusEntry`; a location that failed is LOADED here too."""
        return {
            "id": self.name,
            "name": self.name,
            "loadStatus": self.load_status,
            "updateTimestamp": self.updated_timestamp,
            "versionKey": self.version_key,
        }

    def _display_metadata(self) -> list[dict[str, str]]:
        if self.report is None or self.reported_document is None:
            return []
        return display_metadata(self.reported_document, self.report.image)

    def _location_or_load_error(self) -> dict[str, Any] | None:
        if self.flapping_error and self.load_status == "LOADED" and self.reads % 2 == 0:
            return python_error(self.flapping_error)
        if self.report is None:
            return None
        if self.report.error is not None:
            return python_error(self.report.error)
        return {
            "__typename": "RepositoryLocation",
            "id": self.name,
            "name": self.name,
            "isReloadSupported": True,
            "repositories": self._repositories(),
            "dagsterLibraryVersions": [
                {"name": name, "version": version} for name, version in self.report.library_versions
            ],
        }

    def repository_nodes(self) -> list[dict[str, Any]]:
        """GraphQL's `Repository` of each in this location; none where it isn't loaded."""
        entry = self._location_or_load_error()
        if entry is None or entry["__typename"] != "RepositoryLocation":
            return []
        return [{**found, "location": entry} for found in entry["repositories"]]

    def _repositories(self) -> list[dict[str, Any]]:
        contents = self.report.repositories if self.report is not None else ()
        return [self._repository(each) for each in contents]

    def _instigation(self, prefix: str, name: str, *, running: bool) -> dict[str, Any]:
        ticks = self.ticks.get(name, [])

        def some(_info: object, limit: int | None = None) -> list[dict[str, Any]]:
            return [_tick(tick) for tick in ticks[:limit]]

        status = "RUNNING" if running else "STOPPED"
        return {"id": f"{prefix}:{name}", "status": status, "ticks": some}

    def _repository(self, contents: RepositoryContents) -> dict[str, Any]:
        prefix = f"{self.name}:{contents.name}"
        return {
            "id": prefix,
            "name": contents.name,
            "jobs": [{"id": f"{prefix}:{name}", "name": name} for name in contents.jobs],
            "schedules": [
                {
                    "id": f"{prefix}:{schedule.name}",
                    "name": schedule.name,
                    "cronSchedule": schedule.cron,
                    "executionTimezone": schedule.timezone,
                    "scheduleState": self._instigation(
                        prefix, schedule.name, running=schedule.running
                    ),
                }
                for schedule in contents.schedules
            ],
            "sensors": [
                {
                    "id": f"{prefix}:{sensor.name}",
                    "name": sensor.name,
                    "sensorState": self._instigation(prefix, sensor.name, running=sensor.running),
                }
                for sensor in contents.sensors
            ],
            "assetNodes": [{"id": f"{prefix}:{name}"} for name in contents.assets],
        }


def _tick(tick: Tick) -> dict[str, Any]:
    error = None if tick.error is None else python_error(LoadError(message=tick.error))
    return {"id": str(tick.at), "timestamp": tick.at, "status": tick.status, "error": error}


@dataclass
class Deployment:
    """One deployment of the organisation, with its locations by name."""

    name: str
    deployment_id: int
    organization: str
    agent_type: AgentType = "HYBRID"
    locations: dict[str, CodeLocation] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """GraphQL's `DagsterCloudDeployment` without its workspace entries."""
        return {
            "__typename": "DagsterCloudDeployment",
            "deploymentName": self.name,
            "deploymentId": self.deployment_id,
            "deploymentType": "PRODUCTION",
            "deploymentStatus": "ACTIVE",
            "agentType": self.agent_type,
            "isBranchDeployment": False,
            "organizationName": self.organization,
        }
