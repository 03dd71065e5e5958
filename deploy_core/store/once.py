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
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = kind.insert(table).values(values)
    added = await connection.execute(
        insert.on_conflict_do_nothing(index_elements=unique, index_where=where)
    )
    return bool(added.rowcount)
