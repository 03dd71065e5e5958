"""Real Dagster on a socket: its storage, its GraphQL and a code server, as Dagster+ would answer.

`dagster-webserver` is a page around the same schema and the same workspace.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.daemon import get_default_daemon_logger
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster_graphql.schema import create_schema
from pydantic import SecretStr

from deploy_core.clock import SystemClock
from deploy_core.dagster_plus.client import DagsterPlus
from tests.support.launching import LAUNCH, launch_variables, launched_run

CODE = Path(__file__).parent / "real_code.py"
LOCATION = "core"
WAIT_SECONDS = 240.0


@dataclass
class RealDagster:
    """One instance with one code location, and a client of ours that asks it."""

    instance: DagsterInstance
    client: DagsterPlus
    marker: Path
    ask: Any
    process: WorkspaceProcessContext

    async def tick_sensors(self) -> None:
        """Evaluate the sensors once, with the code of Dagster's daemon."""
        await asyncio.to_thread(
            lambda: list(
                execute_sensor_iteration(
                    self.process, get_default_daemon_logger("Test"), None, None
                )
            )
        )

    async def tick_schedules(self, at: datetime) -> None:
        """Evaluate the schedules as they are at a moment, with the code of Dagster's daemon."""
        logger = get_default_daemon_logger("Test")
        await asyncio.to_thread(lambda: list(launch_scheduled_runs(self.process, logger, at, {})))

    async def launch(self, job: str) -> str:
        """Start a job, as a person does in Dagster's page; return the run's id."""
        answer = await self.ask(LAUNCH, launch_variables(LOCATION, job))
        return launched_run(answer["data"])

    async def ended(self, run_id: str) -> str:
        """Wait until a run has ended; return its status."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                run = await asyncio.to_thread(self.instance.get_run_by_id, run_id)
                if run is not None and run.is_finished:
                    return str(run.status.value)
                await asyncio.sleep(0.1)


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[RealDagster]:
    """Yield real Dagster; the settings are those of `dagster.yaml`."""
    home = folder / "home"
    await asyncio.to_thread(home.mkdir)
    async with AsyncExitStack() as stack:
        # Dagster's own default queues runs, for a daemon that nobody runs here.
        at_once = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
        overrides = {
            "telemetry": {"enabled": False},
            "run_coordinator": at_once,
            # Otherwise its code server outlives it.
            "code_servers": {"wait_for_local_processes_on_shutdown": True},
            **settings,
        }
        instance = stack.enter_context(DagsterInstance.local_temp(str(home), overrides=overrides))
        target = PythonFileTarget(str(CODE), None, str(CODE.parent), LOCATION)
        process = await asyncio.to_thread(WorkspaceProcessContext, instance, target)
        stack.enter_context(process)
        schema = create_schema()

        async def ask(query: str, variables: dict[str, Any]) -> dict[str, Any]:
            context = process.create_request_context()
            result = await schema.execute_async(query, variables=variables, context_value=context)
            return dict(result.formatted)

        async def post(request: web.Request) -> web.Response:
            body = await request.json()
            return web.json_response(await ask(body["query"], body["variables"]))

        app = web.Application()
        app.router.add_post("/{deployment}/graphql", post)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        client = DagsterPlus(
            organization="real",
            token=SecretStr("user:real:1"),
            url=f"http://127.0.0.1:{port}",
            clock=SystemClock(),
            mutation_timeout=60.0,
        )
        stack.push_async_callback(client.close)
        yield RealDagster(instance, client, folder / "marker", ask, process)
