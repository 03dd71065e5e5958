"""Brings the tables to the newest schema with Alembic, which is imported only when needed."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy_core.model.errors import StoreTooNew

NEWEST = "0005"
"""The revision that this code works with: the last file of `migrations/versions`."""


async def bring_up_to_date(engine: AsyncEngine) -> None:
    """Upgrade the schema to `NEWEST`. Raises `StoreTooNew` if it is from a later version."""
    async with engine.connect() as connection:
        found = await connection.run_sync(_revision)
        await connection.rollback()
        if found == NEWEST:
            return
        writer = await connection.execution_options(writes=True)
        await writer.run_sync(_upgrade)
        await writer.commit()


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    found = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreTooNew(
            f"The database has schema {found}, which this version doesn't know (it has {NEWEST})."
        )
    command.upgrade(config, "head")
