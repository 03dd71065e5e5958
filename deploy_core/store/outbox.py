"""What Slack is still to be told, in order. The rows say what about; the sender renders it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.model.deploys import Place
from deploy_core.store.connection import Database
from deploy_core.store.leases import Leases
from deploy_core.store.posts import want_post
from deploy_core.store.record import want_card
from deploy_core.store.tables import deploys, outbox, posts
from deploy_core.store.uninterrupted import uninterrupted

LONGEST_DELAY = timedelta(minutes=5)
"""What is to wait for longer is due: somebody has set the clock back since it was written."""


@dataclass(frozen=True)
class Intent:
    """One thing to say, about a deploy or about a post.

    Of a deploy `topic` is `card`, `detail` (of the target at `position`) or `ended`; of a post it
    is `card`, or what is said in its thread. `deploy_ended` says whether the deploy had ended when
    this was read. `unsure` says that it may be in Slack already: the process that sent it died
    before it heard the answer.
    """

    id: int
    topic: str
    position: int | None
    attempts: int
    created_at: datetime
    deploy_id: int | None = None
    post_id: int | None = None
    deploy_ended: bool = False
    unsure: bool = False

    @property
    def about(self) -> str:
        """What it is about, in words: things of which each has its own order."""
        return f"deploy {self.deploy_id}" if self.post_id is None else f"post {self.post_id}"


WAITING = ("pending", "unsure")
NOT_SENT = (*WAITING, "sending")


@dataclass(frozen=True)
class Waiting:
    """What Slack hasn't been told yet."""

    count: int
    since: datetime | None


@uninterrupted
class Outbox:
    """The waiting intents."""

    def __init__(self, database: Database, clock: Clock, leases: Leases, process: str) -> None:
        self._database = database
        self._clock = clock
        self._leases = leases
        self._process = process

    async def due(self) -> list[Intent]:
        """Return the first waiting intent of each deploy and of each post, if its time has come,
        oldest first.

        Only the first of each: its thread must not come before its card.
        """
        now = self._clock.now()
        first = (
            sa.select(sa.func.min(outbox.c.id))
            .where(outbox.c.state.in_(NOT_SENT))
            .group_by(outbox.c.deploy_id, outbox.c.post_id)
        )
        query = (
            sa.select(outbox, deploys.c.ended_at)
            .outerjoin(deploys)
            .where(
                outbox.c.id.in_(first),
                outbox.c.state.in_(WAITING),
                _has_come(now),
            )
            .order_by(outbox.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Intent(
                r.id,
                r.topic,
                r.position,
                r.attempts,
                r.created_at,
                deploy_id=r.deploy_id,
                post_id=r.post_id,
                deploy_ended=r.ended_at is not None,
                unsure=r.state == "unsure",
            )
            for r in rows
        ]

    async def waiting(self) -> Waiting:
        """Return how many intents are still to be sent, and since when the oldest waits."""
        query = sa.select(sa.func.count(), sa.func.min(outbox.c.created_at))
        query = query.where(outbox.c.state.in_(NOT_SENT))
        async with self._database.read() as connection:
            count, since = (await connection.execute(query)).one()
        return Waiting(count, since)

    async def take(self, intent: Intent) -> bool:
        """Mark the intent as being sent, so that a change meanwhile asks for a new card.

        Returns False when another process was faster.
        """
        async with self._database.write() as connection:
            changed = await connection.execute(
                outbox.update()
                .where(outbox.c.id == intent.id, outbox.c.state.in_(WAITING))
                .values(state="sending", worker=self._process)
            )
        return bool(changed.rowcount)

    async def place(self, intent: Intent) -> Place | None:
        """Return where the card of what the intent is about is now."""
        deploy, post = deploys.c.id == intent.deploy_id, posts.c.id == intent.post_id
        query = sa.select(deploys.c.channel, deploys.c.card_ts.label("ts")).where(deploy)
        if intent.post_id is not None:
            query = sa.select(posts.c.channel, posts.c.ts).where(post)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None or row.channel is None else Place(channel=row.channel, ts=row.ts)

    async def posted(self, intent: Intent, place: Place) -> bool:
        """Note where the card of what the intent is about is now. Returns False, and notes
        nothing, when another process has taken the intent over meanwhile."""
        async with self._database.write() as connection:
            ours = sa.select(outbox.c.id).where(self._is_ours(intent)).with_for_update()
            if (await connection.execute(ours)).first() is None:
                return False
            change = (
                deploys.update()
                .where(deploys.c.id == intent.deploy_id)
                .values(channel=place.channel, card_ts=place.ts)
            )
            if intent.post_id is not None:
                change = (
                    posts.update()
                    .where(posts.c.id == intent.post_id)
                    .values(channel=place.channel, ts=place.ts)
                )
            await connection.execute(change)
        return True

    async def sent(self, intent: Intent) -> None:
        """The message is out. If another process has taken the intent over meanwhile, what it has
        written since may be undone by ours: then the card is drawn once more."""
        now = self._clock.now()
        if await self._set(intent, state="sent", sent_at=now, error=None):
            return
        async with self._database.write() as connection:
            if intent.deploy_id is not None:
                await want_card(connection, intent.deploy_id, now)
            if intent.post_id is not None:
                await want_post(connection, intent.post_id, now)

    async def later(
        self, intent: Intent, delay: timedelta, why: str, *, unsure: bool = False
    ) -> None:
        """Try again after `delay`; a newer card that waits already makes this one needless, unless
        it is `unsure` whether this one is in Slack already."""
        async with self._database.write() as connection:
            ours = sa.select(outbox.c.id).where(self._is_ours(intent)).with_for_update()
            if (await connection.execute(ours)).first() is None:
                return
            newer = _waiting_card(intent.deploy_id, intent.post_id)
            not_before = self._clock.now() + min(delay, LONGEST_DELAY)
            waiting = (await connection.execute(newer)).scalar()
            values: dict[str, object] = {"attempts": intent.attempts + 1, "error": why[:500]}
            if unsure:
                values |= {"state": "unsure", "not_before": not_before}
            elif intent.topic == "card" and waiting is not None:
                values["state"] = "dropped"
                await connection.execute(
                    outbox.update()
                    .where(outbox.c.id == waiting)
                    .values(not_before=not_before, attempts=intent.attempts + 1)
                )
            else:
                values |= {"state": "pending", "not_before": not_before}
            await connection.execute(outbox.update().where(outbox.c.id == intent.id).values(values))

    async def give_up(self, intent: Intent, why: str) -> None:
        """Slack will never take it; the reason is kept."""
        await self._set(intent, state="dropped", error=why[:500])

    async def recover(self) -> int:
        """Take over what processes that died were sending: nobody knows whether Slack has it.
        Returns how many there were."""
        left = sa.and_(
            outbox.c.state == "sending",
            outbox.c.worker.is_distinct_from(self._process),
            outbox.c.worker.is_(None) | outbox.c.worker.not_in(self._leases.alive()),
        )
        async with self._database.read() as connection:
            found = await connection.execute(sa.select(outbox.c.id).where(left).limit(1))
            if found.first() is None:
                return 0
        async with self._database.write() as connection:
            gone = await connection.execute(outbox.update().where(left).values(state="unsure"))
        return int(gone.rowcount)

    def _is_ours(self, intent: Intent) -> sa.ColumnElement[bool]:
        return sa.and_(
            outbox.c.id == intent.id,
            outbox.c.state == "sending",
            outbox.c.worker == self._process,
        )

    async def _set(self, intent: Intent, **values: object) -> bool:
        async with self._database.write() as connection:
            changed = await connection.execute(
                outbox.update().where(self._is_ours(intent)).values(values)
            )
        return bool(changed.rowcount)


def _has_come(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a waiting intent may be tried at this time."""
    when = outbox.c.not_before
    return sa.or_(when.is_(None), when <= now, when > now + LONGEST_DELAY)


def _waiting_card(deploy_id: int | None, post_id: int | None) -> sa.Select[tuple[int]]:
    """Select the card that waits for the same deploy, or for the same post."""
    about = outbox.c.deploy_id == deploy_id if post_id is None else outbox.c.post_id == post_id
    return sa.select(outbox.c.id).where(
        about, outbox.c.topic == "card", outbox.c.state == "pending"
    )
