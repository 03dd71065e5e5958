"""What Slack sent us: seen once, and kept until it was dealt with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.leases import Leases
from deploy_core.store.once import insert_all_once
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


class Taken(Enum):
    """What became of something that was said."""

    NEW = auto()
    SEEN = auto()  # Slack delivered it before
    SAID_TWICE = auto()  # another delivery, but the same words a moment ago


@dataclass(frozen=True)
class _New:
    """A payload that came; with `words` it counts only if nobody said them `within` this time."""

    key: str
    payload: dict[str, JsonValue] | None
    words: str | None = None
    within: timedelta = timedelta()


@uninterrupted
class Inbox:
    """Payloads by a key of their own.

    What comes while a transaction runs shares the next one: of sixteen people at once nobody waits
    for sixteen writes to the disk. What was dealt with is noted in the same way, after those.
    """

    def __init__(self, database: Database, clock: Clock, leases: Leases, process: str) -> None:
        self._database = database
        self._clock = clock
        self._leases = leases
        self._process = process
        self._taken = Together(self._take_all)
        self._done = Together(self._done_all)

    async def take(
        self,
        key: str,
        *,
        payload: dict[str, JsonValue] | None = None,
    ) -> bool:
        """Return True when the payload is new, and keep it until `done`."""
        return await self._taken.ask(_New(key, payload)) is Taken.NEW

    async def take_words(
        self, key: str, *, payload: dict[str, JsonValue], words: str, within: timedelta
    ) -> Taken:
        """Take a payload unless the same words (with who said them) came within this time before.

        What was said twice isn't kept: nothing of it is to be done after a crash.
        """
        return await self._taken.ask(_New(key, payload, words, within))

    async def unsay(self, words: str) -> None:
        """Let the same words count as new: what they asked for was refused."""
        said = inbox.delete().where(inbox.c.key == words)
        await self._database.write_at_once(lambda c: c.execute(said), quiet=True)

    async def done(self, key: str) -> None:
        """The payload was dealt with."""
        await self._done.ask(key)

    async def touch(self, key: str) -> None:
        """Write a row that means nothing. Raises `StoreUnavailable`."""
        now = self._clock.now()

        def write(connection: sa.Connection) -> None:
            if not insert_all_once(connection, inbox, [_row(key, now)], inbox.c.key):
                connection.execute(inbox.update().where(inbox.c.key == key).values(at=now))

        await self._database.write_at_once(write, urgent=True, quiet=True)

    async def _take_all(self, asked: Sequence[_New]) -> list[Taken]:
        now = self._clock.now()
        rows = [_row(each.key, now, each.payload, self._process) for each in asked]

        def write(connection: sa.Connection) -> list[Taken]:
            added = insert_all_once(connection, inbox, rows, inbox.c.key)
            # Of several with the same key only the first that asked is new.
            return [
                _said(connection, each, now) if _first(added, each.key) else Taken.SEEN
                for each in asked
            ]

        return await self._database.write_at_once(write, urgent=True, quiet=True)

    async def _done_all(self, keys: Sequence[str]) -> Sequence[str]:
        dealt_with = inbox.update().where(inbox.c.key.in_(keys)).values(done_at=self._clock.now())
        await self._database.write_at_once(lambda c: c.execute(dealt_with), quiet=True)
        return keys

    async def unfinished(self, younger_than: timedelta) -> list[Unfinished]:
        """Take over what processes that died had taken in this last time and not dealt with, and
        return it, oldest first."""
        since = self._clock.now() - younger_than
        left = sa.and_(
            inbox.c.done_at.is_(None),
            inbox.c.at >= since,
            inbox.c.worker.is_distinct_from(self._process),
            inbox.c.worker.is_(None) | inbox.c.worker.not_in(self._leases.alive()),
        )
        query = sa.select(inbox).where(left).order_by(inbox.c.at).with_for_update(skip_locked=True)
        async with self._database.read() as connection:
            if (
                await connection.execute(sa.select(inbox.c.key).where(left).limit(1))
            ).first() is None:
                return []
        async with self._database.write(quiet=True) as connection:
            rows = (await connection.execute(query)).all()
            keys = [row.key for row in rows]
            await connection.execute(
                inbox.update().where(inbox.c.key.in_(keys)).values(worker=self._process)
            )
        return [Unfinished(key=row.key, payload=row.payload) for row in rows]

    async def payload_of(self, key: str) -> dict[str, JsonValue] | None:
        """Return a payload that was taken, dealt with or not; None for one that is forgotten."""
        query = sa.select(inbox.c.payload).where(inbox.c.key == key)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar()

    async def forget_old(self) -> int:
        """Delete what is older than `REMEMBER`; returns how many rows went."""
        before = self._clock.now() - REMEMBER
        async with self._database.write(quiet=True) as connection:
            gone = await connection.execute(inbox.delete().where(inbox.c.at < before))
        return int(gone.rowcount)


def _said(connection: sa.Connection, new: _New, now: datetime) -> Taken:
    if new.words is None or _not_just_said(connection, new.words, new.within, now):
        return Taken.NEW
    nothing_to_do = inbox.update().where(inbox.c.key == new.key)
    connection.execute(nothing_to_do.values(payload=None, done_at=now))
    return Taken.SAID_TWICE


def _not_just_said(connection: sa.Connection, words: str, within: timedelta, now: datetime) -> bool:
    if insert_all_once(connection, inbox, [_row(words, now)], inbox.c.key):
        return True
    old = inbox.update().where(inbox.c.key == words, inbox.c.at <= now - within)
    return bool(connection.execute(old.values(at=now)).rowcount)


def _first(added: set[str], key: str) -> bool:
    first = key in added
    added.discard(key)
    return first


def _row(
    key: str,
    now: datetime,
    payload: dict[str, JsonValue] | None = None,
    process: str | None = None,
) -> dict[str, Any]:
    done_at = None if payload else now
    return {"key": key, "at": now, "payload": payload, "done_at": done_at, "worker": process}
