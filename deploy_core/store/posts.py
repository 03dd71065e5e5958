"""Messages that belong to no deploy: each is posted once, edited, and answered in its thread."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.tables import WAITING_CARD, outbox, posts
from deploy_core.store.uninterrupted import uninterrupted


@dataclass(frozen=True)
class Post:
    """One message; `ts` is there once it was posted. `data` says what it is about."""

    id: int
    key: str
    kind: str
    channel: str
    ts: str | None
    data: dict[str, JsonValue]
    created_at: datetime
    held_until: datetime | None = None


@uninterrupted
class Posts:
    """The rows of the posts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, post_id: int) -> Post:
        """Return one post."""
        query = sa.select(posts).where(posts.c.id == post_id)
        async with self._database.read() as connection:
            return Post(**(await connection.execute(query)).mappings().one())

    async def add(
        self,
        *,
        key: str,
        kind: str,
        channel: str,
        data: dict[str, JsonValue],
        held_until: datetime | None = None,
    ) -> int | None:
        """Write a post and ask for it to be sent, as `add_post` does."""
        async with self._database.write() as connection:
            return await add_post(
                connection,
                key=key,
                kind=kind,
                channel=channel,
                data=data,
                at=self._clock.now(),
                held_until=held_until,
            )


async def add_post(
    connection: AsyncConnection,
    *,
    key: str,
    kind: str,
    channel: str,
    data: dict[str, JsonValue],
    at: datetime,
    held_until: datetime | None = None,
) -> int | None:
    """Write a post and ask for it to be sent; return its number, or None when one with this key
    was written before: whoever asks twice posts once. The key ends with the channel. One that is
    held back is asked for when its time has come."""
    values = {
        "key": key,
        "kind": kind,
        "channel": channel,
        "data": data,
        "created_at": at,
        "held_until": held_until,
    }
    if not await insert_once(connection, posts, values, ["key"]):
        return None
    query = sa.select(posts.c.id).where(posts.c.key == key)
    post_id = int((await connection.execute(query)).scalar_one())
    await want_post(connection, post_id, at)
    return post_id


def belongs_to(key: str) -> str:
    """Return the channel that a post was written for, wherever it stands."""
    return key.rpartition(":")[2]


async def _is_held(connection: AsyncConnection, post_id: int) -> bool:
    query = sa.select(posts.c.held_until).where(posts.c.id == post_id)
    return (await connection.execute(query)).scalar_one() is not None


async def want_post(connection: AsyncConnection, post_id: int, at: datetime) -> None:
    """Ask for a post to be drawn again, unless it is held back or that already waits to be
    done."""
    if await _is_held(connection, post_id):
        return
    values = {"post_id": post_id, "topic": "card", "state": "pending", "created_at": at}
    await insert_once(connection, outbox, values, ["post_id"], WAITING_CARD)


async def want_reply(
    connection: AsyncConnection, post_id: int, topic: str, at: datetime, position: int | None = None
) -> None:
    """Ask for an answer in the thread of a post; it comes after all that was asked before. One
    that is held back has no thread: when its time has come it tells how things are then."""
    if await _is_held(connection, post_id):
        return
    values = {"post_id": post_id, "topic": topic, "position": position, "state": "pending"}
    await connection.execute(outbox.insert().values(**values, created_at=at))
