"""The engine on a Serverless deployment, with Dagster's real builder and the instant agent.

Building the dependencies takes half a minute, so one build of them is lent to every test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy_core.settings import ProjectSettings, ServerlessSettings
from sandbox.dagster_plus.serverless import PexStore, RegistryInfo, Serverless
from sandbox.projects.minimal import minimal_project
from tests.engine.world import World, open_world
from tests.sources.repository import Repository
from tests.support.pex import keep_dependencies, lend_dependencies

FILE = """\
locations:
  - location_name: shop
    code_source:
      module_name: shop.definitions
"""

Open = Callable[..., Awaitable[World]]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A project with one commit."""
    made = Repository(tmp_path / "shop")
    made.commit("First", {"dagster_cloud.yaml": FILE, **minimal_project()})
    return made


@pytest.fixture
async def open_serverless(tmp_path: Path, repository: Repository) -> AsyncIterator[Open]:
    """Opens a world whose `prod` is Serverless; `project` are more settings of the project."""
    registry = RegistryInfo("registry.example.com/acme", "AWS", "password")
    work = tmp_path / "world"
    work.mkdir()
    lend_dependencies(work)
    async with AsyncExitStack() as stack:

        async def start(
            project: dict[str, Any] | None = None,
            serverless_settings: ServerlessSettings | None = None,
        ) -> World:
            known = ProjectSettings(git=str(repository.folder), **(project or {}))
            world = await stack.enter_async_context(
                open_world(
                    work,
                    {"shop": repository.folder},
                    serverless=Serverless(tmp_path / "storage", ("prod",), registry),
                    projects={"shop": known},
                    settings_of_serverless=serverless_settings or ServerlessSettings(),
                )
            )
            world.patience = 300
            return world

        yield start
    keep_dependencies(work)


@pytest.fixture
async def world(open_serverless: Open) -> World:
    """Such a world as it is without any settings."""
    return await open_serverless()


def store_of(world: World) -> PexStore:
    """Dagster+'s storage for PEX files."""
    store = world.sandbox.plane.pex
    assert store is not None
    return store


def uploads(world: World) -> list[str]:
    """The kinds of files that were put, in their order."""
    return [
        str(one["file"]).partition("-")[0]
        for one in store_of(world).transfers
        if one["method"] == "PUT"
    ]


def built(folder: Path) -> dict[str, int]:
    """When each file on the bot's disk was last made, whatever it was used for since."""
    files = (folder / "world" / "pex" / "files").glob("*")
    return {path.name: path.stat().st_ino for path in files}
