"""The trust boundary for what Dagster+ answers about schedules and sensors; see `wire`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from deploy_core.dagster_plus import documents
from deploy_core.dagster_plus.answers import JsonObject
from deploy_core.dagster_plus.shapes import (
    EpochSeconds,
    NamedShape,
    PythonErrorShape,
    ScheduleShape,
    SensorShape,
    Shape,
    StateShape,
)
from deploy_core.dagster_plus.values import Instigator, Tick, TickStatus
from deploy_core.dagster_plus.wire import checked, not_understood, server_error

MOST_ERROR = 1_000
"""So much of a tick's error is kept."""

UNREACHED = "DagsterUserCodeUnreachableError"
"""What Dagster's daemon raises around a tick for which the code server could not be reached."""


class CauseShape(Shape):
    message: str


class ChainShape(Shape):
    error: CauseShape


class TickErrorShape(Shape):
    message: str
    chain: list[ChainShape] = Field(alias="errorChain")

    @property
    def root(self) -> str:
        """The user's own error: Dagster's wrapper is outside."""
        return self.chain[-1].error.message if self.chain else self.message


class TickShape(Shape):
    timestamp: EpochSeconds
    status: TickStatus
    error: TickErrorShape | None


class TickingShape(StateShape):
    ticks: list[TickShape]


class TickingScheduleShape(ScheduleShape):
    state: TickingShape = Field(alias="scheduleState")


class TickingSensorShape(SensorShape):
    state: TickingShape = Field(alias="sensorState")


class NodeShape(Shape):
    location: NamedShape
    schedules: list[TickingScheduleShape]
    sensors: list[TickingSensorShape]


class ConnectionShape(Shape):
    typename: Literal["RepositoryConnection"] = Field(alias="__typename")
    nodes: list[NodeShape]


class RepositoryNotFoundShape(Shape):
    typename: Literal["RepositoryNotFoundError"] = Field(alias="__typename")
    message: str


class SchedulesData(Shape):
    repositories: ConnectionShape | RepositoryNotFoundShape | PythonErrorShape = Field(
        alias="repositoriesOrError", discriminator="typename"
    )


@dataclass(frozen=True)
class Ticking:
    """The schedules and sensors of a deployment, and the locations whose contents are known."""

    instigators: tuple[Instigator, ...]
    locations: frozenset[str]


def read_schedules(data: JsonObject) -> Ticking:
    """Return the schedules and sensors of all locations that are loaded."""
    operation = documents.SCHEDULES
    found = checked(operation, SchedulesData, data).repositories
    if isinstance(found, PythonErrorShape):
        raise server_error(operation, found)
    if isinstance(found, RepositoryNotFoundShape):
        raise not_understood(operation, found.message)
    instigators: list[Instigator] = []
    for node in found.nodes:
        instigators += [
            Instigator(
                location=node.location.name,
                name=one.name,
                kind="schedule",
                running=one.state.status == "RUNNING",
                ticks=_ticks(one.state),
                cron=one.cron,
                timezone=one.timezone or None,
            )
            for one in node.schedules
        ]
        instigators += [
            Instigator(
                location=node.location.name,
                name=one.name,
                kind="sensor",
                running=one.state.status == "RUNNING",
                ticks=_ticks(one.state),
            )
            for one in node.sensors
        ]
    return Ticking(tuple(instigators), frozenset(node.location.name for node in found.nodes))


def _ticks(state: TickingShape) -> tuple[Tick, ...]:
    found = [
        Tick(
            at=datetime.fromtimestamp(tick.timestamp, UTC),
            status=tick.status,
            error=None if tick.error is None else tick.error.root[:MOST_ERROR],
            unreached=tick.error is not None and UNREACHED in tick.error.message,
        )
        for tick in state.ticks
    ]
    return tuple(sorted(found, key=lambda tick: tick.at, reverse=True))
