"""The JSON of the answers about runs; see `shapes`."""

from typing import Literal

from pydantic import Field

from deploy_core.dagster_plus.shapes import (
    ChainLink,
    EpochSeconds,
    KeyValue,
    PythonErrorShape,
    Shape,
    UnauthorizedShape,
)
from deploy_core.dagster_plus.values import RunStatus


class OriginShape(Shape):
    location: str = Field(alias="repositoryLocationName")


class RunShape(Shape):
    id: str = Field(alias="runId")
    status: RunStatus
    job: str = Field(alias="jobName")
    created_at: EpochSeconds = Field(alias="creationTime")
    started_at: EpochSeconds | None = Field(alias="startTime")
    ended_at: EpochSeconds | None = Field(alias="endTime")
    updated_at: EpochSeconds | None = Field(alias="updateTime")
    root_id: str | None = Field(alias="rootRunId")
    parent_id: str | None = Field(alias="parentRunId")
    tags: list[KeyValue]
    origin: OriginShape | None = Field(alias="repositoryOrigin")


class RunsShape(Shape):
    typename: Literal["Runs"] = Field(alias="__typename")
    results: list[RunShape]


class InvalidFilterShape(Shape):
    typename: Literal["InvalidPipelineRunsFilterError"] = Field(alias="__typename")
    message: str


class RunsData(Shape):
    runs: RunsShape | InvalidFilterShape | PythonErrorShape = Field(
        alias="runsOrError", discriminator="typename"
    )


class EventErrorShape(Shape):
    message: str
    stack: list[str]
    chain: list[ChainLink] = Field(alias="errorChain")


class EventShape(Shape):
    """An event of a run: of the many kinds we read two, and of the others only their name."""

    typename: str = Field(alias="__typename")
    step: str | None = Field(alias="stepKey", default=None)
    message: str = ""
    error: EventErrorShape | None = None


class EventsShape(Shape):
    typename: Literal["EventConnection"] = Field(alias="__typename")
    events: list[EventShape]
    cursor: str
    has_more: bool = Field(alias="hasMore")


class RunNotFoundShape(Shape):
    typename: Literal["RunNotFoundError"] = Field(alias="__typename")
    message: str


class EventsData(Shape):
    logs: EventsShape | RunNotFoundShape | PythonErrorShape = Field(
        alias="logsForRun", discriminator="typename"
    )


class LaunchedShape(Shape):
    id: str = Field(alias="runId")
    parent_id: str | None = Field(alias="parentRunId")


class LaunchSuccessShape(Shape):
    typename: Literal["LaunchRunSuccess"] = Field(alias="__typename")
    run: LaunchedShape


class ConfigProblemShape(Shape):
    message: str
    reason: str


class RunConfigInvalidShape(Shape):
    typename: Literal["RunConfigValidationInvalid"] = Field(alias="__typename")
    errors: list[ConfigProblemShape]


class InvalidStepShape(Shape):
    typename: Literal["InvalidStepError"] = Field(alias="__typename")
    step: str = Field(alias="invalidStepKey")


class InvalidOutputShape(Shape):
    typename: Literal["InvalidOutputError"] = Field(alias="__typename")
    step: str = Field(alias="stepKey")
    output: str = Field(alias="invalidOutputName")


class LaunchRefusedShape(Shape):
    """The refusals that say no more than a message."""

    typename: Literal[
        "PipelineNotFoundError",
        "InvalidSubsetError",
        "RunConflict",
        "PresetNotFoundError",
        "ConflictingExecutionParamsError",
        "NoModeProvidedError",
    ] = Field(alias="__typename")
    message: str


class LaunchData(Shape):
    result: (
        LaunchSuccessShape
        | RunConfigInvalidShape
        | InvalidStepShape
        | InvalidOutputShape
        | LaunchRefusedShape
        | UnauthorizedShape
        | PythonErrorShape
    ) = Field(alias="launchRunReexecution", discriminator="typename")


class AssetKeyShape(Shape):
    path: list[str]


class FullOriginShape(OriginShape):
    repository: str = Field(alias="repositoryName")


class RunAssetsShape(Shape):
    typename: Literal["Run"] = Field(alias="__typename")
    job: str = Field(alias="jobName")
    origin: FullOriginShape | None = Field(alias="repositoryOrigin")
    assets: list[AssetKeyShape] | None = Field(alias="assetSelection")


class RunAssetsData(Shape):
    run: RunAssetsShape | RunNotFoundShape | PythonErrorShape = Field(
        alias="runOrError", discriminator="typename"
    )


class OwnerShape(Shape):
    """A person has an e-mail address, a team has a name."""

    email: str | None = None
    team: str | None = None


class OwnedShape(Shape):
    """A job or an asset; what isn't there any more has no owners."""

    owners: list[OwnerShape] = Field(default_factory=list)


class OwnersData(Shape):
    job: OwnedShape = Field(alias="pipelineOrError")
    assets: list[OwnedShape] = Field(alias="assetNodes", default_factory=list)
