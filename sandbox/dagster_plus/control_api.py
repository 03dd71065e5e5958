"""The sandbox's own endpoints, by which a test sets faults and sees what happened."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.dagster_plus.control_plane import (
    ControlPlane,
    UnknownDeploymentError,
)
from sandbox.dagster_plus.documents import InvalidDocumentError, check_location_document
from sandbox.dagster_plus.faults import Faults, LoadErrorText
from sandbox.dagster_plus.instant_agent import InstantAgent, InstantAgentSettings
from sandbox.dagster_plus.locations import CodeLocation
from sandbox.dagster_plus.recorded import Recorded
from sandbox.dagster_plus.runs import Run
from sandbox.dagster_plus.serverless import PexStoreSettings

BodyT = TypeVar("BodyT", bound=BaseModel)


class ChangeLocation(BaseModel):
    """A change by somebody else: the body of `POST /sandbox/change_location`."""

    model_config = ConfigDict(extra="forbid")

    deployment: str
    document: dict[str, Any]


class EndRun(BaseModel):
    """A run of a job that has just ended: the body of `POST /sandbox/run`."""

    model_config = ConfigDict(extra="forbid")

    deployment: str
    location: str
    job: str = "daily"
    status: Literal["SUCCESS", "FAILURE", "CANCELED"] = "FAILURE"
    step: str | None = "load"
    error: LoadErrorText | None = None
    parent: str | None = None
    tags: dict[str, str] = {}


class ControlApi:
    """`/sandbox/…` over one control plane; needs no token, as the server is on loopback only."""

    def __init__(
        self, plane: ControlPlane, recorded: Recorded, instant_agent: InstantAgent | None
    ) -> None:
        self._plane = plane
        self._recorded = recorded
        self._instant_agent = instant_agent

    def routes(self) -> Sequence[web.RouteDef]:
        """All endpoints of the sandbox itself."""
        return [
            web.get("/sandbox/state", self.state),
            web.post("/sandbox/faults", self.add_faults),
            web.delete("/sandbox/faults", self.clear_faults),
            web.delete("/sandbox/requests", self.clear_requests),
            web.post("/sandbox/change_location", self.change_location),
            web.post("/sandbox/run", self.end_run),
            web.post("/sandbox/instant_agent", self.configure_instant_agent),
            web.post("/sandbox/pex_store", self.configure_pex_store),
        ]

    async def state(self, _request: web.Request) -> web.Response:
        """Requests so far, locations with their documents, agents and faults."""
        return web.json_response(
            {
                **self._recorded.as_json(),
                "deployments": {
                    name: {loc.name: _location(loc) for loc in deployment.locations.values()}
                    for name, deployment in self._plane.deployments.items()
                },
                "agents": [
                    {
                        "id": agent.agent_id,
                        "label": agent.label,
                        "last_heartbeat": agent.last_heartbeat,
                        "deployments": sorted(agent.deployments),
                        "queues": list(agent.queues),
                    }
                    for agent in self._plane.agents.by_id.values()
                ],
                "faults": self._plane.faults.model_dump(),
                "pex": None if self._plane.pex is None else self._plane.pex.as_json(),
            }
        )

    async def add_faults(self, request: web.Request) -> web.Response:
        """Add faults to those that are set."""
        self._plane.faults.add(await _body(request, Faults))
        return web.json_response(self._plane.faults.model_dump())

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Remove every fault; reports that were kept back are applied."""
        self._plane.faults.clear()
        self._plane.release_held_reports()
        return web.json_response(self._plane.faults.model_dump())

    async def clear_requests(self, _request: web.Request) -> web.Response:
        """Forget the recorded requests."""
        self._recorded.clear()
        return web.json_response({})

    async def change_location(self, request: web.Request) -> web.Response:
        """Apply a document as another person's tool would, without it being recorded."""
        change = await _body(request, ChangeLocation)
        try:
            document = check_location_document(change.document)
            deployment = self._plane.deployment(change.deployment)
        except (InvalidDocumentError, UnknownDeploymentError) as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from wrong
        self._plane.apply(deployment, [document])
        return web.json_response(_location(deployment.locations[document["location_name"]]))

    async def end_run(self, request: web.Request) -> web.Response:
        """Let a run of a job begin and end at once; answers with its id."""
        body = await _body(request, EndRun)
        try:
            runs = self._plane.deployment(body.deployment).runs
        except UnknownDeploymentError as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from wrong
        parent = next((run for run in runs if run.run_id == body.parent), None)
        run = Run(body.location, body.job, parent=parent, tags=body.tags, step=body.step)
        run.error = body.error.to_load_error() if body.error else None
        runs.append(run)
        run.set_status("STARTED")
        run.set_status(body.status)
        return web.json_response({"run_id": run.run_id})

    async def configure_instant_agent(self, request: web.Request) -> web.Response:
        """Change how the instant agent behaves."""
        if self._instant_agent is None:
            raise web.HTTPConflict(text="This sandbox has no instant agent.")
        settings = await _body(request, InstantAgentSettings)
        self._instant_agent.configure(settings)
        return web.json_response(settings.model_dump())

    async def configure_pex_store(self, request: web.Request) -> web.Response:
        """Change how long signed addresses are good for."""
        if self._plane.pex is None:
            raise web.HTTPConflict(text="This sandbox has no Serverless deployment.")
        self._plane.pex.settings = await _body(request, PexStoreSettings)
        return web.json_response(self._plane.pex.settings.model_dump())


async def _body(request: web.Request, model: type[BodyT]) -> BodyT:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as wrong:
        raise web.HTTPBadRequest(text=str(wrong)) from wrong


def _location(location: CodeLocation) -> dict[str, Any]:
    error = location.report.error if location.report else None
    repositories = location.report.repositories if location.report else ()
    return {
        "document": location.document,
        "load_status": location.load_status,
        "load_error": error.message if error else None,
        "assets": [name for repository in repositories for name in repository.assets],
        "metadata_timestamp": location.metadata_timestamp,
        "updated_timestamp": location.updated_timestamp,
        "version_key": location.version_key,
    }
