"""From Slack to an unmodified agent that fetches the PEX files and runs them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.projects.minimal import DEFINITIONS, REQUIREMENTS, minimal_project
from tests.e2e.world import World, open_world
from tests.serverless.conftest import FILE
from tests.sources.repository import Repository
from tests.support.pex import build_environment, keep_dependencies, lend_dependencies

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.asyncio(loop_scope="module"),
]

LONG = 600.0
MORE = DEFINITIONS.replace("defs = ", "@dg.asset\ndef refunds() -> int:\n    return 2\n\n\ndefs = ")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("project") / "shop")
    made.commit("First", {"dagster_cloud.yaml": FILE, **minimal_project()})
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A sandbox whose `prod` is Serverless, with a real agent, and a bot."""
    home = tmp_path_factory.mktemp("serverless")
    lend_dependencies(home / "bot" / "work")
    projects = {"shop": {"git": str(repository.folder)}}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in build_environment().items():
            environment.setenv(name, value)
        async with open_world(
            home, "--serverless", "prod", changes={"projects": projects}
        ) as opened:
            yield opened
    keep_dependencies(home / "bot" / "work")


async def transfers(world: World) -> list[dict[str, Any]]:
    state = (await world.dagster.get("/sandbox/state")).json()
    found: list[dict[str, Any]] = state["pex"]["transfers"]
    return found


def kinds(of: list[dict[str, Any]], method: str, by: str) -> list[str]:
    """The kinds of files that went one way, in their order."""
    chosen = [one for one in of if (one["method"], one["by"]) == (method, by)]
    return list(dict.fromkeys(str(one["file"]).partition("-")[0] for one in chosen))


async def deploy(world: World, words: str = "shop") -> str:
    """Deploy, and return the last card's text."""
    ended = await world.end(await world.deploy(f'{words} --why "{world.unique()}"'), within=LONG)
    return ended.text


async def loads(world: World, commit: str) -> dict[str, Any]:
    await world.is_live("shop", commit)
    found = await world.location("shop")
    assert found is not None
    document: dict[str, Any] = found["document"]
    return document


async def test_an_agent_loads_the_files_then_a_changed_source_then_changed_dependencies(
    world: World, repository: Repository
) -> None:
    first = repository.git("rev-parse", "HEAD")
    text = await deploy(world)
    assert f"shop is live on prod at {first[:7]}, verified" in text
    tag = (await loads(world, first))["pex_metadata"]["pex_tag"]
    assert kinds(await transfers(world), "GET", "agent") == ["deps", "source"]

    before = len(await transfers(world))
    second = repository.commit("More", {"shop/definitions.py": MORE})
    assert "verified" in await deploy(world)
    changed = (await loads(world, second))["pex_metadata"]["pex_tag"]
    new = (await transfers(world))[before:]
    assert kinds(new, "PUT", "url") == ["source"]
    assert changed.split(":")[0] == tag.split(":")[0]

    before = len(await transfers(world))
    wanted = f"{REQUIREMENTS}tabulate==0.9.0\n"
    uses = MORE.replace("import dagster as dg\n", "import dagster as dg\nimport tabulate\n")
    third = repository.commit("Uses", {"requirements.txt": wanted, "shop/definitions.py": uses})
    assert "verified" in await deploy(world)
    other = (await loads(world, third))["pex_metadata"]["pex_tag"]
    new = (await transfers(world))[before:]
    assert sorted(kinds(new, "PUT", "url")) == ["deps", "requirements", "source"]
    assert other.split(":")[0] != tag.split(":")[0]


async def test_files_that_break_at_import_are_explained_and_the_earlier_ones_put_back(
    world: World, repository: Repository
) -> None:
    text = await deploy(world)
    good = repository.git("rev-parse", "HEAD")
    assert "verified" in text
    before = (await loads(world, good))["pex_metadata"]
    repository.commit("Broken", {"shop/definitions.py": "import forex_feed\n" + MORE})

    text = await deploy(world)

    assert "No module named 'forex_feed'" in text
    assert f"Rolled back to `{good[:7]}`: live and verified" in text
    assert (await loads(world, good))["pex_metadata"] == before
