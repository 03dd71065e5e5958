"""Fixtures that several folders share."""

import logging
from collections.abc import AsyncIterator, Iterator
from itertools import count

import asyncpg
import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.docker.engine import DockerEngine, why_not
from tests.support.postgres import USER, running_server, server_programs

hypothesis.settings.register_profile("patient", deadline=None)  # how long one takes proves nothing
hypothesis.settings.load_profile("patient")

_numbers = count(1)


TOGETHER = {
    "docker": "Docker",
    "docker_e2e": "Docker",
    "docker_image": "the bot's image",
    "serverless": "Serverless",
    "e2e": "real agent",
    "browser": "browser",
}
"""What tests of these folders share takes long to start: each is started on one worker only."""

LONGEST = (
    *("docker", "docker_e2e", "docker_image", "serverless"),
    *("crash", "store", "e2e", "browser"),
)
"""They come first, so that no worker is left alone with them at the end."""


PROOFS = ("crash", "docker", "docker_e2e", "docker_image", "serverless", "load")
"""What takes long or needs an engine is marked `proof`: `make proof` runs it."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests stay on one worker, and so do those of folders that share something."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(folder_of(file), file)


def folder_of(file: str) -> str:
    """Return the folder below `tests` that a test's file is in."""
    return file.partition("tests/")[2].partition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Called by xdist; its own groups aren't kept by this version of pytest."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is a proof, and put what takes longest first."""
    for item in items:
        if folder_of(item.nodeid) in PROOFS:
            item.add_marker("proof")
    order = {folder: place for place, folder in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(folder_of(item.nodeid), len(order)))


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


@pytest.fixture
def own_logs() -> Iterator[None]:
    """For what sets up this process's logs: afterwards they go where they went before."""
    root = logging.getLogger()
    handlers, filters = list(root.handlers), list(root.filters)
    yield
    structlog.reset_defaults()
    root.handlers[:], root.filters[:] = handlers, filters
