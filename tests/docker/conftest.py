"""One engine for all tests, registries for each, and what a project's checkout looks like."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from tests.docker.engine import DockerEngine, Registry, why_not
from tests.docker.world import World
from tests.sources.repository import MovedClock


@pytest.fixture(scope="session")
def engine(docker_engine: DockerEngine) -> DockerEngine:
    docker_engine.make_base()
    return docker_engine


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    running = Registry(tmp_path / "registry")
    yield running
    running.stop()


@pytest.fixture
def locked_registry(tmp_path: Path) -> Iterator[Registry]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    running = Registry(tmp_path / "locked", password=True)
    yield running
    running.stop()


@pytest.fixture(params=["buildkit", "classic"])
async def world(
    request: pytest.FixtureRequest, engine: DockerEngine, registry: Registry, tmp_path: Path
) -> AsyncIterator[World]:
    async with httpx.AsyncClient() as http:
        made = World(
            engine, registry, tmp_path, http, MovedClock(), buildkit=request.param == "buildkit"
        )
        yield made
        await made.close()
    assert isinstance(made.artifacts, DockerArtifacts)
