"""The sandbox's control plane without sockets: one transport of httpx for each of our processes,
and an agent whose code loads, fails, or is never reported."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol

import httpx
from graphql import DocumentNode, execute, parse
from graphql.execution import ExecutionResult

from deploy_core.model.documents import clean
from deploy_core.model.plan import Document, canonical
from sandbox.dagster_plus.agents import Agent
from sandbox.dagster_plus.control_plane import ControlPlane
from sandbox.dagster_plus.faults import RequestFault
from sandbox.dagster_plus.graphql_api import load_schema, read_operation
from sandbox.dagster_plus.load_errors import LoadError
from sandbox.dagster_plus.locations import CodeLocation, Deployment, LoadReport, RepositoryContents
from sandbox.dagster_plus.resolvers import RequestContext, root_fields

DEPLOYMENTS = ("prod", "staging")
TOKEN = "user:sandbox:canary-5f0c1b"
BROKEN = LoadError(message="ModuleNotFoundError: No module named 'rates'", stack=("frame 1",))
AGENT = "agent"

Held = Literal["before", "after"]
parsed: Callable[[str], DocumentNode] = lru_cache(parse)
schema = lru_cache(load_schema)


class Caller(Protocol):
    """The process that sends a request."""

    name: str

    async def border(self) -> None: ...


@dataclass
class Change:
    """One change that arrived: by whom, what, and what was asked for before it was made."""

    by: str
    deployment: str
    document: Document
    at: float
    before: Document | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.deployment, str(self.document["location_name"])


@dataclass
class DagsterSide:
    """Dagster+ and its agent as the simulation sees them.

    `good` are the documents that have been loaded without an error. `read_at` says when a process
    was last told what is requested in a deployment.
    """

    plane: ControlPlane = field(default_factory=lambda: ControlPlane("sandbox", DEPLOYMENTS))
    on_arrival: Callable[[Caller, Change], None] = lambda caller, change: None
    on_applied: Callable[[Caller, Change], None] = lambda caller, change: None
    good: set[tuple[str, str, bytes]] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    silent: set[tuple[str, str]] = field(default_factory=set)
    others: dict[tuple[str, str], float] = field(default_factory=dict)
    read_at: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    hold: Held | None = None
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    late: list[tuple[tuple[str, str], Callable[[], None]]] = field(default_factory=list)
    load_seconds: float = 2.0

    def __post_init__(self) -> None:
        self.plane.on_change.append(self._changed)
        self.set_agent(running=True)

    # -- the agent --

    def set_agent(self, *, running: bool) -> None:
        """Let the agent be there or not; when it comes back it takes up what isn't loaded."""
        if not running:
            self.plane.agents.by_id.pop(AGENT, None)
            return
        self.plane.agents.by_id[AGENT] = _Alive(AGENT, None, 0.0, deployments=set(DEPLOYMENTS))
        self.report_all()

    def report_all(self) -> None:
        """Report every location that is still loading, unless it is one that never is."""
        for deployment in self.plane.deployments.values():
            for location in deployment.locations.values():
                if location.load_status == "LOADING":
                    self._changed(deployment, location)

    def report_now(self, deployment: str, name: str) -> None:
        """Report a location at once."""
        of = self.plane.deployments[deployment]
        self._report(of, of.locations[name], of.locations[name].metadata_timestamp)

    def _changed(self, deployment: Deployment, location: CodeLocation) -> None:
        asyncio.get_running_loop().call_later(
            self.load_seconds, self._report, deployment, location, location.metadata_timestamp
        )

    def _report(self, deployment: Deployment, location: CodeLocation, changed: float) -> None:
        here = (deployment.name, location.name)
        if AGENT not in self.plane.agents.by_id or here in self.silent:
            return
        if location.metadata_timestamp != changed or location.load_status != "LOADING":
            return
        location.seen_by_agent = changed
        image = location.document.get("image")
        if image in self.broken:
            self.plane.report(deployment, location.name, LoadReport(error=BROKEN, image=image))
            return
        self.good.add((*here, canonical(clean(location.document))))
        contents = (RepositoryContents("__repository__"),)
        report = LoadReport(repositories=contents, image=image)
        self.plane.report(deployment, location.name, report)

    def breaks_after_loading(self, deployment: str, name: str) -> None:
        """A location that is loaded turns out to be broken: its code server died."""
        location = self.plane.deployments[deployment].locations.get(name)
        if location is not None and location.load_status == "LOADED":
            location.accept(LoadReport(error=BROKEN), at=location.updated_timestamp + 1)

    def was_good(self, deployment: str, location: str, document: Document) -> bool:
        """True when the document was once loaded without an error."""
        return (deployment, location, canonical(clean(document))) in self.good

    # -- other people --

    def somebody_else_sends(self, deployment: str, document: Document, at: float) -> None:
        """A CI job deploys."""
        self.others[(deployment, str(document["location_name"]))] = at
        self.plane.apply(self.plane.deployments[deployment], [dict(document)])

    def document_of(self, deployment: str, location: str) -> Document | None:
        """What was asked for last."""
        found = self.plane.deployments[deployment].locations.get(location)
        return None if found is None else dict(found.document)

    # -- faults --

    def fault(self, operation: str, kind: Any, **more: Any) -> None:
        """Break the next requests of an operation."""
        self.plane.faults.requests.append(RequestFault(operation=operation, kind=kind, **more))

    def release(self) -> None:
        """Let a held change go on."""
        self.hold = None
        self.let_go.set()
        self.let_go = asyncio.Event()

    def deliver_late(self) -> set[tuple[str, str]]:
        """What a dead process had sent arrives at last. Returns the locations that it changes."""
        late, self.late = self.late, []
        for _, apply in late:
            apply()
        return {place for place, _ in late}


class _Alive(Agent):
    """An agent whose last heartbeat is always now."""

    def fields(self, health: Any, now: float) -> dict[str, Any]:
        self.last_heartbeat = now
        return super().fields(health, now)


class DagsterWire(httpx.AsyncBaseTransport):
    """What one process has between itself and Dagster+."""

    def __init__(self, side: DagsterSide, caller: Caller) -> None:
        self._side, self._caller = side, caller

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._caller.border()
        body = json.loads(request.content)
        name = request.headers["Dagster-Cloud-Deployment"]
        deployment = self._side.plane.deployment(name)
        document = parsed(body["query"])
        operation = read_operation(document, body["operationName"])
        change = None
        if operation.kind == "mutation":
            now = asyncio.get_running_loop().time()
            change = Change(self._caller.name, name, body["variables"]["document"], now)
            self._side.on_arrival(self._caller, change)
        fault = self._side.plane.faults.take_request_fault(
            names=operation.names, client="user", deployment=name
        )
        if fault is not None and (answer := _before(fault)) is not None:
            return answer
        if change is not None:
            return await self._change(deployment, document, body, change, fault)
        result = self._execute(deployment, document, body)
        if operation.name == "ChatopsWorkspaceEntries":
            self._side.read_at[self._caller.name, name] = asyncio.get_running_loop().time()
        await self._caller.border()
        return _answer(result, fault)

    async def _change(
        self,
        deployment: Deployment,
        document: DocumentNode,
        body: dict[str, Any],
        change: Change,
        fault: RequestFault | None,
    ) -> httpx.Response:
        done: list[ExecutionResult] = []

        def apply() -> None:
            change.before = self._side.document_of(*change.place)
            done.append(self._execute(deployment, document, body))
            self._side.on_applied(self._caller, change)

        held, self._side.hold = self._side.hold, None
        if held == "before":
            waiting = (change.place, apply)
            self._side.late.append(waiting)
            await self._side.let_go.wait()
            if waiting in self._side.late:
                self._side.late.remove(waiting)
                apply()
        else:
            apply()
        if held == "after":
            await self._side.let_go.wait()
        await self._caller.border()
        if not done:  # it was delivered meanwhile, for somebody who had given up
            raise httpx.ReadError("gone")
        return _answer(done[0], fault)

    def _execute(
        self, deployment: Deployment, document: DocumentNode, body: dict[str, Any]
    ) -> ExecutionResult:
        result: Awaitable[ExecutionResult] | ExecutionResult = execute(
            schema(),
            document,
            root_value=root_fields(),
            context_value=RequestContext(self._side.plane, "user", deployment, "http://sandbox"),
            variable_values=body["variables"],
        )
        assert isinstance(result, ExecutionResult)
        return result


def _before(fault: RequestFault) -> httpx.Response | None:
    """A server that quotes the request, token and all, in everything it refuses."""
    quoted = f"{fault.message} (for {TOKEN})"
    if fault.kind == "status":
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return httpx.Response(fault.status, text=quoted, headers=headers)
    if fault.kind == "maintenance":
        interval = fault.maintenance_retry_interval
        maintenance = {"message": quoted, "timeout": 300, "retry_interval": interval}
        return httpx.Response(503, json={"maintenance": maintenance})
    if fault.kind == "errors":
        return httpx.Response(200, json={"errors": [{"message": quoted}]})
    if fault.kind == "drop_before_change":
        raise httpx.ReadError("reset")
    return None


def _answer(result: ExecutionResult, fault: RequestFault | None) -> httpx.Response:
    assert not result.errors, result.errors
    if fault is not None and fault.kind == "drop_after_change":
        raise httpx.ReadError("reset")
    body = {"data": result.data}
    if fault is not None and fault.kind == "truncated":
        text = json.dumps(body)
        return httpx.Response(200, text=text[: len(text) // 2])
    return httpx.Response(200, json=body)
