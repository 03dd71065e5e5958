"""GraphQL's top-level fields. Each takes what graphql-core hands over, and answers plain data."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

from graphql import GraphQLError, GraphQLResolveInfo

from sandbox.dagster_plus.control_plane import (
    ControlPlane,
    UnknownDeploymentError,
    UnknownLocationError,
)
from sandbox.dagster_plus.documents import (
    InvalidDocumentError,
    check_location_document,
    check_locations_document,
)
from sandbox.dagster_plus.launches import reexecuted
from sandbox.dagster_plus.load_errors import plain_python_error
from sandbox.dagster_plus.locations import CodeLocation, Deployment
from sandbox.dagster_plus.runs import Run, after, events_page, fitting, owners_of
from sandbox.dagster_plus.serverless import NO_REGISTRY

Role = Literal["user", "viewer", "agent"]


@dataclass(frozen=True)
class RequestContext:
    """Who asks, about which deployment (None at the organisation's root), and at which address."""

    plane: ControlPlane
    role: Role
    deployment: Deployment | None
    origin: str


def root_fields() -> dict[str, Callable[..., Any]]:
    """The root value for graphql-core: one function per field of Query and Mutation."""
    return {
        "version": lambda _info: metadata.version("dagster-cloud"),
        "agents": _agents,
        "currentDeployment": lambda info: _deployment_fields(_deployment(info)),
        "deploymentInfo": lambda info: _deployment_fields(_deployment(info)),
        "deployments": _deployments,
        "deploymentByName": _deployment_by_name,
        "fullDeployments": _full_deployments,
        "organizationSettings": lambda _info: {"settings": {}},
        "workspace": lambda info: {"workspaceEntries": _entries(_locations(info))},
        "workspaceOrError": _workspace_or_error,
        "workspaceLocationEntryOrError": _workspace_location_entry_or_error,
        "locationStatusesOrError": _location_statuses_or_error,
        "locationsAsDocument": _locations_as_document,
        "repositoriesOrError": _repositories_or_error,
        "runsOrError": _runs_or_error,
        "logsForRun": _logs_for_run,
        "launchRunReexecution": _launch_run_reexecution,
        "runOrError": _run_or_error,
        "pipelineOrError": _pipeline_or_error,
        "assetNodes": _asset_nodes,
        "scopedSecrets": lambda _info, **_args: [],
        "latestDefsStateInfo": lambda _info: None,
        "runs": lambda _info: {"getRuns": []},  # nothing runs here
        "serverless": _serverless,
        "generateServerlessPexUrl": _generate_serverless_pex_url,
        "addOrUpdateLocationFromDocument": _add_or_update_location,
        "deployLocations": _deploy_locations,
        "reconcileLocationsFromDocument": _reconcile_locations,
        "deleteLocation": _delete_location,
        "markCliEvent": lambda _info, **_args: "ok",
        "userCloudAgent": lambda _info: {
            "popUserCloudAgentRequests": _pop_requests,
            "addAgentHeartbeats": _add_heartbeats,
        },
    }


def _context(info: GraphQLResolveInfo) -> RequestContext:
    context: RequestContext = info.context
    return context


def _deployment(info: GraphQLResolveInfo) -> Deployment:
    deployment = _context(info).deployment
    if deployment is None:
        raise GraphQLError("This field needs a deployment, and the request names none.")
    return deployment


def _locations(info: GraphQLResolveInfo) -> Sequence[CodeLocation]:
    return list(_deployment(info).locations.values())


def _entries(locations: Sequence[CodeLocation]) -> list[dict[str, Any]]:
    return [location.workspace_entry() for location in locations]


def _deployment_fields(deployment: Deployment) -> dict[str, Any]:
    def workspace_entries(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, Any]]:
        if "agentQueues" not in args:
            return _entries(list(deployment.locations.values()))
        plane = _context(info).plane
        return _entries(plane.entries_for_agent(deployment, args["agentQueues"]))

    return {**deployment.fields(), "workspaceEntries": workspace_entries}


def _agents(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, Any]]:
    context = _context(info)
    health = context.plane.faults.agents or "as_reported"
    if health == "none":
        return []
    since = args.get("heartbeatedSince") or 0.0
    name = context.deployment.name if context.deployment else None
    return [
        agent.fields(health, time.time())
        for agent in context.plane.agents.by_id.values()
        if agent.last_heartbeat >= since and (name is None or name in agent.deployments)
    ]


def _deployments(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, Any]]:
    known = _context(info).plane.deployments
    wanted = args.get("deploymentNames")
    names = list(known) if wanted is None else [name for name in wanted if name in known]
    return [_deployment_fields(known[name]) for name in names]


def _full_deployments(info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    return [_deployment_fields(one) for one in _context(info).plane.deployments.values()]


def _deployment_by_name(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    try:
        return _deployment_fields(_context(info).plane.deployment(args["name"]))
    except UnknownDeploymentError as unknown:
        return {"__typename": "DeploymentNotFoundError", "message": str(unknown)}


def _workspace_or_error(info: GraphQLResolveInfo) -> dict[str, Any]:
    return {
        "__typename": "Workspace",
        "id": "Workspace",
        "locationEntries": [location.location_entry() for location in _locations(info)],
    }


def _workspace_location_entry_or_error(
    info: GraphQLResolveInfo, **args: Any
) -> dict[str, Any] | None:
    location = _deployment(info).locations.get(args["name"])
    return location.location_entry() if location else None


def _location_statuses_or_error(info: GraphQLResolveInfo) -> dict[str, Any]:
    return {
        "__typename": "WorkspaceLocationStatusEntries",
        "entries": [location.status_entry() for location in _locations(info)],
    }


def _locations_as_document(info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"document": {"locations": [location.document for location in _locations(info)]}}


def _repositories_or_error(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    wanted = (args.get("repositorySelector") or {}).get("repositoryLocationName")
    locations = [one for one in _locations(info) if wanted in (None, one.name)]
    nodes = [node for location in locations for node in location.repository_nodes()]
    return {"__typename": "RepositoryConnection", "nodes": nodes}


def _runs_or_error(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    found = fitting(_deployment(info).runs, args.get("filter") or {})
    page = after(found, args.get("cursor"))[: args.get("limit")]
    return {
        "__typename": "Runs",
        "results": [run.fields() for run in page],
        "count": len(found),
    }


def _logs_for_run(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    run = _run(info, args["runId"])
    if isinstance(run, dict):
        return run
    return events_page(run, args.get("afterCursor"), args.get("limit"))


def _run(info: GraphQLResolveInfo, run_id: str) -> Run | dict[str, Any]:
    run = next((run for run in _deployment(info).runs if run.run_id == run_id), None)
    if run is None:
        message = f"Run {run_id} could not be found."
        return {"__typename": "RunNotFoundError", "runId": run_id, "message": message}
    return run


def _run_or_error(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    run = _run(info, args["runId"])
    return run if isinstance(run, dict) else run.fields()


def _pipeline_or_error(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    """The job of a run that is known here; nothing else has owners in the sandbox."""
    wanted = args["params"]
    name, location = wanted["pipelineName"], wanted["repositoryLocationName"]
    for run in reversed(_deployment(info).runs):
        if (run.job, run.location) == (name, location):
            owners = owners_of(run.owners, "Definition")
            return {"__typename": "Pipeline", "id": name, "name": name, "owners": owners}
    message = f"Could not find Pipeline {location}.{name}"
    return {
        "__typename": "PipelineNotFoundError",
        "message": message,
        "pipelineName": name,
        "repositoryName": wanted["repositoryName"],
        "repositoryLocationName": location,
    }


def _asset_nodes(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, Any]]:
    wanted = {"/".join(key["path"]) for key in args.get("assetKeys") or []}
    known: dict[str, list[str]] = {}
    for run in _deployment(info).runs:
        known |= run.assets
    return [
        {"id": key, "assetKey": {"path": key.split("/")}, "owners": owners_of(owners, "Asset")}
        for key, owners in known.items()
        if key in wanted
    ]


def _launch_run_reexecution(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    if _context(info).role != "user":
        message = "You do not have permission to launch runs in this deployment."
        return {"__typename": "UnauthorizedError", "message": message}
    faults = _context(info).plane.faults
    return reexecuted(_deployment(info), args["reexecutionParams"], faults)


def _unauthorized(info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if _context(info).role == "user":
        return None
    message = "You do not have permission to edit code locations in this deployment."
    return {"__typename": "UnauthorizedError", "message": message}


def _invalid_location(invalid: InvalidDocumentError) -> dict[str, Any]:
    return {"__typename": "InvalidLocationError", "errors": invalid.errors}


def _add_or_update_location(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    if refused := _unauthorized(info):
        return refused
    try:
        document = check_location_document(args["document"])
    except InvalidDocumentError as invalid:
        return _invalid_location(invalid)
    deployment = _deployment(info)
    _context(info).plane.apply(deployment, [document])
    return deployment.locations[document["location_name"]].workspace_entry()


def _change_many(
    info: GraphQLResolveInfo,
    document: object,
    change: Callable[[Deployment, Sequence[dict[str, Any]]], None],
    success: str,
) -> dict[str, Any]:
    if refused := _unauthorized(info):
        return refused
    try:
        documents = check_locations_document(document)
    except InvalidDocumentError as invalid:
        return _invalid_location(invalid)
    deployment = _deployment(info)
    change(deployment, documents)
    changed = [deployment.locations[one["location_name"]] for one in documents]
    return {"__typename": success, "locations": _entries(changed)}


def _deploy_locations(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    apply = _context(info).plane.apply
    return _change_many(info, args["document"], apply, "DeployLocationsSuccess")


def _reconcile_locations(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    reconcile = _context(info).plane.reconcile
    return _change_many(info, args["document"], reconcile, "ReconcileLocationsSuccess")


def _delete_location(info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    if refused := _unauthorized(info):
        return refused
    name: str = args["locationName"]
    try:
        _context(info).plane.delete(_deployment(info), name)
    except UnknownLocationError as unknown:
        return plain_python_error(str(unknown))
    return {"__typename": "DeleteLocationSuccess", "locationName": name}


def _serverless(info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if _deployment(info).agent_type != "SERVERLESS":
        return None
    registry = _context(info).plane.registry
    return NO_REGISTRY if registry is None else registry.fields()


def _generate_serverless_pex_url(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, str]]:
    context = _context(info)
    store = context.plane.pex
    # The official `ci build` asks at the organisation's address, which names no deployment.
    named = context.deployment
    meant = list(context.plane.deployments.values()) if named is None else [named]
    if store is None or all(each.agent_type != "SERVERLESS" for each in meant):
        raise GraphQLError("This deployment is not a Serverless deployment.")
    if context.role != "user":
        raise GraphQLError("You do not have permission to upload files for this deployment.")
    return [
        {"url": store.signed_url(context.origin, args["method"], name)}
        for name in args["filenames"]
    ]


def _only_agents(info: GraphQLResolveInfo) -> None:
    if _context(info).role != "agent":
        raise GraphQLError("Only an agent's token may do this.")


def _pop_requests(info: GraphQLResolveInfo, **args: Any) -> list[dict[str, Any]]:
    _only_agents(info)
    limit = 10 if args.get("limit") is None else args["limit"]
    return _context(info).plane.agents.pop_requests(
        args.get("forFullDeployments") or [], args.get("agentQueues"), limit
    )


def _add_heartbeats(info: GraphQLResolveInfo, **args: Any) -> dict[str, bool]:
    _only_agents(info)
    for beat in args.get("serializedAgentHeartbeats") or []:
        _context(info).plane.agents.record_heartbeat(
            beat.get("deploymentName"),
            beat["serializedAgentHeartbeat"],
            args.get("serializedErrors") or [],
        )
    return {"ok": True}
