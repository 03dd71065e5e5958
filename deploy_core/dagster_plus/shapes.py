"""The JSON of each answer as pydantic models: exactly what our documents select.

Unknown extra fields don't hurt; missing ones and unknown `__typename`s do.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from deploy_core.dagster_plus.values import AgentType

EpochSeconds = Annotated[float, Field(ge=0, le=253_402_300_799)]  # up to the year 9999


class Shape(BaseModel):
    """No conversions: a number where a text belongs is an answer that we don't understand."""

    model_config = ConfigDict(frozen=True, strict=True)


class KeyValue(Shape):
    key: str
    value: str


class PythonErrorShape(Shape):
    typename: Literal["PythonError"] = Field(alias="__typename")
    message: str
    stack: list[str]


class UnauthorizedShape(Shape):
    typename: Literal["UnauthorizedError"] = Field(alias="__typename")
    message: str


class InvalidLocationShape(Shape):
    typename: Literal["InvalidLocationError"] = Field(alias="__typename")
    errors: list[str]


class ContentShape(Shape):
    typename: Literal["RepositoryLocation", "PythonError"] = Field(alias="__typename")


class LocationEntryShape(Shape):
    name: str
    load_status: Literal["LOADING", "LOADED"] = Field(alias="loadStatus")
    updated_timestamp: float | None = Field(alias="updatedTimestamp", allow_inf_nan=False)
    version_key: str | None = Field(alias="versionKey")
    display_metadata: list[KeyValue] = Field(alias="displayMetadata")
    content: ContentShape | None = Field(alias="locationOrLoadError")


class WorkspaceShape(Shape):
    typename: Literal["Workspace"] = Field(alias="__typename")
    entries: list[LocationEntryShape] = Field(alias="locationEntries")


class WorkspaceData(Shape):
    workspace_or_error: WorkspaceShape | PythonErrorShape = Field(
        alias="workspaceOrError", discriminator="typename"
    )


class ErrorText(Shape):
    message: str
    stack: list[str]


class ChainLink(Shape):
    is_explicit: bool = Field(alias="isExplicitLink")
    error: ErrorText


class LoadErrorShape(Shape):
    typename: Literal["PythonError"] = Field(alias="__typename")
    message: str
    stack: list[str]
    chain: list[ChainLink] = Field(alias="errorChain")


class LoadedShape(Shape):
    typename: Literal["RepositoryLocation"] = Field(alias="__typename")


class OneEntryShape(Shape):
    typename: Literal["WorkspaceLocationEntry"] = Field(alias="__typename")
    content: Annotated[LoadErrorShape | LoadedShape, Field(discriminator="typename")] | None = (
        Field(alias="locationOrLoadError")
    )


class LocationEntryData(Shape):
    entry: Annotated[OneEntryShape | PythonErrorShape, Field(discriminator="typename")] | None = (
        Field(alias="workspaceLocationEntryOrError")
    )


class StateShape(Shape):
    status: Literal["RUNNING", "STOPPED"]


class NamedShape(Shape):
    name: str


class ScheduleShape(Shape):
    name: str
    cron: str = Field(alias="cronSchedule")
    timezone: str | None = Field(alias="executionTimezone")
    state: StateShape = Field(alias="scheduleState")


class SensorShape(Shape):
    name: str
    state: StateShape = Field(alias="sensorState")


class AssetShape(Shape):
    id: str


class RepositoryShape(Shape):
    name: str
    assets: list[AssetShape] = Field(alias="assetNodes")
    jobs: list[NamedShape]
    schedules: list[ScheduleShape]
    sensors: list[SensorShape]


class ContentsShape(Shape):
    typename: Literal["RepositoryLocation"] = Field(alias="__typename")
    repositories: list[RepositoryShape]


class EntryWithContentsShape(Shape):
    typename: Literal["WorkspaceLocationEntry"] = Field(alias="__typename")
    content: Annotated[ContentsShape | PythonErrorShape, Field(discriminator="typename")] | None = (
        Field(alias="locationOrLoadError")
    )


class ContentsData(Shape):
    entry: (
        Annotated[EntryWithContentsShape | PythonErrorShape, Field(discriminator="typename")] | None
    ) = Field(alias="workspaceLocationEntryOrError")


class DocumentList(Shape):
    locations: list[dict[str, JsonValue]]


class DocumentHolder(Shape):
    document: DocumentList


class DocumentsData(Shape):
    holder: DocumentHolder = Field(alias="locationsAsDocument")


class EntryShape(Shape):
    name: str = Field(alias="locationName")
    metadata: str = Field(alias="serializedDeploymentMetadata")


class EntriesShape(Shape):
    entries: list[EntryShape] = Field(alias="workspaceEntries")


class EntriesData(Shape):
    workspace: EntriesShape


class GitMetadata(Shape):
    commit_hash: str | None = None
    url: str | None = None


class PexMetadata(Shape):
    pex_tag: str | None = None


class MetadataShape(Shape):
    """The stored form of `CodeDeploymentMetadata`; older versions lack some keys."""

    image: str | None = None
    agent_queue: str | None = None
    git_metadata: GitMetadata | None = None
    pex_metadata: PexMetadata | None = None


class MessageShape(Shape):
    message: str


class AgentErrorShape(Shape):
    error: MessageShape


class AgentShape(Shape):
    id: str
    label: str | None = Field(alias="agentLabel")
    status: Literal["RUNNING", "NOT_RUNNING"]
    last_heartbeat: EpochSeconds | None = Field(alias="lastHeartbeatTime")
    metadata: list[KeyValue]
    errors: list[AgentErrorShape]


class AgentsData(Shape):
    agents: list[AgentShape]


class DeploymentShape(Shape):
    name: str = Field(alias="deploymentName")
    id: int = Field(alias="deploymentId")
    is_branch: bool = Field(alias="isBranchDeployment")
    agent_type: AgentType | None = Field(alias="agentType")


class DeploymentsData(Shape):
    deployments: list[DeploymentShape] = Field(alias="fullDeployments")


class AgentTypeShape(Shape):
    agent_type: AgentType = Field(alias="agentType")


class AgentTypeData(Shape):
    deployment: AgentTypeShape = Field(alias="currentDeployment")


class ServerlessShape(Shape):
    auth_token: str | None = Field(alias="awsAuthToken")
    allow_custom_base: bool | None = Field(alias="registryAllowCustomBase")
    is_harbor: bool | None = Field(alias="registryIsHarbor")
    url: str | None = Field(alias="registryUrl")


class ServerlessData(Shape):
    serverless: ServerlessShape | None


class PexUrlShape(Shape):
    url: str


class PexUrlsData(Shape):
    urls: list[PexUrlShape] = Field(alias="generateServerlessPexUrl")


class PutDone(Shape):
    typename: Literal["WorkspaceEntry"] = Field(alias="__typename")
    name: str = Field(alias="locationName")


class PutLocationData(Shape):
    result: PutDone | InvalidLocationShape | UnauthorizedShape | PythonErrorShape = Field(
        alias="addOrUpdateLocationFromDocument", discriminator="typename"
    )


class DeleteDone(Shape):
    typename: Literal["DeleteLocationSuccess"] = Field(alias="__typename")
    name: str = Field(alias="locationName")


class DeleteLocationData(Shape):
    result: DeleteDone | UnauthorizedShape | PythonErrorShape = Field(
        alias="deleteLocation", discriminator="typename"
    )
