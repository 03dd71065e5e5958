"""What people have subscribed channels to, and what they have muted."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.model.people import Actor
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.tables import mutes, subscriptions
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.subscriptions import Mute, Subscription


@dataclass(frozen=True)
class Kept:
    """A subscription with its number, and who has made it when."""

    id: int
    subscription: Subscription
    by: Actor
    at: datetime


@uninterrupted
class Subscriptions:
    """The rows of the subscriptions and of the mutes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[Kept]:
        """Return every subscription, the oldest first."""
        query = sa.select(subscriptions).order_by(subscriptions.c.id)
        async with self._database.read() as connection:
            return [_kept(row) for row in (await connection.execute(query)).all()]

    async def get(self, number: int) -> Kept | None:
        """Return one subscription."""
        query = sa.select(subscriptions).where(subscriptions.c.id == number)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _kept(row)

    async def add(self, wanted: Subscription, by: Actor, *, origin: str) -> tuple[Kept, bool]:
        """Write a subscription down, and return it and whether it is new: the same one isn't
        written twice, and neither is one of the same payload."""
        values = {
            "channel": wanted.channel,
            "data": wanted.model_dump(mode="json"),
            "actor": by.model_dump(mode="json"),
            "at": self._clock.now(),
            "origin": origin,
        }
        of_channel = sa.select(subscriptions).where(subscriptions.c.channel == wanted.channel)
        async with self._database.write() as connection:
            for row in (await connection.execute(of_channel)).all():
                if Subscription.model_validate(row.data) == wanted:
                    return _kept(row), row.origin == origin
            await insert_once(connection, subscriptions, values, ["origin"])
            query = sa.select(subscriptions).where(subscriptions.c.origin == origin)
            return _kept((await connection.execute(query)).one()), True

    async def remove(self, number: int) -> bool:
        """End a subscription. Returns False where there was none."""
        query = subscriptions.delete().where(subscriptions.c.id == number)
        async with self._database.write() as connection:
            return bool((await connection.execute(query)).rowcount)

    async def mutes(self, now: datetime) -> list[Mute]:
        """Return the mutes that still hold."""
        query = sa.select(mutes).where(mutes.c.until > now).order_by(mutes.c.id)
        async with self._database.read() as connection:
            return [_mute(row) for row in (await connection.execute(query)).all()]

    async def mute(self, wanted: Mute, by: Actor) -> None:
        """Mute a channel; those that were over long ago are forgotten."""
        values = {
            "channel": wanted.channel,
            "data": wanted.model_dump(mode="json", exclude={"until"}),
            "until": wanted.until,
            "actor": by.model_dump(mode="json"),
            "at": self._clock.now(),
        }
        async with self._database.write() as connection:
            await connection.execute(mutes.delete().where(mutes.c.until <= self._clock.now()))
            await connection.execute(mutes.insert().values(values))

    async def unmute(self, channel: str) -> bool:
        """End all mutes of a channel. Returns False where there were none."""
        query = mutes.delete().where(mutes.c.channel == channel)
        async with self._database.write() as connection:
            return bool((await connection.execute(query)).rowcount)


def _kept(row: sa.Row[tuple[object, ...]]) -> Kept:
    return Kept(
        row.id, Subscription.model_validate(row.data), Actor.model_validate(row.actor), row.at
    )


def _mute(row: sa.Row[tuple[object, ...]]) -> Mute:
    return Mute.model_validate({**row.data, "until": row.until})
