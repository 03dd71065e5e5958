"""Real Dagster as processes: `dagster-webserver`, its daemon, and a code server.

What it is asked goes through its GraphQL, as a person's page does it.
"""

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.world import free_port
from tests.support.launching import LAUNCH, launch_variables, launched_run

CODE = Path(__file__).parent / "failing_code.py"
ROOT = Path(__file__).parents[2]
LOCATION = "core"
SOCKET = "code.sock"
MENDED = "mended"
"""Once a file of this name is in the folder, `daily` works."""

WAIT_SECONDS = 240.0
GRACE_SECONDS = "1"
STOP_SECONDS = 30.0

_CONFIG = {
    "telemetry": {"enabled": False},
    # Dagster's own default queues runs, which takes its daemon longer.
    "run_coordinator": {
        "module": "dagster._core.run_coordinator",
        "class": "DefaultRunCoordinator",
    },
    "run_retries": {"enabled": True, "max_retries": 0},
    # A database and two processes that follow its output for each of 200 runs would be most of
    # the work.
    "event_log_storage": {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": {"env": "FAILING_CODE_FOLDER"}},
    },
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
}

_TERMINATE = """mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) { __typename }
}"""

_RUNS = """query Runs($job: String!) {
  runsOrError(filter: {pipelineName: $job}) {
    ... on Runs { results { runId status parentRunId } }
  }
}"""

_LOCATIONS = """query Locations {
  workspaceOrError {
    ... on Workspace { locationEntries { name locationOrLoadError { __typename } } }
  }
}"""


@dataclass(frozen=True)
class RealRun:
    """A run as the webserver tells of it."""

    id: str
    status: str
    parent: str | None


@dataclass
class RealDagster:
    """A webserver whose only deployment is `prod`; files in `folder` change what its code does."""

    url: str
    folder: Path
    http: httpx.AsyncClient
    often: Process
    start: "_Starter"

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer."""
        body = {"query": query, "variables": variables}
        answer = (await self.http.post(f"{self.url}/graphql", json=body)).json()
        assert "errors" not in answer, answer
        return dict(answer["data"])

    async def launch(self, job: str) -> str:
        """Start a job, and return the run's id."""
        return launched_run(await self.ask(LAUNCH, **launch_variables(LOCATION, job)))

    async def cancel(self, run: str) -> None:
        """Terminate a run."""
        data = await self.ask(_TERMINATE, runId=run)
        assert data["terminateRun"]["__typename"] == "TerminateRunSuccess", data

    async def runs(self, job: str) -> list[RealRun]:
        """Return the runs of a job, the newest first."""
        data = await self.ask(_RUNS, job=job)
        return [
            RealRun(each["runId"], each["status"], each["parentRunId"])
            for each in data["runsOrError"]["results"]
        ]

    async def until(self, job: str, *statuses: str) -> list[RealRun]:
        """Wait until the runs of a job are in these states, the newest first, and return them."""
        seen: list[RealRun] = []
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while [each.status for each in seen] != [*statuses]:
                    seen = await self.runs(job)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{job}: {seen}, and not {statuses}") from None
        return seen

    async def end_code_server(self) -> None:
        """End the code server; nobody tells the webserver and the daemon."""
        await self.start.end("code")

    async def start_code_server(self) -> None:
        """Start it again, at the same address."""
        await self.start.code_server()

    async def fail_often(self, times: int) -> None:
        """Execute `imports` so many times: it fails in turn of three kinds."""
        assert self.often.stdin is not None
        self.often.stdin.write(f"{times}\n".encode())
        await _says(self.often, "failed")


@asynccontextmanager
async def opened() -> AsyncIterator[RealDagster]:
    """Start all of it, and wait until the code is loaded and the daemon retries runs."""
    async with AsyncExitStack() as stack:
        # A socket's path has to be short.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="real-")))
        workspace, port = home / "workspace.yaml", free_port()
        server = {"grpc_server": {"socket": str(home / SOCKET), "location_name": LOCATION}}
        (home / "dagster.yaml").write_text(yaml.safe_dump(_CONFIG))
        workspace.write_text(yaml.safe_dump({"load_from": [server]}))
        start = _Starter(stack, home)
        await start.code_server()
        where = ("-h", "127.0.0.1", "-p", port, "--path-prefix", "/prod")
        await start("webserver", "dagster_webserver", *where, "-w", workspace)
        await start("daemon", "dagster._daemon", "run", "-w", workspace)
        often = await start.often()
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=120))
        real = RealDagster(f"http://127.0.0.1:{port}/prod", home, http, often, start)
        await start.says("daemon", "No cursor for event type")  # what fails from now on is retried
        await start.says("webserver", "Serving dagster-webserver")
        await _says(often, "ready")
        await _is_up(real)
        (found,) = (await real.ask(_LOCATIONS))["workspaceOrError"]["locationEntries"]
        assert found["locationOrLoadError"]["__typename"] == "RepositoryLocation", found
        yield real


class _Starter:
    """Starts Python programs that end with the stack, and with this process; each one's log is in
    the folder."""

    def __init__(self, stack: AsyncExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER_")}
        self._environment = {
            **kept,
            "DAGSTER_HOME": str(home),
            "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
            "FAILING_CODE_FOLDER": str(home),
        }
        self._programs: dict[str, Process] = {}

    async def __call__(self, name: str, module: str, *arguments: object) -> None:
        """Start a program behind a guard, which ends it with the runs that it has started."""
        command = (sys.executable, "-m", module, *map(str, arguments))
        guard = ("-m", "sandbox.dagster_plus.agent_guard", GRACE_SECONDS, *command)
        self._programs[name] = await self._start(name, *guard)

    async def code_server(self) -> None:
        """Start the code server, and wait until it answers."""
        await self("code", "dagster", *("api", "grpc", "-s", self._home / SOCKET, "-f", CODE))
        await self.says("code", "Started Dagster code server")

    async def end(self, name: str) -> None:
        """End a program."""
        await _end(self._programs[name])

    async def often(self) -> Process:
        """Start the program that executes one job often; it ends with its input."""
        return await self._start("often", str(CODE), stdout=PIPE)

    async def _start(self, name: str, *arguments: str, stdout: int | None = None) -> Process:
        with self._log(name).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *arguments),
                stdin=PIPE,
                stdout=stdout or log,
                stderr=log,
                env=self._environment,
                cwd=ROOT,
                start_new_session=True,
            )
        self._stack.push_async_callback(_end, process)
        return process

    async def says(self, name: str, words: str) -> None:
        """Wait until a program's log has these words."""
        async with asyncio.timeout(WAIT_SECONDS):
            while words not in (text := await asyncio.to_thread(self._log(name).read_text)):
                assert self._programs[name].returncode is None, text
                await asyncio.sleep(0.05)

    def _log(self, name: str) -> Path:
        return self._home / f"{name}.log"


async def _is_up(real: RealDagster) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with suppress(httpx.ConnectError):
                if (await real.http.get(f"{real.url}/server_info")).is_success:
                    return
            await asyncio.sleep(0.05)


async def _end(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    await asyncio.wait_for(process.wait(), STOP_SECONDS)


async def _says(process: Process, word: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_SECONDS):
        assert (await process.stdout.readline()).decode() == f"{word}\n"
