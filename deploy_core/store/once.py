"""Inserting a row unless it is there: the same on both engines, and without a race."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(
    connection: AsyncConnection,
    table: sa.Table,
    values: dict[str, Any],
    unique: list[str],
    where: sa.TextClause | None = None,
) -> bool:
    """Insert a row and return True, or return False when one with the same `unique` columns is
    there. `where` is the condition of a partial unique index."""
    insert = _insert(connection.dialect, table).values(values)
    added = await connection.execute(
        insert.on_conflict_do_nothing(index_elements=unique, index_where=where)
    )
    return bool(added.rowcount)


def insert_all_once(
    connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], key: sa.Column[str]
) -> set[str]:
    """Insert the rows whose `key` isn't there yet, in one statement, and return their keys. Of
    rows with the same key one is inserted."""
    insert = _insert(connection.dialect, table).on_conflict_do_nothing(index_elements=[key])
    return set(connection.execute(insert.returning(key), rows).scalars())


def _insert(dialect: sa.Dialect, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    if dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
