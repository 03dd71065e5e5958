"""One sandbox with a bot for all tests here, and a browser page for each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.world import World, open_world
from tests.support.chromium import CHROMIUM


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A sandbox with a real agent, and a bot."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with open_world(tmp_path_factory.mktemp("browser_world")) as opened:
        yield opened
