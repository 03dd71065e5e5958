"""Fixtures that several folders share."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import asyncpg
import pytest

from tests.docker.engine import DockerEngine, why_not
from tests.support.postgres import USER, running_server, server_programs

_numbers = count(1)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay on one worker, and so do all that need the one Docker engine. The bot's
    own image takes minutes, so it has an engine and a worker of its own."""
    for item in items:
        path = item.path.as_posix()
        shares = "/tests/docker" in path and "/tests/docker_image/" not in path
        group = "docker" if shares else path
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """The engine that builds, one for all folders."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    running = DockerEngine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server, started when the first test asks for it."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL isn't installed (the package `postgresql`)")
    with running_server(programs) as address:
        yield address


@pytest.fixture
async def postgres_database(postgres_server: str) -> AsyncIterator[str]:
    """The address of an empty database of one's own."""
    name = f"test_{next(_numbers)}"
    administrator = await asyncpg.connect(f"{postgres_server}/postgres", user=USER)
    await administrator.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server}/{name}"
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administrator.close()
