"""`POST /graphql` and `POST /{deployment}/graphql`: tokens, faults, and graphql-core in between."""

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from aiohttp import web
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_schema,
    graphql,
    parse,
)

from sandbox.dagster_plus.control_plane import ControlPlane, UnknownDeploymentError
from sandbox.dagster_plus.faults import RequestFault
from sandbox.dagster_plus.locations import Deployment
from sandbox.dagster_plus.recorded import Recorded
from sandbox.dagster_plus.resolvers import RequestContext, Role, root_fields

TOKEN_HEADER = "Dagster-Cloud-Api-Token"
DEPLOYMENT_HEADER = "Dagster-Cloud-Deployment"


@cache
def load_schema() -> GraphQLSchema:
    """The schema that ships beside this module."""
    return build_schema(resources.files(__package__).joinpath("schema.graphql").read_text("utf-8"))


@dataclass(frozen=True)
class Tokens:
    """The only tokens that the control plane takes."""

    user: str
    viewer: str
    agent: str

    def role(self, request: web.Request) -> Role:
        """Whose token the request has, or a 401."""
        roles: dict[str, Role] = {self.user: "user", self.viewer: "viewer", self.agent: "agent"}
        role = roles.get(request.headers.get(TOKEN_HEADER, ""))
        if role is None:
            raise web.HTTPUnauthorized(text="Missing or unknown API token.")
        return role


@dataclass(frozen=True)
class Operation:
    """What a request asks for: its name, `query` or `mutation`, and its top-level fields."""

    name: str
    kind: str
    fields: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """Every word by which a fault may name this operation."""
        return {self.name, self.kind, *self.fields}


def read_operation(document: DocumentNode, wanted: str | None) -> Operation:
    """The operation of a document that will run: the named one, else the first."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    for one in operations:
        name = one.name.value if one.name else ""
        if wanted in (None, name):
            chosen = [s for s in one.selection_set.selections if isinstance(s, FieldNode)]
            return Operation(name, one.operation.value, tuple(f.name.value for f in chosen))
    return Operation(wanted or "", "query", ())


def deployment_of(request: web.Request, plane: ControlPlane) -> Deployment | None:
    """The deployment in the header, else in the path; None at the organisation's root."""
    name = request.headers.get(DEPLOYMENT_HEADER) or request.match_info.get("deployment")
    if not name:
        return None
    try:
        return plane.deployment(name)
    except UnknownDeploymentError as unknown:
        raise web.HTTPNotFound(text=str(unknown)) from unknown


class GraphQLApi:
    """The GraphQL endpoint over one control plane."""

    def __init__(self, plane: ControlPlane, tokens: Tokens, recorded: Recorded) -> None:
        self._plane = plane
        self._tokens = tokens
        self._recorded = recorded
        self._schema = load_schema()
        self._root = root_fields()

    async def post(self, request: web.Request) -> web.Response:
        """Answer one GraphQL request, or break it as a fault says."""
        role = self._tokens.role(request)
        deployment = deployment_of(request, self._plane)
        query, variables, wanted = _read_body(await request.read())
        try:
            operation = read_operation(parse(query), wanted)
        except GraphQLSyntaxError as wrong:
            return web.json_response({"errors": [wrong.formatted]}, status=400)
        name = deployment.name if deployment else None
        fault = self._plane.faults.take_request_fault(
            names=operation.names,
            client="agent" if role == "agent" else "user",
            deployment=name,
        )
        self._recorded.add(
            role=role,
            operation=operation.name,
            kind=operation.kind,
            fields=list(operation.fields),
            variables=variables,
            deployment=name,
            fault=fault.kind if fault else None,
        )
        if fault and (answer := await _fault_before(fault, request)):
            return answer
        result = await graphql(
            self._schema,
            query,
            root_value=self._root,
            context_value=RequestContext(self._plane, role, deployment, str(request.url.origin())),
            variable_values=variables,
            operation_name=wanted,
        )
        if result.data is None:
            return web.json_response({"errors": result.formatted["errors"]}, status=400)
        body = dict(result.formatted)
        return await _fault_after(fault, request, body) if fault else web.json_response(body)


def _read_body(raw: bytes) -> tuple[str, dict[str, Any], str | None]:
    try:
        body = json.loads(raw)
    except ValueError as wrong:
        raise web.HTTPBadRequest(text="The body is not JSON.") from wrong
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise web.HTTPBadRequest(text="The body has no query.")
    return body["query"], body.get("variables") or {}, body.get("operationName") or None


async def _fault_before(fault: RequestFault, request: web.Request) -> web.Response | None:
    """The answer of a fault that strikes before anything changed; None lets the request go on."""
    if fault.kind == "status":
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return web.Response(status=fault.status, text=fault.message, headers=headers)
    if fault.kind == "maintenance":
        maintenance = {
            "message": fault.message,
            "timeout": fault.maintenance_timeout,
            "retry_interval": fault.maintenance_retry_interval,
        }
        return web.json_response({"maintenance": maintenance}, status=503)
    if fault.kind == "errors":
        return web.json_response({"errors": [{"message": fault.message}]})
    if fault.kind == "drop_before_change":
        return _drop_connection(request)
    if fault.kind == "slow_before_change":
        await asyncio.sleep(fault.seconds)
    return None


async def _fault_after(
    fault: RequestFault, request: web.Request, body: dict[str, Any]
) -> web.Response:
    """The answer of a fault that strikes after the operation ran."""
    if fault.kind == "drop_after_change":
        return _drop_connection(request)
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "unknown_typename":
        body["data"] = {
            field: {"__typename": "SandboxUnknownType"} if isinstance(value, dict) else value
            for field, value in body["data"].items()
        }
    if fault.kind == "truncated":
        text = json.dumps(body)
        return web.Response(text=text[: len(text) // 2], content_type="application/json")
    return web.json_response(body)


def _drop_connection(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
