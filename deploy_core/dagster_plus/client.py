"""What the rest of dagster-chatops may ask of Dagster+."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import httpx
from pydantic import JsonValue, SecretStr

from deploy_core.clock import Clock
from deploy_core.dagster_plus import (
    documents,
    launch_answers,
    run_answers,
    schedule_answers,
    urls,
    wire,
)
from deploy_core.dagster_plus.documents import Operation
from deploy_core.dagster_plus.transport import OnCall, Transport, new_http_client
from deploy_core.dagster_plus.values import (
    AgentStatus,
    AgentType,
    Deployed,
    DeploymentInfo,
    LocationState,
    Repository,
    Run,
    RunError,
    RunStatus,
    ServerlessRegistry,
)
from deploy_core.model.errors import InvalidLocation
from deploy_core.model.plan import Document
from deploy_core.model.python_error import PythonError
from deploy_core.single_flight import SingleFlight

T = TypeVar("T")

EVENTS_IN_PAGE = 1_000
MOST_ASSETS = 50
"""Of so many assets of a run it is asked who owns them."""

MOST_EVENT_PAGES = 5
"""So much of a run's log is read to find out why it failed."""


class DagsterPlus:
    """One Dagster+ organisation; `deployment` is a deployment's name everywhere.

    `url` is what `DAGSTER_CLOUD_URL` holds, if anything: see `urls.organization_url`. Seconds:
    `mutation_timeout` bounds a change with all its attempts and must be shorter than a lease;
    `read_timeout` bounds one attempt of a query and `read_deadline` all of them. `on_call` is told
    of every call. A client of httpx that is given stays the caller's to close.

    Every method raises the errors of Dagster+: Unreachable, RateLimited, Maintenance, Unavailable
    (these four are worth another try later), TokenRefused, NotFound, ServerError, ProtocolError.
    """

    def __init__(
        self,
        *,
        organization: str,
        token: SecretStr,
        clock: Clock,
        url: str | None = None,
        http: httpx.AsyncClient | None = None,
        on_call: OnCall | None = None,
        read_timeout: float = 15.0,
        read_deadline: float = 45.0,
        mutation_timeout: float = 20.0,
    ) -> None:
        self.mutation_timeout = mutation_timeout
        self._base_url = urls.organization_url(organization, url)
        self._http = new_http_client() if http is None else http
        self._owns_http = http is None
        self._transport = Transport(
            base_url=self._base_url,
            token=token,
            clock=clock,
            http=self._http,
            read_timeout=read_timeout,
            read_deadline=read_deadline,
            mutation_timeout=mutation_timeout,
            on_call=on_call,
        )
        self._flight: SingleFlight[Any] = SingleFlight()

    async def close(self) -> None:
        """End what runs and close the connections."""
        await self._flight.close()
        if self._owns_http:
            await self._http.aclose()

    async def location_states(self, deployment: str) -> dict[str, LocationState]:
        """Return the state of every location by name."""
        return await self._shared(documents.LOCATION_STATES, wire.read_location_states, deployment)

    async def _shared(self, operation: Operation, read: Callable[[Any], T], deployment: str) -> T:
        """Ask for a whole deployment: callers at the same time share one request, which always
        begins after they asked. They share its answer too, so nobody changes it."""
        work = partial(self._transport.call, operation, read, deployment=deployment)
        found: T = await self._flight.run(f"{operation.name} {deployment}", work)
        return found

    async def location_error(self, deployment: str, location: str) -> PythonError | None:
        """Return the whole error of a location that didn't load, None if there is no error."""
        return await self._transport.call(
            documents.LOCATION_ERROR,
            wire.read_location_error,
            deployment=deployment,
            variables={"name": location},
        )

    async def repositories(self, deployment: str, location: str) -> tuple[Repository, ...] | None:
        """Return what is in a loaded location, None where it isn't loaded."""
        return await self._transport.call(
            documents.LOCATION_CONTENTS,
            wire.read_repositories,
            deployment=deployment,
            variables={"name": location},
        )

    async def schedules(self, deployment: str, ticks: int) -> schedule_answers.Ticking:
        """Return the schedules and sensors of all loaded locations, each with its last ticks."""
        return await self._transport.call(
            documents.SCHEDULES,
            schedule_answers.read_schedules,
            deployment=deployment,
            variables={"ticks": ticks},
        )

    async def documents(self, deployment: str) -> dict[str, Document]:
        """Return the document of every location by name: what `put_location` would put back."""
        return await self._shared(documents.LOCATION_DOCUMENTS, wire.read_documents, deployment)

    async def deployed(self, deployment: str) -> dict[str, Deployed]:
        """Return what was requested last for every location by name."""
        return await self._shared(documents.WORKSPACE_ENTRIES, wire.read_deployed, deployment)

    async def agents(self, deployment: str) -> list[AgentStatus]:
        """Return the agents of a deployment."""
        return await self._shared(documents.AGENTS, wire.read_agents, deployment)

    async def runs(
        self,
        deployment: str,
        *,
        statuses: Collection[RunStatus] = (),
        ids: Sequence[str] = (),
        job: str | None = None,
        tag: tuple[str, str] | None = None,
        updated_after: datetime | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        older_than: str | None = None,
        most: int = 50,
    ) -> list[Run]:
        """Return the newest runs of these statuses (of any without), newest first; the next page of
        them has those `older_than` the last run's id."""
        wanted: dict[str, JsonValue] = {}
        if statuses:
            wanted["statuses"] = [*sorted(statuses)]
        if ids:
            wanted["runIds"] = [*ids]
        if job is not None:
            wanted["pipelineName"] = job
        if tag is not None:
            wanted["tags"] = [{"key": tag[0], "value": tag[1]}]
        if updated_after is not None:
            wanted["updatedAfter"] = updated_after.timestamp()
        if created_after is not None:
            wanted["createdAfter"] = created_after.timestamp()
        if created_before is not None:
            wanted["createdBefore"] = created_before.timestamp()
        return await self._transport.call(
            documents.RUNS,
            run_answers.read_runs,
            deployment=deployment,
            variables={"filter": wanted, "cursor": older_than, "limit": most},
        )

    async def executed_again(self, deployment: str, run_id: str) -> list[Run]:
        """Return the runs that execute this one again, newest first."""
        return await self.runs(deployment, tag=(run_answers.PARENT_TAG, run_id))

    async def reexecute_run(self, deployment: str, run_id: str, order: str) -> str:
        """Start a failed run once more from where it failed; return the id of the new run, which
        `order` is written on.

        Raises `LaunchRefused` or `PermissionRefused` when nothing was started; after `AnswerLost`
        and `ServerError` the run may be there all the same: look with `executed_again`.
        """
        parameters: JsonValue = {
            "parentRunId": run_id,
            "strategy": "FROM_FAILURE",
            "extraTags": [{"key": run_answers.ORDER_TAG, "value": order}],
        }
        return await self._transport.call(
            documents.REEXECUTE_RUN,
            partial(launch_answers.read_reexecuted, parent=run_id),
            deployment=deployment,
            variables={"reexecutionParams": parameters},
        )

    async def run_error(self, deployment: str, run_id: str) -> RunError | None:
        """Return why a run failed; None where its events, of which the first
        `MOST_EVENT_PAGES` pages are read, don't say it."""
        of_run, cursor = None, None
        for _ in range(MOST_EVENT_PAGES):
            page = await self._transport.call(
                documents.RUN_EVENTS,
                run_answers.read_run_events,
                deployment=deployment,
                variables={"runId": run_id, "cursor": cursor, "limit": EVENTS_IN_PAGE},
            )
            if page.of_step is not None:
                return page.of_step
            of_run, cursor = of_run or page.of_run, page.cursor
            if cursor is None:
                break
        return of_run

    async def run_owners(self, deployment: str, run_id: str) -> tuple[str, ...]:
        """Return the owners that Dagster's definitions name for a run's job and for the first
        `MOST_ASSETS` of its assets: e-mail addresses, and `team:NAME`."""
        place = await self._transport.call(
            documents.RUN_ASSETS,
            run_answers.read_run_assets,
            deployment=deployment,
            variables={"runId": run_id, "limit": MOST_ASSETS},
        )
        if place is None:
            return ()
        assets = place.assets
        job: dict[str, JsonValue] = {
            "pipelineName": place.job,
            "repositoryName": place.repository,
            "repositoryLocationName": place.location,
        }
        return await self._transport.call(
            documents.OWNERS,
            run_answers.read_owners,
            deployment=deployment,
            variables={
                "job": job,
                "keys": [{"path": list(path)} for path in assets],
                "assets": bool(assets),
            },
        )

    async def agent_type(self, deployment: str) -> AgentType:
        """Return whether the agents are the customer's own or Dagster's."""
        return await self._transport.call(
            documents.AGENT_TYPE, wire.read_agent_type, deployment=deployment
        )

    async def serverless_registry(self, deployment: str) -> ServerlessRegistry | None:
        """Return the registry for images of a Serverless deployment; None where there is none."""
        return await self._shared(
            documents.SERVERLESS_REGISTRY, wire.read_serverless_registry, deployment
        )

    async def pex_urls(self, deployment: str, files: Sequence[str], *, upload: bool) -> list[str]:
        """Return addresses to put PEX files to, or to get them from, in the files' order.

        They need no token and expire; whoever has one can use it: they are secrets.
        """
        operation = documents.PEX_PUT_URLS if upload else documents.PEX_GET_URLS
        return await self._transport.call(
            operation,
            partial(wire.read_pex_urls, operation=operation, names=len(files)),
            deployment=deployment,
            variables={"filenames": list(files)},
        )

    async def deployments(self) -> list[DeploymentInfo]:
        """Return the full deployments of the organisation."""
        return await self._transport.call(
            documents.DEPLOYMENTS, wire.read_deployments, deployment=None
        )

    async def put_location(self, deployment: str, document: Document) -> None:
        """Add or update one location; the others stay as they are.

        Raises InvalidLocation, whose detail has the list of Dagster+, PermissionRefused, and
        AnswerLost if the change may have been made: then it wasn't repeated, and the caller reads
        back. A caller that is cancelled here knows as little. After any other error nothing was
        changed, except that a ServerError comes from Dagster+'s own code and promises nothing.
        """
        location = document.get("location_name")
        if not isinstance(location, str) or not location:
            raise InvalidLocation("The location's document has no `location_name`.")
        try:
            json.dumps(document, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise InvalidLocation(
                f"The document of `{location}` has a value that JSON can't hold."
            ) from None
        await self._transport.call(
            documents.PUT_LOCATION,
            partial(wire.read_put_location, location=location),
            deployment=deployment,
            variables={"document": document},
        )

    async def delete_location(self, deployment: str, name: str) -> None:
        """Remove a location. Raises as `put_location` does; a missing one is a ServerError."""
        await self._transport.call(
            documents.DELETE_LOCATION,
            partial(wire.read_delete_location, location=name),
            deployment=deployment,
            variables={"locationName": name},
        )

    async def run(self, deployment: str, run_id: str) -> Run | None:
        """Return one run, None where there is no such one."""
        found = await self._transport.call(
            documents.RUNS,
            run_answers.read_runs,
            deployment=deployment,
            variables={"filter": {"runIds": [run_id]}, "cursor": None, "limit": 1},
        )
        return found[0] if found else None

    def page(self, url: str, deployments: Collection[str]) -> urls.DagsterPage | None:
        """Return what an address is the page of, where it is one of these deployments."""
        return urls.read_page(self._base_url, url, deployments)

    def deployment_url(self, deployment: str) -> str:
        """Return the address of a deployment, for people."""
        return urls.deployment_url(self._base_url, deployment)

    def locations_url(self, deployment: str) -> str:
        """Return the page of a deployment's code locations, for people."""
        return urls.locations_page(self._base_url, deployment)

    def location_url(self, deployment: str, name: str) -> str:
        """Return the page of one code location, for people."""
        return urls.location_page(self._base_url, deployment, name)
