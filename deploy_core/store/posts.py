"""Messages that belong to no deploy: each is posted once, edited, and answered in its thread."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

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


@uninterrupted
class Posts:
    """The rows of the posts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, post_id: int) -> Post:
        """Return one post."""
        query = sa.select(posts).where(posts.c.id == post_id)
        async with self._database.read() as connection:
            return Post(**(await connection.execute(query)).mappings().one())


async def add_post(
    connection: AsyncConnection,
    *,
    key: str,
    kind: str,
    channel: str,
    data: dict[str, JsonValue],
    at: datetime,
) -> int | None:
    """Write a post and ask for it to be sent; return its number, or None when one with this key
    was written before: whoever asks twice posts once."""
    values = {"key": key, "kind": kind, "channel": channel, "data": data, "created_at": at}
    if not await insert_once(connection, posts, values, ["key"]):
        return None
    query = sa.select(posts.c.id).where(posts.c.key == key)
    post_id = int((await connection.execute(query)).scalar_one())
    await want_post(connection, post_id, at)
    return post_id


async def want_post(connection: AsyncConnection, post_id: int, at: datetime) -> None:
    """Ask for a post to be drawn again, unless that already waits to be done."""
    values = {"post_id": post_id, "topic": "card", "state": "pending", "created_at": at}
    await insert_once(connection, outbox, values, ["post_id"], WAITING_CARD)


async def want_reply(
    connection: AsyncConnection, post_id: int, topic: str, at: datetime, position: int | None = None
) -> None:
    """Ask for an answer in the thread of a post; it comes after all that was asked before."""
    values = {"post_id": post_id, "topic": topic, "position": position, "state": "pending"}
    await connection.execute(outbox.insert().values(**values, created_at=at))
