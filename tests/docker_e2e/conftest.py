"""One world for all tests here; a failure tells what every part of it saw."""

from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from tests.docker.engine import DockerEngine
from tests.docker_e2e.evidence import evidence
from tests.docker_e2e.world import DockerWorld, open_docker_world

_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a failure for the fixture that gathers the evidence."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def opened(
    docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DockerWorld]:
    """An engine that builds, one for the agent, two registries, a sandbox, and a bot."""
    async with open_docker_world(tmp_path_factory.mktemp("docker"), docker_engine) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(opened: DockerWorld, request: pytest.FixtureRequest) -> AsyncIterator[DockerWorld]:
    """The world, in which no build leaves a folder behind. After a failed test what every part
    said is printed, and kept beside the sandbox."""
    yield opened
    if request.node.stash.get(_failed, False):
        text = await evidence(opened)
        (opened.slack.home / f"{request.node.name}.txt").write_text(text, "utf-8")
        print(text)  # noqa: T201 - pytest shows it with the failure
    assert opened.build_folders() == []
