"""What people say about an incident with a button: that they look after it, or to be quiet."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.model.people import Actor
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.posts import want_post, want_reply
from deploy_core.store.tables import incident_marks, incident_posts, incidents
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.marks import Mark, MarkKind


@uninterrupted
class Marks:
    """The marks of the incidents."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(self, incident_ids: Collection[int]) -> dict[int, tuple[Mark, ...]]:
        """Return the marks of each incident that has any, the oldest first."""
        query = (
            sa.select(incident_marks)
            .where(incident_marks.c.incident_id.in_(sorted(incident_ids)))
            .order_by(incident_marks.c.at)
        )
        found: dict[int, tuple[Mark, ...]] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(query)).all():
                found[row.incident_id] = (*found.get(row.incident_id, ()), _mark(row))
        return found

    async def put(
        self, incident_id: int, kind: MarkKind, by: Actor, *, until: datetime | None = None
    ) -> Mark | None:
        """Write a mark and have it shown. Returns None, or with nothing written the mark that is
        there already and still holds."""
        now = self._clock.now()
        said = {"actor": by.model_dump(mode="json"), "at": now, "until": until}
        values = {"incident_id": incident_id, "mark": kind.value, **said}
        async with self._database.write() as connection:
            if not await insert_once(connection, incident_marks, values, ["incident_id", "mark"]):
                same = sa.and_(
                    incident_marks.c.incident_id == incident_id, incident_marks.c.mark == kind.value
                )
                row = (await connection.execute(sa.select(incident_marks).where(same))).one()
                if row.until is None or row.until > now:
                    return _mark(row)
                await connection.execute(incident_marks.update().where(same).values(said))
            await _show(connection, incident_id, kind, now)
        return None


async def _show(
    connection: AsyncConnection, incident_id: int, kind: MarkKind, now: datetime
) -> None:
    query = sa.select(incident_posts.c.post_id).where(incident_posts.c.incident_id == incident_id)
    for post_id in (await connection.execute(query)).scalars().all():
        if kind is MarkKind.TRACE:
            await want_reply(connection, post_id, "trace", now, incident_id)
        await want_post(connection, post_id, now)


async def muted(
    connection: AsyncConnection, incident_ids: Collection[int], at: datetime
) -> set[int]:
    """Return those incidents of which nothing is to be said: they, or earlier ones of the same
    subject, are muted."""
    if not incident_ids:
        return set()
    mine = incidents.alias("mine")
    query = (
        sa.select(mine.c.id)
        .join(
            incidents,
            sa.and_(
                incidents.c.deployment == mine.c.deployment,
                incidents.c.kind == mine.c.kind,
                incidents.c.subject == mine.c.subject,
            ),
        )
        .join(incident_marks, incident_marks.c.incident_id == incidents.c.id)
        .where(
            mine.c.id.in_(sorted(incident_ids)),
            incident_marks.c.mark == MarkKind.MUTED.value,
            incident_marks.c.until > at,
        )
    )
    return set((await connection.execute(query)).scalars())


def _mark(row: sa.Row[tuple[object, ...]]) -> Mark:
    return Mark(MarkKind(row.mark), Actor.model_validate(row.actor), row.at, row.until)
