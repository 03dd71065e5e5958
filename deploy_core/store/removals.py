"""What removed code locations were, so that they can be brought back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.model.people import Actor
from deploy_core.model.plan import Document
from deploy_core.store.connection import Database
from deploy_core.store.tables import applied, removals
from deploy_core.store.uninterrupted import uninterrupted


@dataclass(frozen=True)
class Removal:
    """One removal: what the location was, who removed it and when."""

    deployment: str
    location: str
    document: Document
    by: Actor
    at: datetime


@uninterrupted
class Removals:
    """A row a removal, written before anything is removed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(
        self,
        deployment: str,
        location: str,
        document: Document,
        by: Actor,
        origin: str | None = None,
    ) -> None:
        """Keep what is about to be removed; the same `origin` keeps it once."""
        if origin is not None and await self.made_from(origin) is not None:
            return
        values = {
            "deployment": deployment,
            "location": location,
            "document": document,
            "actor": by.model_dump(mode="json"),
            "at": self._clock.now(),
            "origin": origin,
        }
        async with self._database.write() as connection:
            await connection.execute(removals.insert().values(values))

    async def forget_applied(self, deployment: str, location: str) -> None:
        """Forget what was sent and seen before: it is no longer what to merge with or to put back
        when something new of this name is added."""
        async with self._database.write() as connection:
            await connection.execute(
                applied.delete().where(
                    applied.c.deployment == deployment, applied.c.location == location
                )
            )

    async def made_from(self, origin: str) -> Removal | None:
        """Return the removal that a payload asked for."""
        return await self._newest(removals.c.origin == origin)

    async def last(self, deployment: str, location: str) -> Removal | None:
        """Return the last removal of a location."""
        return await self._newest(
            sa.and_(removals.c.deployment == deployment, removals.c.location == location)
        )

    async def since(self, deployment: str, at: datetime) -> set[str]:
        """Return the locations that were removed since a moment."""
        query = sa.select(removals.c.location).where(
            removals.c.deployment == deployment, removals.c.at >= at
        )
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def names(self, deployment: str) -> tuple[str, ...]:
        """Return the names of all locations that were removed from a deployment."""
        query = (
            sa.select(removals.c.location)
            .where(removals.c.deployment == deployment)
            .distinct()
            .order_by(removals.c.location)
        )
        async with self._database.read() as connection:
            return tuple((await connection.execute(query)).scalars())

    async def _newest(self, which: sa.ColumnElement[bool]) -> Removal | None:
        query = sa.select(removals).where(which).order_by(removals.c.id.desc()).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _removal(row)


def _removal(row: sa.Row[Any]) -> Removal:
    return Removal(
        deployment=row.deployment,
        location=row.location,
        document=row.document,
        by=Actor.model_validate(row.actor),
        at=row.at,
    )
