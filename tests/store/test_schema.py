"""The migrations make the tables; a newer schema is refused."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from deploy_core.model.errors import StoreTooNew, StoreUnavailable
from deploy_core.store import migrate
from deploy_core.store.store import Store
from deploy_core.store.tables import deploys, metadata
from tests.support.clock import ManualClock


async def test_the_migrations_make_the_tables(store: Store) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with store.database.read() as connection:
        assert await connection.run_sync(differences) == []


def test_the_newest_revision_is_the_last_migration() -> None:
    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == migrate.NEWEST


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    first = await Store.open(str(path), ManualClock())
    async with first.database.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await first.close()
    with pytest.raises(StoreTooNew, match="9999"):
        await Store.open(str(path), ManualClock())


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    await asyncio.to_thread(path.write_text, "This is not a database, but long enough for a page.")
    with pytest.raises(StoreUnavailable):
        await Store.open(str(path), ManualClock())


async def test_what_waits_to_be_sent_outlives_an_upgrade(
    address: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "NEWEST", "0001")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _to: upgrade(config, "0001"))
    first = await Store.open(address, clock)
    async with first.database.write() as connection:
        deploy = {"deployment": "prod", "plan": {}, "digest": "", "actor": {}, "request": {}}
        await connection.execute(deploys.insert().values(id=7, created_at=clock.now(), **deploy))
        waiting = sa.text(
            "INSERT INTO outbox (id, deploy_id, topic, state, created_at)"
            " VALUES (3, 7, 'card', 'pending', '2026-03-01 12:00:00')"
        )
        await connection.execute(waiting)
    await first.close()
    monkeypatch.undo()
    second = await Store.open(address, clock)
    (intent,) = await second.outbox.due()
    assert (intent.id, intent.about, intent.topic) == (3, "deploy 7", "card")
    await second.close()
