"""Which failed runs people have executed again, and what became of each."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.model.people import Actor
from deploy_core.model.plan import short_hash
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.posts import want_post, want_reply
from deploy_core.store.tables import (
    failed_runs,
    incident_posts,
    launches,
    orders,
)
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.incidents import Incident
from deploy_core.watch.reexecution import HOLDS, Failed, Launch, LaunchState, Order

REPLY = "reexecuted"
"""The topic of what is said in the thread once an order is carried out."""


@uninterrupted
class Reexecutions:
    """The orders, and a row for each run of one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def newest_failed(self, incident_id: int) -> list[Failed]:
        """Return the last failed run of each that was started, the newest first; without those
        whose last run failed of something else."""
        mine = failed_runs.alias("mine")
        of_root = sa.and_(
            failed_runs.c.deployment == mine.c.deployment, failed_runs.c.root_id == mine.c.root_id
        )
        roots = sa.select(failed_runs).where(
            sa.exists().where(of_root, mine.c.incident_id == incident_id)
        )
        async with self._database.read() as connection:
            rows = (
                await connection.execute(
                    roots.order_by(failed_runs.c.failed_at.desc(), failed_runs.c.run_id)
                )
            ).all()
        newest: dict[str, sa.Row[Any]] = {}
        for row in rows:
            newest.setdefault(row.root_id, row)
        return [
            Failed(row.run_id, row.job, row.location)
            for row in newest.values()
            if row.incident_id == incident_id
        ]

    async def failed(self, incident_id: int, run_ids: Sequence[str]) -> list[Failed]:
        """Return those of the runs that are of this incident, in the given order."""
        query = sa.select(failed_runs).where(
            failed_runs.c.incident_id == incident_id, failed_runs.c.run_id.in_(run_ids)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        found = {row.run_id: Failed(row.run_id, row.job, row.location) for row in rows}
        return [found[each] for each in run_ids if each in found]

    async def order(
        self, incident: Incident, runs: Iterable[Failed], by: Actor, origin: str
    ) -> Order:
        """Write down what is to be done, and return it; the same `origin` is the same order."""
        values = {
            "incident_id": incident.id,
            "deployment": incident.deployment,
            "origin": origin,
            "token": short_hash(origin),
            "actor": by.model_dump(mode="json"),
            "at": self._clock.now(),
        }
        async with self._database.write() as connection:
            new = await insert_once(connection, orders, values, ["origin"])
            of_it = sa.select(orders.c.id).where(orders.c.origin == origin)
            order_id = int((await connection.execute(of_it)).scalar_one())
            if new:
                rows = [
                    {
                        "order_id": order_id,
                        "position": position,
                        "deployment": incident.deployment,
                        "run_id": run.id,
                        "job": run.job,
                        "location": run.location,
                        "state": LaunchState.WAITING.value,
                    }
                    for position, run in enumerate(runs)
                ]
                await connection.execute(launches.insert(), rows)
                await _show(connection, incident.id, self._clock.now())
        return await self.get(order_id)

    async def get(self, order_id: int) -> Order:
        """Return an order as it stands."""
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(orders).where(orders.c.id == order_id))).one()
            return (await _orders(connection, [row]))[0]

    async def of(self, incident_ids: Collection[int]) -> dict[int, tuple[Order, ...]]:
        """Return the orders of each incident that has any, the oldest first."""
        query = (
            sa.select(orders)
            .where(orders.c.incident_id.in_(sorted(incident_ids)))
            .order_by(orders.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            every = await _orders(connection, rows) if rows else []
        found: dict[int, tuple[Order, ...]] = {}
        for each in every:
            found[each.incident_id] = (*found.get(each.incident_id, ()), each)
        return found

    async def claim(self, order: Order, run_id: str) -> bool:
        """Return True when nobody else executes this run again: then it is ours to ask for."""
        other = launches.alias("other")
        held = sa.exists().where(
            other.c.deployment == order.deployment,
            other.c.run_id == run_id,
            other.c.state.in_([state.value for state in HOLDS]),
        )
        try:
            async with self._database.write() as connection:
                changed = await connection.execute(
                    launches.update()
                    .where(_row(order.id, run_id), ~held)
                    .values(state=LaunchState.SENDING.value)
                )
        except sa.exc.IntegrityError:
            return False  # of two at once the index lets one through
        return bool(changed.rowcount)

    async def became(
        self,
        order: Order,
        run_id: str,
        state: LaunchState,
        *,
        child: str | None = None,
        problem: str = "",
        reason: str = "",
    ) -> None:
        """Write what became of one run, and have it shown."""
        values = {"state": state.value, "child_id": child, "problem": problem, "reason": reason}
        async with self._database.write() as connection:
            await connection.execute(
                launches.update().where(_row(order.id, run_id)).values(**values)
            )
            await _show(connection, order.incident_id, self._clock.now())

    async def end(self, order: Order) -> None:
        """Note that all was tried, and have it said in the thread; once."""
        now = self._clock.now()
        async with self._database.write() as connection:
            ended = await connection.execute(
                orders.update()
                .where(orders.c.id == order.id, orders.c.ended_at.is_(None))
                .values(ended_at=now)
            )
            if not ended.rowcount:
                return
            for post_id in await _posts(connection, order.incident_id):
                await want_reply(connection, post_id, REPLY, now, order.id)
                await want_post(connection, post_id, now)


def _row(order_id: int, run_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(launches.c.order_id == order_id, launches.c.run_id == run_id)


async def _posts(connection: AsyncConnection, incident_id: int) -> list[int]:
    query = sa.select(incident_posts.c.post_id).where(incident_posts.c.incident_id == incident_id)
    return [int(each) for each in (await connection.execute(query)).scalars()]


async def _show(connection: AsyncConnection, incident_id: int, now: datetime) -> None:
    for post_id in await _posts(connection, incident_id):
        await want_post(connection, post_id, now)


async def _orders(connection: AsyncConnection, rows: Sequence[sa.Row[Any]]) -> list[Order]:
    query = (
        sa.select(launches)
        .where(launches.c.order_id.in_([row.id for row in rows]))
        .order_by(launches.c.order_id, launches.c.position)
    )
    of_order: dict[int, list[Launch]] = {}
    for row in (await connection.execute(query)).all():
        of_order.setdefault(row.order_id, []).append(
            Launch(
                failed=Failed(row.run_id, row.job, row.location),
                state=LaunchState(row.state),
                child=row.child_id,
                problem=row.problem or "",
                reason=row.reason or "",
            )
        )
    return [
        Order(
            id=row.id,
            incident_id=row.incident_id,
            deployment=row.deployment,
            token=row.token,
            by=Actor.model_validate(row.actor),
            at=row.at,
            ended_at=row.ended_at,
            launches=tuple(of_order.get(row.id, ())),
        )
        for row in rows
    ]
