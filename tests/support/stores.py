"""SQLite stores whose tables are there: making them takes longer than most tests do."""

import asyncio
import tempfile
from functools import lru_cache
from pathlib import Path

from deploy_core.store.store import Store
from tests.support.clock import ManualClock


@lru_cache
def empty_store() -> bytes:
    """A store with its tables, as a file's content. Not for where an event loop runs."""

    async def make(path: Path) -> None:
        store = await Store.open(str(path), ManualClock())
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        asyncio.run(make(path))
        return path.read_bytes()


async def put_empty_store(path: Path) -> None:
    """Put an empty store at `path`, if nothing is there."""
    if not path.exists():  # noqa: ASYNC240
        path.write_bytes(await asyncio.to_thread(empty_store))  # noqa: ASYNC240
