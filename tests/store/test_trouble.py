"""A database that can't be written: said within seconds, with nothing lost, and over when it is."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from pydantic import JsonValue

from deploy_core.model.errors import StoreUnavailable
from deploy_core.store import connection
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import plan, request
from tests.support.postgres import USER

BUSY, TURN = 0.3, 0.6


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(connection, "SQLITE_BUSY_SECONDS", BUSY)
    monkeypatch.setattr(connection, "TURN_SECONDS", TURN)
    return tmp_path / "store.sqlite"


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Store]:
    store = await Store.open(str(file), ManualClock())
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes, and doesn't come to an end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def every_connection(pragma: str) -> Iterator[None]:
    def prepare(found: sqlite3.Connection, _: object) -> None:
        found.execute(f"PRAGMA {pragma}")

    sa.event.listen(sa.Engine, "connect", prepare)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", prepare)


def damage(file: Path, table: str) -> None:
    """Write over the first page of a table."""
    with closing(sqlite3.connect(file)) as raw:
        root = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        (page,) = root.fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    damaged = bytearray(file.read_bytes())
    damaged[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(bytes(damaged))


async def take_all(store: Store, payloads: list[dict[str, JsonValue]]) -> None:
    for number, payload in enumerate(payloads):
        await store.inbox.take(f"command:{number}", payload=payload)


async def test_a_locked_database_is_said_to_everybody_in_a_bounded_time(file: Path) -> None:
    async with opened(file) as store:
        with locked(file):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="OperationalError"):
                await store.check()
            assert time.monotonic() - began < BUSY + 3
            began = time.monotonic()
            results = await asyncio.gather(
                *(store.deploys.create(plan(), request()) for _ in range(20)),
                *(store.inbox.take(f"command:{n}") for n in range(20)),
                return_exceptions=True,
            )
            took = time.monotonic() - began
            assert {type(each) for each in results} == {StoreUnavailable}
            assert took < TURN + 2 * BUSY + 5, "each waits its own time, not all one after another"
            assert await store.deploys.recent() == [], "what is there can still be read"
        await store.check()
        assert await store.deploys.create(plan(), request()) == 1
        assert await store.inbox.take("command:1"), "what was refused was not written"


@pytest.mark.parametrize(
    ("pragma", "says"),
    [("query_only=ON", "readonly"), ("max_page_count=1", "full")],
    ids=["read-only", "full"],
)
async def test_a_disk_that_takes_no_more_is_said(file: Path, pragma: str, says: str) -> None:
    async with opened(file) as store:
        await store.deploys.create(plan(), request())
    with every_connection(pragma):
        async with opened(file) as store:
            payloads: list[dict[str, JsonValue]] = [{"text": "x" * 4_000}] * 200
            # What is left of the last page is still taken.
            with pytest.raises(StoreUnavailable) as refused:
                await take_all(store, payloads)
            assert says in refused.value.detail
            assert refused.value.reason == "store_unavailable"
            if says == "readonly":
                with pytest.raises(StoreUnavailable):
                    await store.check()
            assert len(await store.deploys.recent()) == 1
    async with opened(file) as store:
        await store.check()
        assert await store.deploys.create(plan(), request()) == 2


async def test_a_damaged_page_is_said_and_what_does_not_need_it_goes_on(file: Path) -> None:
    async with opened(file) as store:
        await store.deploys.create(plan(), request())
    await asyncio.to_thread(damage, file, "targets")
    async with opened(file) as store:
        for refused in (
            store.deploys.create(plan(), request()),
            store.deploys.get(1),
            store.work.claim("w", most=1),
        ):
            with pytest.raises(StoreUnavailable) as said:
                await refused
            assert "malformed" in said.value.detail
        assert await store.inbox.take("command:1"), "what is said is still noted"


async def test_a_server_that_ends_is_said_and_its_return_is_enough(
    postgres_database: str, clock: ManualClock
) -> None:
    """Every connection is cut off by the server; the next call has a new one."""
    store = await Store.open(postgres_database, clock)
    await store.deploys.create(plan(), request())
    ending = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    )
    with pytest.raises(StoreUnavailable):
        async with store.database.write() as connection:
            await connection.execute(ending)
    assert await store.deploys.create(plan(), request()) == 2
    await store.close()


async def test_a_process_that_stopped_before_it_executed_what_it_prepared_holds_no_lock(
    postgres_database: str, clock: ManualClock
) -> None:
    """PostgreSQL's own time-outs don't see it: for them the statement is still being sent."""
    store = await Store.open(postgres_database, clock)
    await store.deploys.create(plan(), request())
    name = {"application_name": connection.APPLICATION}
    stopped = await asyncpg.connect(postgres_database, user=USER, server_settings=name)
    await stopped.execute("BEGIN")
    await stopped.execute("UPDATE targets SET note = 'stopped'")
    await stopped.prepare("SELECT note FROM targets WHERE id = $1")
    assert await store.database.end_stuck(60) == 0, "it may still go on"
    async with asyncio.timeout(30):
        while await store.database.end_stuck(0.1) == 0:  # noqa: ASYNC110 - it must get old
            await asyncio.sleep(0.05)
    async with store.database.write() as writing:
        await writing.execute(sa.text("UPDATE targets SET note = 'ours'"))
    gone = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
    with pytest.raises(gone):
        await stopped.execute("COMMIT")
    await store.close()


async def test_closing_waits_for_what_is_under_way_and_refuses_what_comes_later(
    file: Path,
) -> None:
    async with opened(file) as store:
        under_way, go_on = asyncio.Event(), asyncio.Event()

        async def writes() -> int:
            async with store.database.write() as each:
                under_way.set()
                await go_on.wait()
                found = await each.execute(sa.text("SELECT 7"))
                return int(found.scalar_one())

        writing = asyncio.create_task(writes())
        await under_way.wait()
        closing_it = asyncio.create_task(store.database.close())
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="has been closed"):
            await store.deploys.recent()
        assert not closing_it.done()
        go_on.set()
        assert await writing == 7
        await closing_it
