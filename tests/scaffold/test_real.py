"""The workflows' commands with the real `dagster-cloud`; a real agent loads what they deploy."""

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy_core.scaffold.options import Ci, ProjectOptions
from deploy_core.scaffold.registries import Registry
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from sandbox.dagster_plus.agent import start_agent
from sandbox.dagster_plus.instant_agent import InstantAgentSettings
from sandbox.dagster_plus.locations import CodeLocation
from sandbox.dagster_plus.server import DagsterPlus, start_dagster_plus
from sandbox.dagster_plus.serverless import RegistryInfo, Serverless
from tests.scaffold.projects import (
    GITHUB_FILE,
    GITLAB_FILE,
    directory,
    files_of,
    hybrid,
    serverless,
    write,
)
from tests.sources.repository import Repository
from tests.support.pex import build_environment

pytestmark = [pytest.mark.proof, pytest.mark.e2e, pytest.mark.timeout(1800)]

CLI_ACTION = "dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@"
INIT_ACTION = "dagster-io/dagster-cloud-action/actions/utils/ci-init@"
INIT = (
    "ci init --project-dir={project_dir} --dagster-cloud-yaml-path={dagster_cloud_yaml_path}"
    " --deployment={deployment}"
    " --status-url=https://github.com/acme/shop/actions/runs/7"
    " --git-url=https://github.com/acme/shop/tree/{commit} --commit-hash={commit}"
)
"""What the action `ci-init` runs, as its action.yml has it."""


def commands_for_github(text: str, commit: str) -> list[str]:
    """The `dagster-cloud` commands that a push runs, with GitHub's expressions filled in."""
    file = yaml.safe_load(text)
    known = {"env.COMMIT": commit, "github.repository": "acme/shop"}
    found = []
    for step in file["jobs"]["deploy"]["steps"]:
        used, given = step.get("uses", ""), step.get("with", {})
        if "github.event_name == 'pull_request'" in step.get("if", ""):
            continue
        if used.startswith(INIT_ACTION):
            found.append(INIT.format(commit=commit, **given))
        elif used.startswith(CLI_ACTION):
            command = re.sub(r"\$\{\{ (.*?) \}\}", lambda at: known[at[1]], given["command"])
            found.append(command)
    return [f"dagster-cloud {command}" for command in found]


def commands_for_gitlab(text: str) -> list[str]:
    """The script of the job that a push runs."""
    file = yaml.safe_load(text)
    assert file["deploy"]["extends"] == ".deploy"
    commands: list[str] = file[".deploy"]["script"]
    return commands


def environment(
    options: ProjectOptions, text: str, dagster: DagsterPlus, commit: str, folder: Path
) -> dict[str, str]:
    """What a push sets: the workflow's own variables, the secret, and those of the host."""
    file = yaml.safe_load(text)
    named = file["env"] if options.ci is Ci.GITHUB else file["variables"]
    own = {key: str(value) for key, value in named.items() if "${{" not in str(value)}
    host = {
        "CI_PROJECT_URL": "https://gitlab.com/acme/shop",
        "CI_PROJECT_PATH": "acme/shop",
        "CI_PIPELINE_URL": "https://gitlab.com/acme/shop/-/pipelines/7",
        "CI_COMMIT_SHA": commit,
    }
    return {
        **build_environment(),
        **own,
        **(host if options.ci is Ci.GITLAB else {}),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "COLUMNS": "200",
        "DAGSTER_CLOUD_URL": dagster.url,
        "DAGSTER_CLOUD_API_TOKEN": dagster.tokens.user,
        "DAGSTER_BUILD_STATEDIR": str(folder / "state"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }


async def push(options: ProjectOptions, dagster: DagsterPlus, folder: Path) -> str:
    """Commit a new project and run what its CI runs then; return the commit."""
    repository = Repository(folder / "project")
    files = files_of(options)
    commit = repository.commit("First", files)
    text = files[GITHUB_FILE if options.ci is Ci.GITHUB else GITLAB_FILE]
    commands = (
        commands_for_github(text, commit) if options.ci is Ci.GITHUB else commands_for_gitlab(text)
    )
    assert [command.split()[2] for command in commands][-2:] == ["deploy", "status"]
    more = environment(options, text, dagster, commit, folder)
    for command in commands:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-e", "-o", "pipefail", "-c", command),
            cwd=repository.folder,
            env=more,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"{command}\n{output}"
    return commit


async def until(condition: Callable[[], bool], within: float = 120) -> None:
    async with asyncio.timeout(within):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


def assets(location: CodeLocation) -> list[str]:
    assert location.report is not None
    assert location.report.error is None, location.report.error
    return [name for each in location.report.repositories for name in each.assets]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@asynccontextmanager
async def with_agent(home: Path, **settings: Any) -> AsyncIterator[DagsterPlus]:
    """A control plane with a real agent."""
    async with AsyncExitStack() as stack:
        dagster = await start_dagster_plus(**settings)
        stack.push_async_callback(dagster.close)
        agent = await start_agent(dagster, home)
        stack.push_async_callback(agent.close)
        yield dagster


@pytest.mark.parametrize(("ci", "kind"), [(Ci.GITHUB, Registry.ECR), (Ci.GITLAB, Registry.GITLAB)])
async def test_a_push_to_a_hybrid_repository_deploys_its_image(
    ci: Ci, kind: Registry, tmp_path: Path, stack: AsyncExitStack
) -> None:
    dagster = await start_dagster_plus(instant_agent=InstantAgentSettings())
    stack.push_async_callback(dagster.close)
    options = hybrid(ci, kind, organization=dagster.plane.organization)
    commit = await push(options, dagster, tmp_path)
    document = dagster.plane.deployment("prod").locations["shop"].document
    assert document["image"] == f"{options.image}:{commit}"
    assert document["git"]["commit_hash"] == commit
    if ci is Ci.GITHUB:
        assert "shop" in (tmp_path / "summary.md").read_text()


async def test_a_real_agent_loads_what_a_push_to_a_serverless_repository_deploys(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    """From GitHub; of the same dependencies a push to GitLab then builds none."""
    registry = RegistryInfo("registry.example.com/acme", "AWS", "password")
    settings = Serverless(tmp_path / "pex", ("prod",), registry)
    async with with_agent(tmp_path / "agent", serverless=settings) as dagster:
        options = serverless(Ci.GITHUB, organization=dagster.plane.organization)
        commit = await push(options, dagster, tmp_path / "github")
        location = dagster.plane.deployment("prod").locations["shop"]
        assert location.document["git"]["commit_hash"] == commit
        assert location.document["pex_metadata"]["python_version"] == options.python
        assert assets(location) == ["shop_example"]
        assert uploads(dagster) == {"deps": 1, "source": 1, "requirements": 1}

    again = await start_dagster_plus(instant_agent=InstantAgentSettings(), serverless=settings)
    stack.push_async_callback(again.close)
    options = serverless(Ci.GITLAB, location="store", organization=again.plane.organization)
    commit = await push(options, again, tmp_path / "gitlab")
    document = again.plane.deployment("prod").locations["store"].document
    assert document["git"]["commit_hash"] == commit
    assert document["pex_metadata"]["python_version"] == options.python
    assert uploads(again) == {"source": 1, "requirements": 1}


def uploads(dagster: DagsterPlus) -> dict[str, int]:
    """How many files of each kind were uploaded."""
    assert dagster.plane.pex is not None
    put = [str(one["file"]) for one in dagster.plane.pex.transfers if one["method"] == "PUT"]
    return dict(Counter(file.partition("-")[0] for file in put))


async def test_a_real_agent_loads_new_hybrid_projects(tmp_path: Path) -> None:
    """A repository and a directory of a monorepo: from their folders, as an image has them."""
    async with with_agent(tmp_path / "agent") as dagster:
        files = files_of(hybrid(location="my-shop"))
        whole = write(files, tmp_path / "whole")
        (found,) = parse_dagster_cloud_yaml(files["dagster_cloud.yaml"], path="dagster_cloud.yaml")
        part = write(files_of(directory()), tmp_path / "monorepo") / "teams/shop"
        second = {"location_name": "shop", "code_source": {"module_name": "shop.definitions"}}
        prod = dagster.plane.deployment("prod")
        dagster.plane.apply(
            prod,
            [
                {**found.document, "working_directory": str(whole)},
                {**second, "working_directory": str(part)},
            ],
        )
        await until(lambda: all(one.load_status == "LOADED" for one in prod.locations.values()))
        assert assets(prod.locations["my-shop"]) == ["my_shop_example"]
        assert assets(prod.locations["shop"]) == ["shop_example"]
