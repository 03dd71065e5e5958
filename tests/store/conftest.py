"""A store in a file of its own, with a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy_core.store.store import Store
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    store = await Store.open(str(tmp_path / "store.sqlite"), clock)
    yield store
    await store.close()
