"""Starts and ends the local Dagster+ control plane."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from sandbox.dagster_plus.agent_api import AgentApi
from sandbox.dagster_plus.control_api import ControlApi
from sandbox.dagster_plus.control_plane import ControlPlane
from sandbox.dagster_plus.documents import check_location_document
from sandbox.dagster_plus.graphql_api import GraphQLApi, Tokens
from sandbox.dagster_plus.instant_agent import InstantAgent, InstantAgentSettings
from sandbox.dagster_plus.page import LocationsPage
from sandbox.dagster_plus.recorded import Recorded
from sandbox.dagster_plus.serverless import Serverless

ORGANIZATION = "sandbox"
DEPLOYMENTS = ("prod", "staging")
TOKENS = Tokens(
    user="user:sandbox:6f1e7c52a3d94b08",
    viewer="user:sandbox:viewer-0c5d1b7e9a42",
    agent="agent:sandbox:93b0a4d7e6124c5f",
)
MAX_BODY_BYTES = 64 * 1024 * 1024  # a location's definitions are uploaded in one piece


@dataclass
class DagsterPlus:
    """A running control plane. `viewer` is the token of a user who may only read."""

    plane: ControlPlane
    url: str
    agent_url: str
    tokens: Tokens
    instant_agent: InstantAgent | None
    runner: web.AppRunner

    async def close(self) -> None:
        """End the server and its instant agent."""
        if self.instant_agent is not None:
            await self.instant_agent.close()
        await self.runner.cleanup()


async def start_dagster_plus(
    port: int = 0,
    *,
    agent_host: str | None = None,
    organization: str = ORGANIZATION,
    deployments: Sequence[str] = DEPLOYMENTS,
    instant_agent: InstantAgentSettings | None = None,
    serverless: Serverless | None = None,
) -> DagsterPlus:
    """Serve a control plane on 127.0.0.1; port 0 takes a free one.

    `agent_host` is a second address for the agent, whose code servers call back: a container
    can't reach loopback. With `instant_agent`, locations are reported as loaded without any code
    being run. `serverless` says which deployments are Serverless; without it none is.
    """
    plane = ControlPlane(organization, deployments, serverless)
    recorded = Recorded()
    instant = InstantAgent(plane, instant_agent) if instant_agent else None
    graphql = GraphQLApi(plane, TOKENS, recorded)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(ControlApi(plane, recorded, instant).routes())
    app.add_routes(AgentApi(plane, TOKENS).routes())
    if plane.pex is not None:
        app.add_routes(plane.pex.routes())
    app.add_routes(
        [
            web.post("/graphql", graphql.post),
            web.post("/{deployment}/graphql", graphql.post),
            web.get("/{deployment}/locations", LocationsPage(plane).get),
            web.get("/{deployment}/locations/{location}", LocationsPage(plane).get),
        ]
    )
    # Dagster's validator takes half a second to import: before the first request, not in it.
    await asyncio.to_thread(
        check_location_document, {"location_name": "x", "code_source": {"module_name": "x"}}
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    if agent_host is not None:
        await web.TCPSite(runner, agent_host, 0).start()
    urls = [f"http://{address[0]}:{address[1]}" for address in runner.addresses]
    return DagsterPlus(plane, urls[0], urls[-1], TOKENS, instant, runner)
