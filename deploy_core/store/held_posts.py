"""What was held back in quiet hours or while a channel was muted, when its time has come."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.look import Facts
from deploy_core.store.look_posts import MOST_CHANGES, all_ended
from deploy_core.store.posts import add_post, belongs_to, want_post
from deploy_core.store.tables import incident_posts, posts
from deploy_core.store.uninterrupted import uninterrupted

Row = sa.Row[Any]


@uninterrupted
class HeldPosts:
    """The posts that wait for a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def release(self) -> int:
        """Ask for what has waited long enough: what is still so gets its message, what is over is
        told in one, and changes from outside are one too. Returns how many there were."""
        now = self._clock.now()
        due = posts.c.held_until <= now
        async with self._database.read() as connection:
            if (
                await connection.execute(sa.select(posts.c.id).where(due).limit(1))
            ).first() is None:
                return 0
        async with self._database.write() as connection:
            query = posts.update().where(due).values(held_until=None).returning(posts)
            rows = sorted((await connection.execute(query)).all(), key=lambda row: row.id)
            places: dict[tuple[str, str], list[Row]] = defaultdict(list)
            for row in rows:
                places[row.channel, str(row.data.get("deployment"))].append(row)
            for of_place in places.values():
                await _release(connection, of_place, now)
        return len(rows)


async def _release(connection: AsyncConnection, rows: Sequence[Row], now: datetime) -> None:
    over: list[Row] = []
    for row in rows:
        if row.kind == "incidents" and await all_ended(connection, row.id):
            over.append(row)
        elif row.kind != "changes":
            await want_post(connection, row.id, now)
    changes = [row for row in rows if row.kind == "changes"]
    if changes:
        await _one_of_changes(connection, changes)
        await want_post(connection, changes[0].id, now)
    if over:
        await _tell_over(connection, over, now)


async def _one_of_changes(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Put all into the first, and remove the others."""
    every: list[JsonValue] = [change for row in rows for change in row.data["changes"]]
    count = sum(int(row.data["count"]) for row in rows)
    data: Facts = {**rows[0].data, "changes": every[:MOST_CHANGES], "count": count}
    await connection.execute(posts.update().where(posts.c.id == rows[0].id).values(data=data))
    others = [row.id for row in rows[1:]]
    await connection.execute(posts.delete().where(posts.c.id.in_(others)))


async def _tell_over(connection: AsyncConnection, rows: Sequence[Row], now: datetime) -> None:
    of_posts = incident_posts.c.post_id.in_([row.id for row in rows])
    query = sa.select(incident_posts.c.incident_id).where(of_posts).distinct()
    found = sorted((await connection.execute(query)).scalars())
    deployment = str(rows[0].data.get("deployment"))
    incidents: list[JsonValue] = [*found]
    since = min(row.created_at for row in rows)
    await add_post(
        connection,
        key=f"meanwhile:{deployment}:{rows[0].id}:{belongs_to(rows[0].key)}",
        kind="meanwhile",
        channel=rows[0].channel,
        data={"deployment": deployment, "incidents": incidents, "since": since.isoformat()},
        at=now,
    )
