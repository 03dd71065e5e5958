"""What Slack sent us: seen once, and kept until it was dealt with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_all_once, insert_once
from deploy_core.store.tables import inbox
from deploy_core.store.together import Together
from deploy_core.store.uninterrupted import uninterrupted

REMEMBER = timedelta(hours=1)
"""Slack's last retry of an event comes after about five minutes."""


@dataclass(frozen=True)
class Unfinished:
    """A payload that was taken but not dealt with before its process ended."""

    key: str
    payload: dict[str, JsonValue]


@dataclass(frozen=True)
class _New:
    """A payload that came."""

    key: str
    payload: dict[str, JsonValue] | None


@uninterrupted
class Inbox:
    """Payloads by a key of their own.

    What comes while a transaction runs shares the next one: of sixteen people at once nobody waits
    for sixteen writes to the disk. What was dealt with is noted in the same way, after those.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._taken = Together(self._take_all)
        self._done = Together(self._done_all)

    async def take(
        self,
        key: str,
        *,
        payload: dict[str, JsonValue] | None = None,
    ) -> bool:
        """Return True when the payload is new, and keep it until `done`."""
        return await self._taken.ask(_New(key, payload))

    async def just_said(self, words: str, within: timedelta) -> bool:
        """Return True when the same words (with who said them) came within this time before."""
        now = self._clock.now()
        async with self._database.write(urgent=True) as connection:
            return not await _not_just_said(connection, words, within, now)

    async def done(self, key: str) -> None:
        """The payload was dealt with."""
        await self._done.ask(key)

    async def _take_all(self, asked: Sequence[_New]) -> list[bool]:
        now = self._clock.now()
        rows = [_row(each.key, now, each.payload) for each in asked]
        async with self._database.write(urgent=True) as connection:
            added = await insert_all_once(connection, inbox, rows, inbox.c.key)
        # Of several with the same key only the first that asked is new.
        return [_first(added, each.key) for each in asked]

    async def _done_all(self, keys: Sequence[str]) -> Sequence[str]:
        async with self._database.write() as connection:
            await connection.execute(
                inbox.update().where(inbox.c.key.in_(keys)).values(done_at=self._clock.now())
            )
        return keys

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


def _first(added: set[str], key: str) -> bool:
    first = key in added
    added.discard(key)
    return first


def _row(key: str, now: datetime, payload: dict[str, JsonValue] | None = None) -> dict[str, Any]:
    return {"key": key, "at": now, "payload": payload, "done_at": None if payload else now}


async def _not_just_said(
    connection: AsyncConnection, same: str, within: timedelta, now: datetime
) -> bool:
    if await insert_once(connection, inbox, _row(same, now), ["key"]):
        return True
    refreshed = await connection.execute(
        inbox.update().where(inbox.c.key == same, inbox.c.at <= now - within).values(at=now)
    )
    return bool(refreshed.rowcount)
