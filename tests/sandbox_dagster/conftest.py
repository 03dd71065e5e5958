"""A control plane on a free port, and the official tools to judge it with."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.dagster_plus.instant_agent import InstantAgentSettings
from sandbox.dagster_plus.server import DagsterPlus, start_dagster_plus
from tests.support.pex import build_environment

Query = Callable[..., Awaitable[dict[str, Any]]]
RunCli = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def dagster_plus() -> AsyncIterator[DagsterPlus]:
    """A control plane whose instant agent reports at once."""
    started = await start_dagster_plus(instant_agent=InstantAgentSettings())
    yield started
    await started.close()


@pytest.fixture
async def http(dagster_plus: DagsterPlus) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the user's token; its base address is the server's."""
    headers = {"Dagster-Cloud-Api-Token": dagster_plus.tokens.user}
    async with httpx.AsyncClient(
        base_url=dagster_plus.url, headers=headers, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def query(http: httpx.AsyncClient) -> Query:
    """Runs a GraphQL query on `prod` and returns its `data`."""

    async def run(text: str, /, **variables: Any) -> dict[str, Any]:
        response = await http.post("/prod/graphql", json={"query": text, "variables": variables})
        body = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    return run


@pytest.fixture
def run_cli(dagster_plus: DagsterPlus, tmp_path: Path) -> RunCli:
    """Runs the unmodified `dagster-cloud deployment …`; returns exit code and all output."""

    async def run(*arguments: str, token: str = dagster_plus.tokens.user) -> tuple[int, str]:
        environment = {
            "DAGSTER_CLOUD_URL": f"{dagster_plus.url}/prod",
            "DAGSTER_CLOUD_API_TOKEN": token,
        }
        return await _dagster_cloud("deployment", *arguments, folder=tmp_path, more=environment)

    return run


@pytest.fixture
def run_ci(dagster_plus: DagsterPlus, tmp_path: Path) -> RunCli:
    """Runs the unmodified `dagster-cloud ci …`; its address has no deployment in it."""

    async def run(*arguments: str) -> tuple[int, str]:
        environment = {
            "DAGSTER_CLOUD_URL": dagster_plus.url,
            "DAGSTER_CLOUD_API_TOKEN": dagster_plus.tokens.user,
            "DAGSTER_CLOUD_ORGANIZATION": dagster_plus.plane.organization,
            "DAGSTER_BUILD_STATEDIR": str(tmp_path / "statedir"),
        }
        return await _dagster_cloud("ci", *arguments, folder=tmp_path, more=environment)

    return run


@pytest.fixture
def run_serverless(dagster_plus: DagsterPlus, tmp_path: Path) -> RunCli:
    """Runs the unmodified `dagster-cloud serverless …`, with this machine's pip configuration."""

    async def run(*arguments: str) -> tuple[int, str]:
        environment = {
            "DAGSTER_CLOUD_URL": f"{dagster_plus.url}/prod",
            "DAGSTER_CLOUD_API_TOKEN": dagster_plus.tokens.user,
            **build_environment(),
        }
        return await _dagster_cloud("serverless", *arguments, folder=tmp_path, more=environment)

    return run


async def _dagster_cloud(*arguments: str, folder: Path, more: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "dagster-cloud"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "200", **more},
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
