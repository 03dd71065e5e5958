"""Opens the database and hands out transactions; the only place that maps its exceptions."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from deploy_core.model.errors import StoreUnavailable
from deploy_core.store.migrate import bring_up_to_date
from deploy_core.store.turns import Turns

SQLITE_BUSY_SECONDS = 5.0


class Database:
    """One database, embedded (SQLite) or a server (PostgreSQL).

    Writers of one process stand in a queue of their own: SQLite has one writer at a time, and
    waiting here is fair where its busy loop isn't.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _engine(url)
        self.on_commit: list[Callable[[], None]] = []
        """Called after each change that this process has committed."""
        self._turns = Turns()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that sees one moment of the database. Raises `StoreUnavailable`."""
        with mapped():
            async with self.engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """Yield a connection whose changes are committed at the end, or none of them is.

        Who is `urgent` goes before the writers of this process that wait already: Slack waits for
        an acknowledgement. Raises `StoreUnavailable` when the database is locked, full, read-only
        or gone.
        """
        with mapped():
            async with self._turn(urgent), self.engine.connect() as connection:
                writer = await connection.execution_options(writes=True)
                async with writer.begin():
                    yield writer
        for tell in self.on_commit:
            tell()

    @asynccontextmanager
    async def _turn(self, urgent: bool) -> AsyncIterator[None]:
        if not self.is_sqlite:
            yield
            return
        await self._turns.take(urgent=urgent)
        try:
            yield
        finally:
            self._turns.give()

    async def migrate(self) -> None:
        """Make or upgrade the tables. Raises `StoreTooNew` on a newer schema."""
        with mapped():
            await bring_up_to_date(self.engine)

    async def close(self) -> None:
        await self.engine.dispose()


class mapped:  # noqa: N801
    """Turns SQLAlchemy's exceptions into `StoreUnavailable`; the answer never holds parameters."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sa.exc.IntegrityError):
            return
        if isinstance(error, sa.exc.SQLAlchemyError | sqlite3.Error | OSError):
            cause = getattr(error, "orig", None) or error
            raise StoreUnavailable(
                f"The database can't be used: {type(cause).__name__}.", detail=str(cause)[:500]
            ) from error


def _engine(url: str) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10)
    # Each call to the driver is a trip to another thread and back; what `read` and `write` begin
    # they also end, so the pool's own rollback on return would be one for nothing.
    engine = create_async_engine(
        url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, pool_reset_on_return=None
    )
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy begins the transactions (below), so the driver must not.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the write lock at once: a read that turns into a write can't wait for it.
    writes = connection.get_execution_options().get("writes", False)
    # By the driver itself: one trip to its thread, where a cursor takes three.
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN"))
