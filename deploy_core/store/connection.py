"""Opens the database and hands out transactions; the only place that maps its exceptions."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from deploy_core.model.errors import StoreUnavailable
from deploy_core.model.facts import Fact
from deploy_core.store.migrate import bring_up_to_date
from deploy_core.store.turns import Turns

T = TypeVar("T")

_FACTS = "facts"

SQLITE_BUSY_SECONDS = 5.0
"""How long a writer waits for another process that writes."""

TURN_SECONDS = 10.0
"""How long it waits for those of its own process. Both together are shorter than a lease, so that
nothing is ever sent to Dagster+ by a worker that waited for the database."""


CLOSE_SECONDS = 15.0
"""How long closing waits for transactions that are under way, which wait no longer than both."""

IDLE_SECONDS = 10
"""How long PostgreSQL waits for the next statement of a transaction; ours take milliseconds."""

APPLICATION = "dagster-chatops"
"""The name under which PostgreSQL shows our connections."""

_END_STUCK = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user"
    " AND application_name = :application AND state = 'active' AND wait_event = 'ClientRead'"
    " AND xact_start IS NOT NULL AND state_change < clock_timestamp() - make_interval(secs => :old)"
)


class Database:
    """One database, embedded (SQLite) or a server (PostgreSQL).

    Writers of one process stand in a queue of their own: SQLite has one writer at a time, and
    waiting here is fair where its busy loop isn't.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.file = Path(url.partition("///")[2]) if self.is_sqlite else None
        """Where it is kept, if it is embedded."""
        self.engine = _engine(url)
        self._thread = OneThread(url) if self.is_sqlite else None
        self.on_commit: list[Callable[[], None]] = []
        """Called after each change that this process has committed, but the quiet ones."""
        self.on_fact: list[Callable[[Fact], None]] = []
        """Called with each fact that `note_fact` noted in a change that was then committed."""
        self._turns = Turns()
        self._under_way = UnderWay()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that sees one moment of the database. Raises `StoreUnavailable`."""
        with mapped(), self._under_way:
            async with self.engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def write(
        self, *, urgent: bool = False, quiet: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Yield a connection whose changes are committed at the end, or none of them is.

        Who is `urgent` goes before the writers of this process that wait already: Slack waits for
        an acknowledgement. After a `quiet` change nobody has anything to do. Raises
        `StoreUnavailable` when the database is locked, full, read-only or gone.
        """
        with mapped(), self._under_way:
            async with self._turn(urgent), self.engine.connect() as connection:
                writer = await connection.execution_options(writes=True)
                facts = writer.info[_FACTS] = list[Fact]()
                async with writer.begin():
                    yield writer
        self._tell(quiet)
        for fact in facts:
            self.tell(fact)

    async def write_at_once(
        self, work: Callable[[sa.Connection], T], *, urgent: bool = False, quiet: bool = False
    ) -> T:
        """Run `work` in a transaction and return what it returns; otherwise as `write`.

        On SQLite all of it is one trip to a thread, where `write` makes one for each statement:
        for what must be quick, and never waits for anything but the database.
        """
        if self._thread is None:
            async with self.write(quiet=quiet) as connection:
                return await connection.run_sync(work)
        with mapped(), self._under_way:
            async with self._turn(urgent):
                done = await self._thread.write(work)
        self._tell(quiet)
        return done

    def tell(self, fact: Fact) -> None:
        """Tell a fact to all who want to know."""
        for told in self.on_fact:
            told(fact)

    def _tell(self, quiet: bool) -> None:
        for tell in () if quiet else self.on_commit:
            tell()

    @asynccontextmanager
    async def _turn(self, urgent: bool) -> AsyncIterator[None]:
        if not self.is_sqlite:
            yield
            return
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.take(urgent=urgent)
        except TimeoutError:
            raise StoreUnavailable(
                f"The database could not be written for {TURN_SECONDS:.0f} seconds."
            ) from None
        try:
            yield
        finally:
            self._turns.give()

    async def end_stuck(self, seconds: float = IDLE_SECONDS) -> int:
        """End our connections to PostgreSQL whose process stopped between preparing a statement and
        executing it; return how many there were.

        Such a transaction isn't idle for PostgreSQL, nor does its time-out for statements end it:
        its locks would be held for as long as the process stands still.
        """
        if self.engine.dialect.name != "postgresql":
            return 0
        async with self.read() as connection:
            found = {"application": APPLICATION, "old": seconds}
            return int((await connection.execute(_END_STUCK, found)).scalar_one())

    async def migrate(self) -> None:
        """Make or upgrade the tables. Raises `StoreTooNew` on a newer schema."""
        with mapped():
            if self.is_sqlite:
                await _write_ahead(self.engine)
            await bring_up_to_date(self.engine)

    async def close(self) -> None:
        """Close all connections once what is under way has ended; what comes later is refused."""
        await self._under_way.close(CLOSE_SECONDS)
        await self.engine.dispose()
        if self._thread is not None:
            self._thread.close()


def note_fact(connection: AsyncConnection, fact: Fact) -> None:
    """Note what this transaction of `Database.write` does, to be told once it is committed."""
    connection.info[_FACTS].append(fact)


class UnderWay:
    """Counts the transactions, so that no connection outlives its database."""

    def __init__(self) -> None:
        self._count = 0
        self._closed = False
        self._none = asyncio.Event()

    def __enter__(self) -> None:
        if self._closed:
            raise StoreUnavailable("The database has been closed.")
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._closed and self._count == 0:
            self._none.set()

    async def close(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way, but not longer than this."""
        self._closed = True
        if self._count:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._none.wait()


class OneThread:
    """A connection to an SQLite file that lives in a thread of its own."""

    def __init__(self, url: str) -> None:
        plain = sa.make_url(url).set(drivername="sqlite")
        self._engine = sa.create_engine(
            plain,
            connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False},
            pool_reset_on_return=None,
        )
        sa.event.listen(self._engine, "connect", _prepare_sqlite)
        sa.event.listen(self._engine, "begin", _begin_to_write)
        self._executor = ThreadPoolExecutor(1, "store")

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction, in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Close the connection and end the thread; nothing runs in it any more."""
        self._executor.shutdown()
        self._engine.dispose()


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
        # A process that is stopped in the middle of a transaction must not hold its locks for ever:
        # nobody could take over what it has.
        settings = {
            "application_name": APPLICATION,
            "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
        }
        return create_async_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
            connect_args={"server_settings": settings},
        )
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
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _write_ahead(engine: AsyncEngine) -> None:
    """Have SQLite write ahead, which the file remembers: who reads never waits for who writes.

    While another process makes the same change, SQLite refuses at once instead of waiting.
    """
    give_up = time.monotonic() + SQLITE_BUSY_SECONDS
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        while True:
            try:
                await driver.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() >= give_up:
                    raise
            await asyncio.sleep(0.05)


def _begin_to_write(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the write lock at once: a read that turns into a write can't wait for it.
    writes = connection.get_execution_options().get("writes", False)
    # By the driver itself: one trip to its thread, where a cursor takes three.
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN"))
