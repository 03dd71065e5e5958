"""Real repositories, mirrors of them, and a git server on loopback."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy_core.settings import ProjectSettings
from deploy_core.sources.git import GitMirrors
from tests.sources.git_server import GitServer
from tests.sources.repository import MovedClock, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "origin")
    made.commit("Add the file", {"dagster_cloud.yaml": "locations: []\n"})
    return made


@pytest.fixture
def settings(repository: Repository) -> ProjectSettings:
    return ProjectSettings(git=str(repository.folder))


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def mirrors(tmp_path: Path, clock: MovedClock) -> GitMirrors:
    return GitMirrors(tmp_path / "work", clock, fetch_seconds=20, check_seconds=20)


@pytest.fixture
async def server(repository: Repository) -> AsyncIterator[GitServer]:
    running = GitServer(repository.folder)
    await running.start()
    yield running
    await running.stop()
