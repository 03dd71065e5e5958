"""Dagster's guide for code locations, step by step from Slack, on Serverless: each step ends with
PEX files that an unmodified agent has loaded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.guide import (
    Repositories,
    fill_the_form,
    loaded,
    make_the_repository,
    open_and_merge,
    open_repositories,
)
from tests.e2e.world import World, open_world
from tests.scaffold.projects import PYTHON, files_of, serverless
from tests.sources.repository import Repository
from tests.support.pex import build_environment, keep_dependencies, lend_dependencies

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.asyncio(loop_scope="module"),
]

LONG = 600.0
CORE = "  - location_name: core\n    code_source: {package_name: core}\n"


@dataclass
class GuideWorld:
    """A sandbox with a bot, the guide's repositories, and a project whose file doesn't have the
    location that its code is."""

    slack: World
    guide: Repositories
    quickstart: Repository


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GuideWorld]:
    home = tmp_path_factory.mktemp("guide")
    # All projects here need the same, so that it is built, and unpacked by the agent, once.
    files = files_of(serverless(location="quickstart"))
    quickstart = Repository(home / "quickstart")
    quickstart.commit("First", {**files, "dagster_cloud.yaml": f"locations:\n{CORE}"})
    work = home / "world" / "bot" / "work"
    lend_dependencies(work)
    async with open_repositories(home / "hosts", CORE) as guide:
        changes = guide.changes({})
        changes["projects"]["quickstart"] = {"git": str(quickstart.folder)}
        with pytest.MonkeyPatch.context() as environment:
            for name, value in build_environment().items():
                environment.setenv(name, value)
            opened = open_world(home / "world", "--serverless", "prod", changes=changes)
            async with opened as slack:
                yield GuideWorld(slack, guide, quickstart)
    keep_dependencies(work)


async def is_live(world: GuideWorld, location: str) -> str:
    """Check that the agent has loaded PEX files of the location; return their tag."""
    document = await loaded(world.slack, location)
    assert "image" not in document
    tag: str = document["pex_metadata"]["pex_tag"]
    return tag


async def test_add_a_new_code_location_manually(world: GuideWorld) -> None:
    values = {"name": "quickstart", "source_kind": "module_name"}
    filled = {**values, "source": "quickstart.definitions"}
    card = await fill_the_form(world.slack, filled, how="code:quickstart")
    ended = await world.slack.end(card, LONG)
    assert "live and verified" in ended.shown, ended.shown
    first = await is_live(world, "quickstart")

    # "Running the command multiple times with the same location name will *update* it."
    path = "quickstart/definitions.py"
    changed = f"{files_of(serverless(location='quickstart'))[path]}\n# A second version.\n"
    commit = world.quickstart.commit("Second", {path: changed})
    words = "quickstart:quickstart --module-name quickstart.definitions"
    ended = await world.slack.end(await world.slack.deploy(words), LONG)
    assert "live and verified" in ended.shown, ended.shown
    assert await is_live(world, "quickstart") != first
    await world.slack.is_live("quickstart", commit)


async def test_adding_a_code_location_in_a_new_git_repository(world: GuideWorld) -> None:
    await make_the_repository(world.slack, f"--push {world.guide.empty} --python {PYTHON}")
    ended = await world.slack.end(await world.slack.deploy("metrics"), LONG)
    assert "live and verified" in ended.shown, ended.shown
    await is_live(world, "metrics")


async def test_adding_a_new_code_location_to_a_git_monorepo(world: GuideWorld) -> None:
    host = world.guide.host
    command = "/dagster add-location forecasts --in monorepo --new"
    card = await open_and_merge(world.slack, host, command)
    ended = await world.slack.end(card, LONG)
    assert "live and verified" in ended.shown, ended.shown
    await is_live(world, "forecasts")
    commit = await host.repository.branch("main")
    await world.slack.is_live("forecasts", str(commit))
