"""The unmodified agent loads real code from the example projects, against our control plane."""

import asyncio
import io
import json
import os
import signal
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.dagster_plus.agent import start_agent
from sandbox.dagster_plus.locations import Deployment
from sandbox.dagster_plus.server import DagsterPlus, start_dagster_plus
from sandbox.projects import make_projects

pytestmark = [pytest.mark.e2e, pytest.mark.proof]


@pytest.fixture
async def agentless() -> AsyncIterator[DagsterPlus]:
    started = await start_dagster_plus()
    yield started
    await started.close()


async def checkout(repository: Path, ref: str, folder: Path) -> Path:
    process = await asyncio.create_subprocess_exec(
        "git", f"--git-dir={repository}", "archive", ref, stdout=asyncio.subprocess.PIPE
    )
    archive, _ = await process.communicate()
    assert process.returncode == 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def quickstart(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "location_name": "quickstart",
        "code_source": {"module_name": "quickstart.definitions"},
        "working_directory": str(folder),
        **more,
    }


async def until(condition: Callable[[], bool], within: float = 60) -> None:
    async with asyncio.timeout(within):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def load(dagster_plus: DagsterPlus, *documents: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Apply these documents to `prod` and wait until all are LOADED."""
    prod = dagster_plus.plane.deployment("prod")
    dagster_plus.plane.apply(prod, documents)
    await until(lambda: all(one.load_status == "LOADED" for one in prod.locations.values()))
    return {name: location.location_entry() for name, location in prod.locations.items()}


async def loaded(deployment: Deployment, name: str) -> None:
    """Wait until this location is LOADED without an error."""
    location = deployment.locations[name]
    await until(lambda: location.load_status == "LOADED")
    assert location.report is not None
    assert location.report.error is None


def processes_of_group(group: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                in_group = os.getpgid(int(folder.name)) == group
            except ProcessLookupError:
                continue
            if in_group:
                found.append(int(folder.name))
    return found


async def gone(group: int) -> None:
    await until(lambda: not processes_of_group(group), within=30)


async def test_a_real_agent_loads_updates_and_reports_what_is_broken(
    agentless: DagsterPlus, tmp_path: Path
) -> None:
    projects = await make_projects(tmp_path / "projects")
    repository = projects["quickstart"]
    v1, main, broken = [
        await checkout(repository, ref, tmp_path / ref) for ref in ("v1", "main", "broken")
    ]
    agent = await start_agent(agentless, tmp_path / "agent")
    try:
        first = (await load(agentless, quickstart(v1)))["quickstart"]
        assert first["locationOrLoadError"]["__typename"] == "RepositoryLocation"

        second = (await load(agentless, quickstart(main)))["quickstart"]
        (contents,) = second["locationOrLoadError"]["repositories"]
        assert "daily_job" in [job["name"] for job in contents["jobs"]]
        assert [schedule["name"] for schedule in contents["schedules"]] == ["every_morning"]
        assert second["updatedTimestamp"] > first["updatedTimestamp"]
        assert second["versionKey"] != first["versionKey"]

        failed = (await load(agentless, quickstart(broken)))["quickstart"]["locationOrLoadError"]
        assert failed["__typename"] == "PythonError"
        assert [link["error"]["message"].strip() for link in failed["errorChain"]] == [
            "quickstart.pricing.rates.RatesUnavailable: exchange rates could not be set up",
            "ModuleNotFoundError: No module named 'forex_feed'",
        ]
        assert "rates.py" in failed["errorChain"][-1]["error"]["stack"][-1]
        assert len(processes_of_group(agent.pid)) > 2, "guard, agent and at least one code server"
    finally:
        await agent.close()
    await gone(agent.pid)


async def test_agents_load_the_locations_of_their_queue(
    agentless: DagsterPlus, tmp_path: Path
) -> None:
    projects = await make_projects(tmp_path / "projects")
    code = await checkout(projects["quickstart"], "v1", tmp_path / "v1")
    prod = agentless.plane.deployment("prod")
    gpu = await start_agent(agentless, tmp_path / "gpu", label="gpu", queues=["gpu"])
    try:
        ml = {**quickstart(code, agent_queue="gpu"), "location_name": "ml"}
        agentless.plane.apply(prod, [quickstart(code), ml])
        await loaded(prod, "ml")
        assert prod.locations["quickstart"].load_status == "LOADING", "nobody serves its queue"

        default = await start_agent(agentless, tmp_path / "default", label="default")
        try:
            await loaded(prod, "quickstart")
        finally:
            await default.close()
    finally:
        await gpu.close()


async def test_code_servers_end_with_an_agent_that_is_killed(
    agentless: DagsterPlus, tmp_path: Path
) -> None:
    projects = await make_projects(tmp_path / "projects")
    code = await checkout(projects["quickstart"], "v1", tmp_path / "v1")
    agent = await start_agent(agentless, tmp_path / "agent")
    await load(agentless, quickstart(code))
    agent_pids = [pid for pid in processes_of_group(agent.pid) if pid != agent.pid]
    assert len(agent_pids) == 2, "the agent and one code server"
    os.kill(min(agent_pids), signal.SIGKILL)
    await gone(agent.pid)
    await agent.close()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGKILL])
async def test_no_agent_outlives_the_sandbox(tmp_path: Path, told: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--home", str(tmp_path), "--no-slack"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    assert len(processes_of_group(said["agent_pid"])) == 2, "the guard and the agent"
    process.send_signal(told)
    await process.communicate()
    await gone(said["agent_pid"])
