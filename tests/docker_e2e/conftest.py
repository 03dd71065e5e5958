"""One world with engines and a registry for all tests here."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.docker.engine import why_not
from tests.docker_e2e.world import DockerWorld, open_docker_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DockerWorld]:
    """Two engines, two registries, a sandbox with a real agent, and a bot."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    async with open_docker_world(tmp_path_factory.mktemp("docker")) as opened:
        yield opened
