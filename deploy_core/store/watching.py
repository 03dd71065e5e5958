"""What the watcher saw last, its incidents, and the reports that are done once."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.model.people import Actor
from deploy_core.store.connection import Database
from deploy_core.store.look import Facts, Look
from deploy_core.store.looks import incident_from, keep_look
from deploy_core.store.once import insert_once
from deploy_core.store.posts import add_post, want_reply
from deploy_core.store.tables import (
    incident_events,
    incident_marks,
    incident_posts,
    incidents,
    observations,
    slots,
)
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.incidents import Incident, IncidentState, Said
from deploy_core.watch.marks import MarkKind


@dataclass(frozen=True)
class Kept:
    """The last look at one side of a deployment."""

    version: int
    at: datetime
    data: Facts


@dataclass(frozen=True)
class IncidentEvent:
    """One thing that was said of an incident."""

    id: int
    incident_id: int
    at: datetime
    said: Said
    data: Facts


@uninterrupted
class Watching:
    """The watcher's side of the store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def last(self, deployment: str, kind: str) -> Kept | None:
        """Return the last look, None before the first one."""
        query = sa.select(observations).where(
            observations.c.deployment == deployment, observations.c.kind == kind
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Kept(row.version, row.at, row.data)

    async def keep(self, look: Look) -> bool:
        """Keep a look and all that follows from it.

        Returns False, with nothing written, when another look was kept since `before`.
        """
        async with self._database.write() as connection:
            return await keep_look(connection, look)

    async def incidents_of(self, post_id: int) -> list[Incident]:
        """Return the incidents that a message tells of."""
        query = (
            sa.select(incidents)
            .join(incident_posts, incident_posts.c.incident_id == incidents.c.id)
            .where(incident_posts.c.post_id == post_id)
            .order_by(incidents.c.subject)
        )
        async with self._database.read() as connection:
            return [incident_from(row) for row in (await connection.execute(query)).all()]

    async def incident(self, incident_id: int) -> Incident | None:
        """Return one incident."""
        query = sa.select(incidents).where(incidents.c.id == incident_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else incident_from(row)

    async def event(self, event_id: int) -> tuple[IncidentEvent, Incident]:
        """Return one thing that was said, and the incident it was said of."""
        of_event = sa.select(incident_events).where(incident_events.c.id == event_id)
        async with self._database.read() as connection:
            row = (await connection.execute(of_event)).one()
            of_it = sa.select(incidents).where(incidents.c.id == row.incident_id)
            incident = incident_from((await connection.execute(of_it)).one())
        event = IncidentEvent(row.id, row.incident_id, row.at, Said(row.said), row.data)
        return event, incident

    async def broken(self, deployment: str, kind: str) -> list[Incident]:
        """Return what is broken just now, without that of which people were asked already."""
        asked = sa.select(incident_marks.c.incident_id).where(
            incident_marks.c.mark == MarkKind.NEEDS_PEOPLE.value
        )
        query = sa.select(incidents).where(
            incidents.c.deployment == deployment,
            incidents.c.kind == kind,
            incidents.c.state == IncidentState.OPEN.value,
            incidents.c.id.not_in(asked),
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(incidents.c.id))).all()
        return [incident_from(row) for row in rows]

    async def ask_people(self, incident_id: int, by: Actor, facts: Facts) -> bool:
        """Have it said in the thread, once, that only people can help. Returns whether this was
        the first time."""
        now = self._clock.now()
        mark = {
            "incident_id": incident_id,
            "mark": MarkKind.NEEDS_PEOPLE.value,
            "actor": by.model_dump(mode="json"),
            "at": now,
        }
        of_it = sa.select(incident_posts.c.post_id).where(
            incident_posts.c.incident_id == incident_id
        )
        async with self._database.write() as connection:
            if not await insert_once(connection, incident_marks, mark, ["incident_id", "mark"]):
                return False
            said = {"incident_id": incident_id, "at": now, "said": Said.NEEDS_PEOPLE.value}
            added = await connection.execute(incident_events.insert().values(**said, data=facts))
            event = int(added.inserted_primary_key.id)  # type: ignore[union-attr]
            for post_id in (await connection.execute(of_it)).scalars().all():
                await want_reply(connection, post_id, "event", now, event)
        return True

    async def settling(self, deployment: str, kind: str) -> bool:
        """Tell whether something has flapped and is well just now: then time alone ends it, and a
        look must be kept in which nothing else has changed."""
        query = (
            sa.select(incidents.c.id)
            .where(
                incidents.c.deployment == deployment,
                incidents.c.kind == kind,
                incidents.c.state == IncidentState.SETTLING.value,
            )
            .limit(1)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def lately(self, deployment: str, since: datetime) -> list[Incident]:
        """Return what is broken, and what has recovered since then, the longest first."""
        query = sa.select(incidents).where(
            incidents.c.deployment == deployment,
            sa.or_(incidents.c.ended_at.is_(None), incidents.c.ended_at >= since),
        )
        async with self._database.read() as connection:
            ordered = query.order_by(incidents.c.opened_at, incidents.c.id)
            rows = (await connection.execute(ordered)).all()
        return [incident_from(row) for row in rows]

    async def had_slot(self, report: str, slot: str) -> bool | None:
        """Return whether the report was done at this time; None if it never was done at all."""
        query = sa.select(slots.c.slot).where(slots.c.report == report)
        async with self._database.read() as connection:
            done = set((await connection.execute(query)).scalars())
        return slot in done if done else None

    async def claim_slot(
        self,
        report: str,
        slot: str,
        *,
        channel: str | None = None,
        data: Facts | None = None,
        kind: str = "digest",
    ) -> bool:
        """Return True for the first process that comes to do `report` at this time. With `data` the
        message is written in the same step: either both are kept, or neither is."""
        now = self._clock.now()
        values = {"report": report, "slot": slot, "at": now}
        async with self._database.write() as connection:
            if not await insert_once(connection, slots, values, ["report", "slot"]):
                return False
            if channel is not None and data is not None:
                key = f"{report}:{slot}:{channel}"
                await add_post(connection, key=key, kind=kind, channel=channel, data=data, at=now)
        return True
