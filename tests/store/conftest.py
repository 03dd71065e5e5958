"""A store of one's own, on both engines, with a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.stores import put_empty_store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
async def other(store: Store, address: str, clock: ManualClock) -> AsyncIterator[Store]:
    """The same database, as another process has it open."""
    other = await Store.open(address, clock)
    yield other
    await other.close()


@pytest.fixture
async def store(address: str, clock: ManualClock) -> AsyncIterator[Store]:
    if "://" not in address:
        await put_empty_store(Path(address))
    store = await Store.open(address, clock)
    yield store
    await store.close()
