"""What Slack sent us: seen once, and kept until it was dealt with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.tables import inbox
from deploy_core.store.uninterrupted import uninterrupted

REMEMBER = timedelta(hours=1)
"""Slack's last retry of an event comes after about five minutes."""


@dataclass(frozen=True)
class Unfinished:
    """A payload that was taken but not dealt with before its process ended."""

    key: str
    payload: dict[str, JsonValue]


class Taken(Enum):
    """What became of something that was said."""

    NEW = auto()
    SEEN = auto()  # Slack delivered it before
    SAID_TWICE = auto()  # another delivery, but the same words a moment ago


@uninterrupted
class Inbox:
    """Payloads by a key of their own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(
        self,
        key: str,
        *,
        payload: dict[str, JsonValue] | None = None,
    ) -> bool:
        """Return True when the payload is new, and keep it until `done`."""
        now = self._clock.now()
        async with self._database.write() as connection:
            return await _insert(connection, key, now, payload)

    async def take_words(
        self, key: str, *, payload: dict[str, JsonValue], words: str, within: timedelta
    ) -> Taken:
        """Take a payload unless the same words (with who said them) came within this time before.

        What was said twice isn't kept: nothing of it is to be done after a crash.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            if not await _insert(connection, key, now, payload):
                return Taken.SEEN
            if await _not_just_said(connection, words, within, now):
                return Taken.NEW
            await connection.execute(
                inbox.update().where(inbox.c.key == key).values(payload=None, done_at=now)
            )
            return Taken.SAID_TWICE

    async def done(self, key: str) -> None:
        """The payload was dealt with."""
        async with self._database.write() as connection:
            await connection.execute(
                inbox.update().where(inbox.c.key == key).values(done_at=self._clock.now())
            )

    async def unfinished(self, younger_than: timedelta) -> list[Unfinished]:
        """Return what was taken in this last time and not dealt with, oldest first."""
        since = self._clock.now() - younger_than
        query = (
            sa.select(inbox)
            .where(inbox.c.done_at.is_(None), inbox.c.at >= since)
            .order_by(inbox.c.at)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Unfinished(key=row.key, payload=row.payload) for row in rows]

    async def forget_old(self) -> int:
        """Delete what is older than `REMEMBER`; returns how many rows went."""
        before = self._clock.now() - REMEMBER
        async with self._database.write() as connection:
            gone = await connection.execute(inbox.delete().where(inbox.c.at < before))
        return int(gone.rowcount)


async def _insert(
    connection: AsyncConnection, key: str, now: datetime, payload: dict[str, JsonValue] | None
) -> bool:
    values = {"key": key, "at": now, "payload": payload, "done_at": None if payload else now}
    return await insert_once(connection, inbox, values, ["key"])


async def _not_just_said(
    connection: AsyncConnection, same: str, within: timedelta, now: datetime
) -> bool:
    if await _insert(connection, same, now, None):
        return True
    refreshed = await connection.execute(
        inbox.update().where(inbox.c.key == same, inbox.c.at <= now - within).values(at=now)
    )
    return bool(refreshed.rowcount)
