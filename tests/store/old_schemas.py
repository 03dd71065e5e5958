"""Databases as earlier versions left them: `schemas/REVISION.json` has rows as that version's own
code wrote them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from deploy_core.store import migrate
from deploy_core.store.connection import Database
from deploy_core.store.store import database_url

ROWS = Path(__file__).parent / "schemas"
_FOLDER = Path(migrate.__file__).parent / "migrations"

REVISIONS = [script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()][::-1]
"""All that exist, oldest first."""


async def old_database(address: str, revision: str) -> None:
    """Make a database that has gone through every version up to this revision, with the rows that
    each of them has left."""
    database = Database(database_url(address))
    for each in REVISIONS[: REVISIONS.index(revision) + 1]:
        await migrate.bring_up_to_date(database.engine, each)
        rows = ROWS / f"{each}.json"
        if rows.exists():
            async with database.write() as connection:
                await connection.run_sync(_fill, json.loads(rows.read_text("utf-8")))
    await database.close()


def _fill(connection: sa.Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = sa.MetaData()
    tables.reflect(connection)
    for name, of_table in rows.items():
        table = tables.tables[name]
        for row in of_table:
            connection.execute(table.insert().values(_typed(table, row)))
        numbered = "id" in table.c and isinstance(table.c["id"].type, sa.Integer)
        if numbered and connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"  # noqa: S608
            )


def _typed(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: datetime.fromisoformat(value) if isinstance(table.c[key].type, sa.DateTime) else value
        for key, value in row.items()
    }
