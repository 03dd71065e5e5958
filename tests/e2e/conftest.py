"""One sandbox and one bot for all tests here."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.world import World, open_world


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A sandbox with a real agent, and a bot."""
    async with open_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened
