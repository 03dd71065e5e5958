"""The store's own SQLite database without threads, and with the faults that a database has."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deploy_core.store.connection import Database, _begin_sqlite, _prepare_sqlite


class _Inline:
    """Stands for the queue of the driver's thread: what is put into it is done at once.

    `committed` is called when a transaction that changed something has just been committed, before
    any other task can run.
    """

    def __init__(self, committed: Callable[[], None]) -> None:
        self.raw: sqlite3.Connection | None = None
        self._committed = committed
        self._changes = 0

    def put_nowait(self, work: tuple[asyncio.Future[Any] | None, Callable[[], Any]], /) -> None:
        future, function = work
        within = self._within()
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - it is the caller's
            if future is not None:
                future.set_exception(error)
            return
        if future is not None:
            future.set_result(result)

        if within and not self._within() and self._changed():
            self._committed()

    def _within(self) -> bool:
        try:
            return self.raw is not None and self.raw.in_transaction
        except sqlite3.ProgrammingError:  # it is closed
            return False

    def _changed(self) -> bool:
        before, self._changes = self._changes, self.raw.total_changes if self.raw else 0
        return self._changes != before


class _NoThread:
    def start(self) -> None:
        """There is none."""


class _Connection(aiosqlite.Connection):
    def __init__(self, path: str, committed: Callable[[], None]) -> None:
        inline = _Inline(committed)

        def connect() -> sqlite3.Connection:
            inline.raw = sqlite3.connect(path, check_same_thread=False)
            return inline.raw

        super().__init__(connect, 64)
        self._tx = inline  # type: ignore[assignment]
        self._thread = _NoThread()  # type: ignore[assignment]


class InlineDatabase(Database):
    """`before` is awaited before each transaction and may raise; `committed` is called in the
    moment of a commit, and `after` is awaited before its caller hears of it."""

    def __init__(
        self,
        path: Path,
        before: Callable[[], Awaitable[None]],
        committed: Callable[[], None],
        after: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(f"sqlite+aiosqlite:///{path}")
        self._before, self._after = before, after
        self._thread = None
        # Several processes, as on PostgreSQL: no queue, and no lock on the file.
        self.is_sqlite, self.file = False, None

        async def connect(*_: Any, **__: Any) -> aiosqlite.Connection:
            return await _Connection(str(path), committed)

        self.engine = create_async_engine(
            self.url, async_creator=connect, pool_reset_on_return=None
        )
        sync = self.engine.sync_engine
        sa.event.listen(sync, "connect", _prepare_sqlite)
        sa.event.listen(sync, "connect", _without_waiting_for_the_disk)
        sa.event.listen(sync, "begin", _begin_sqlite)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        await self._before()
        async with super().read() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, **how: bool) -> AsyncIterator[AsyncConnection]:
        await self._before()
        async with super().write(**how) as connection:
            yield connection
        await self._after()


def _without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()
