"""A world for each test; the example projects are made once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.projects import make_projects
from tests.scenario.world import World, open_world


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return asyncio.run(make_projects(tmp_path_factory.mktemp("projects")))


@pytest.fixture
async def world(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects) as opened:
        yield opened
