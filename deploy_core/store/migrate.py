"""Brings the tables to the newest schema with Alembic, which is imported only when needed."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deploy_core.model.errors import StoreTooNew

NEWEST = "0014"
"""The revision that this code works with: the last file of `migrations/versions`."""


_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(7236051)")


async def bring_up_to_date(engine: AsyncEngine, to: str = "head") -> None:
    """Upgrade the schema to `NEWEST`, in one transaction: all of it, or nothing.

    Of two processes that do it at once, one waits for the other. Raises `StoreTooNew` if the
    schema is from a later version. Tests name another revision with `to`.
    """
    async with engine.connect() as connection:
        found = await connection.run_sync(_revision)
        await connection.rollback()
        if found == NEWEST:
            return
        # A table that others refer to can only be made anew while nobody looks at references;
        # what they are like at the end is looked at before it counts.
        await _references(connection, checked=False)
        try:
            writer = await connection.execution_options(writes=True)
            await writer.run_sync(_upgrade, to)
            await writer.commit()
        finally:
            await connection.rollback()
            await _references(connection, checked=True)


async def _references(connection: AsyncConnection, *, checked: bool) -> None:
    """Tell SQLite whether to look at foreign keys; it listens only outside of a transaction."""
    if connection.dialect.name == "sqlite":
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.execute(f"PRAGMA foreign_keys={'ON' if checked else 'OFF'}")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    found = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreTooNew(
            f"The database has schema {found}, which this version doesn't know (it has {NEWEST})."
        )
    command.upgrade(config, to)
    if connection.dialect.name == "sqlite":
        wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if wrong is not None:
            raise sa.exc.DatabaseError(None, None, Exception(f"A migration lost a row: {wrong}"))
