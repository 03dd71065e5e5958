"""The trust boundary: what Dagster+ answers, checked and turned into our values.

Each function takes the `data` of one operation's answer. What is missing, of another type or of an
unknown `__typename` becomes a ProtocolError that names the operation and the place, never a
default; refusals in the answer become their typed errors.
"""

import base64
import json
import re
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, JsonValue, SecretStr, TypeAdapter, ValidationError

from deploy_core.dagster_plus import documents, shapes
from deploy_core.dagster_plus.answers import LONGEST_DETAIL, JsonObject
from deploy_core.dagster_plus.documents import Operation
from deploy_core.dagster_plus.run_shapes import EventErrorShape
from deploy_core.dagster_plus.values import (
    AgentStatus,
    AgentType,
    Deployed,
    DeploymentInfo,
    LocationState,
    Repository,
    Schedule,
    Sensor,
    ServerlessRegistry,
)
from deploy_core.model.errors import (
    DagsterPlusError,
    InvalidLocation,
    PermissionRefused,
    ProtocolError,
    ServerError,
)
from deploy_core.model.plan import Document
from deploy_core.model.python_error import ChainedError, PythonError

M = TypeVar("M", bound=BaseModel)

_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def read_location_states(data: JsonObject) -> dict[str, LocationState]:
    """Return the state of every location by name."""
    operation = documents.LOCATION_STATES
    workspace = checked(operation, shapes.WorkspaceData, data).workspace_or_error
    if isinstance(workspace, shapes.PythonErrorShape):
        raise server_error(operation, workspace)
    return {
        entry.name: LocationState(
            name=entry.name,
            loading=entry.load_status == "LOADING",
            failed=entry.content is not None and entry.content.typename == "PythonError",
            updated_timestamp=entry.updated_timestamp,
            version_key=entry.version_key or None,
            image=_value(entry.display_metadata, "image"),
        )
        for entry in workspace.entries
    }


def read_location_error(data: JsonObject) -> PythonError | None:
    """Return why the location didn't load; None if it did, is still loading, or doesn't exist."""
    operation = documents.LOCATION_ERROR
    entry = checked(operation, shapes.LocationEntryData, data).entry
    if isinstance(entry, shapes.PythonErrorShape):
        raise server_error(operation, entry)
    if entry is None or not isinstance(entry.content, shapes.LoadErrorShape):
        return None
    return python_error_from(entry.content)


def read_repositories(data: JsonObject) -> tuple[Repository, ...] | None:
    """Return what is in a loaded location; None where it isn't loaded, or isn't there."""
    operation = documents.LOCATION_CONTENTS
    entry = checked(operation, shapes.ContentsData, data).entry
    if isinstance(entry, shapes.PythonErrorShape):
        raise server_error(operation, entry)
    if entry is None or not isinstance(entry.content, shapes.ContentsShape):
        return None
    return tuple(_repository(found) for found in entry.content.repositories)


def _repository(found: shapes.RepositoryShape) -> Repository:
    return Repository(
        name=found.name,
        assets=len(found.assets),
        jobs=tuple(job.name for job in found.jobs if not job.name.startswith("__ASSET_JOB")),
        schedules=tuple(
            Schedule(one.name, one.cron, one.timezone or None, one.state.status == "RUNNING")
            for one in found.schedules
        ),
        sensors=tuple(Sensor(one.name, one.state.status == "RUNNING") for one in found.sensors),
    )


def read_documents(data: JsonObject) -> dict[str, Document]:
    """Return the document of every location by name, just as Dagster+ keeps it."""
    operation = documents.LOCATION_DOCUMENTS
    found = checked(operation, shapes.DocumentsData, data).holder.document.locations
    named: dict[str, Document] = {}
    for document in found:
        name = document.get("location_name")
        if not isinstance(name, str):
            raise not_understood(operation, "a document without a location_name")
        named[name] = document
    return named


def read_deployed(data: JsonObject) -> dict[str, Deployed]:
    """Return what was requested last for every location, by name."""
    entries = checked(documents.WORKSPACE_ENTRIES, shapes.EntriesData, data).workspace.entries
    return {entry.name: _deployed(entry) for entry in entries}


def _deployed(entry: shapes.EntryShape) -> Deployed:
    operation = documents.WORKSPACE_ENTRIES
    try:
        raw = json.loads(entry.metadata)
        metadata = _OBJECT.validate_python(raw)
        known = shapes.MetadataShape.model_validate(metadata)
    except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
        raise not_understood(operation, "serializedDeploymentMetadata") from None
    return Deployed(
        location=entry.name,
        image=known.image,
        commit=known.git_metadata.commit_hash if known.git_metadata else None,
        git_url=known.git_metadata.url if known.git_metadata else None,
        pex_tag=known.pex_metadata.pex_tag if known.pex_metadata else None,
        agent_queue=known.agent_queue,
        metadata=metadata,
    )


def read_agents(data: JsonObject) -> list[AgentStatus]:
    """Return the agents of a deployment, in Dagster+'s order."""
    agents = checked(documents.AGENTS, shapes.AgentsData, data).agents
    return [
        AgentStatus(
            id=agent.id,
            label=agent.label or None,
            running=agent.status == "RUNNING",
            last_heartbeat=None
            if agent.last_heartbeat is None
            else datetime.fromtimestamp(agent.last_heartbeat, UTC),
            queues=_queues(_value(agent.metadata, "queues")),
            version=_value(agent.metadata, "version"),
            type=_value(agent.metadata, "type"),
            errors=tuple(item.error.message for item in agent.errors),
        )
        for agent in agents
    ]


def read_deployments(data: JsonObject) -> list[DeploymentInfo]:
    """Return the deployments of the organisation."""
    return [
        DeploymentInfo(
            name=item.name, id=item.id, is_branch=item.is_branch, agent_type=item.agent_type
        )
        for item in checked(documents.DEPLOYMENTS, shapes.DeploymentsData, data).deployments
    ]


def read_agent_type(data: JsonObject) -> AgentType:
    """Return whether the deployment's agents are the customer's own or Dagster's."""
    return checked(documents.AGENT_TYPE, shapes.AgentTypeData, data).deployment.agent_type


def read_serverless_registry(data: JsonObject) -> ServerlessRegistry | None:
    """Return the registry for images of a Serverless deployment; None where there is none yet."""
    operation = documents.SERVERLESS_REGISTRY
    found = checked(operation, shapes.ServerlessData, data).serverless
    if found is None or not found.url or not found.auth_token:
        return None
    try:
        username, colon, password = base64.b64decode(found.auth_token).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise not_understood(operation, "awsAuthToken")
    return ServerlessRegistry(
        url=found.url,
        username=username,
        password=SecretStr(password),
        is_harbor=bool(found.is_harbor),
        custom_base=bool(found.allow_custom_base),
    )


def read_pex_urls(data: JsonObject, *, operation: Operation, names: int) -> list[str]:
    """Return the addresses, in the order of the file names that were asked for."""
    urls = [one.url for one in checked(operation, shapes.PexUrlsData, data).urls]
    if len(urls) != names:
        raise not_understood(operation, "another number of addresses")
    return urls


def read_put_location(data: JsonObject, *, location: str) -> None:
    """Return if Dagster+ took the document of `location`, and raise its refusal if not."""
    operation = documents.PUT_LOCATION
    result = checked(operation, shapes.PutLocationData, data).result
    if isinstance(result, shapes.InvalidLocationShape):
        raise InvalidLocation(
            f"Dagster+ refuses the document of `{location}`.",
            detail="\n".join(result.errors)[:LONGEST_DETAIL],
        )
    if isinstance(result, shapes.UnauthorizedShape | shapes.PythonErrorShape):
        raise _refused(operation, result, f"change `{location}`")
    _same_name(operation, result.name, location)


def read_delete_location(data: JsonObject, *, location: str) -> None:
    """Return if Dagster+ removed `location`, and raise its refusal if not."""
    operation = documents.DELETE_LOCATION
    result = checked(operation, shapes.DeleteLocationData, data).result
    if isinstance(result, shapes.UnauthorizedShape | shapes.PythonErrorShape):
        raise _refused(operation, result, f"remove `{location}`")
    _same_name(operation, result.name, location)


def python_error_from(found: shapes.LoadErrorShape | EventErrorShape) -> PythonError:
    """Return an error with its chain."""
    return PythonError(
        message=found.message,
        stack=tuple(found.stack),
        chain=tuple(
            ChainedError(
                message=link.error.message,
                stack=tuple(link.error.stack),
                is_explicit=link.is_explicit,
            )
            for link in found.chain
        ),
    )


def checked(operation: Operation, shape: type[M], data: JsonObject) -> M:
    """Return the answer in its shape. Raises ProtocolError for one that isn't as we know it."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        # Where and what kind, never the value: an answer may hold what must not be shown.
        places = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['type']}"
            f" {item.get('ctx', {}).get('tag', '')}".rstrip()
            for item in error.errors(include_input=False, include_url=False)
        ]
    raise not_understood(operation, "; ".join(places[:5]))


def not_understood(operation: Operation, what: str) -> ProtocolError:
    """Return the error of an answer that isn't as we know it."""
    return ProtocolError(
        f"The answer of Dagster+ to {operation.name} isn't one that we understand.",
        detail=what[:LONGEST_DETAIL],
    )


def server_error(operation: Operation, error: shapes.PythonErrorShape) -> ServerError:
    """Return the error that Dagster+ had while it answered."""
    return ServerError(
        f"Dagster+ answered {operation.name} with an error.",
        detail="\n".join([error.message.rstrip(), *error.stack])[:LONGEST_DETAIL],
    )


def _refused(
    operation: Operation, result: shapes.UnauthorizedShape | shapes.PythonErrorShape, what: str
) -> DagsterPlusError:
    if isinstance(result, shapes.UnauthorizedShape):
        return PermissionRefused(
            f"The token's user may not {what}.", detail=result.message[:LONGEST_DETAIL]
        )
    return server_error(operation, result)


def _same_name(operation: Operation, answered: str, asked: str) -> None:
    if answered != asked:
        raise not_understood(operation, "it speaks of another location")


def _value(metadata: list[shapes.KeyValue], key: str) -> str | None:
    return next((item.value for item in metadata if item.key == key and item.value), None)


def _queues(text: str | None) -> tuple[str, ...] | None:
    """Read an agent's `queues`: a JSON list or names with commas. How Dagster+ writes them isn't
    documented, so that anything else counts as unknown and refuses nothing."""
    if text is None:
        return None
    if re.fullmatch(r"[\w.-]+(\s*,\s*[\w.-]+)*", text) and text != "null":
        return tuple(part.strip() for part in text.split(","))
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, list) or not all(q is None or isinstance(q, str) for q in listed):
        return None
    return tuple(queue for queue in listed if queue)
