"""Alerts that Dagster+ has sent: each is taken once, and joined to an incident or told once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.look import Facts
from deploy_core.store.once import insert_once
from deploy_core.store.posts import add_post, want_post, want_reply
from deploy_core.store.tables import (
    alerts,
    failed_runs,
    incident_events,
    incident_posts,
    incidents,
    posts,
    slots,
)
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.alerts import About, Alert
from deploy_core.watch.incidents import FLAPS_WITHIN, IncidentState, Said

SAME_ALERT = timedelta(hours=1)
"""The same alert within this time is one: it comes again when its answer was lost, or when a policy
repeats it."""

FOUND_WITHIN = timedelta(hours=1)
"""For so long after an alert was told by itself it is looked whether the watcher finds it."""

KEEP = timedelta(days=30)

KIND = {About.LOCATION: "locations", About.AGENT: "agents", About.TICK: "schedules"}
"""The kind of the incidents that an alert can be about."""


@dataclass(frozen=True)
class Waiting:
    """An alert that was taken and not yet dealt with."""

    id: int
    at: datetime
    alert: Alert


def _waiting(row: sa.Row[Any]) -> Waiting:
    return Waiting(row.id, row.at, Alert(row.deployment, About(row.about), row.subject, **row.data))


@uninterrupted
class Alerts:
    """The rows of the alerts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, alert: Alert) -> bool:
        """Keep an alert until it is dealt with. Returns False, with nothing written, for one that
        came a while ago. Of a run there is one alert, whenever it comes again."""
        now = self._clock.now()
        key = _key(alert)
        values = {
            "key": key,
            "deployment": alert.deployment,
            "about": alert.about.value,
            "subject": alert.subject,
            "data": {"summary": alert.summary, "policy": alert.policy, "url": alert.url},
            "at": now,
            "dealt_at": None,
        }
        old = alerts.update().where(alerts.c.key == key, alerts.c.at <= now - SAME_ALERT)
        async with self._database.write() as connection:
            if await insert_once(connection, alerts, values, ["key"]):
                return True
            if alert.about is About.RUN:
                return False
            return bool((await connection.execute(old.values(values))).rowcount)

    async def waiting(self, deployment: str) -> list[Waiting]:
        """Return what is to be dealt with, the oldest first."""
        query = sa.select(alerts).where(
            alerts.c.deployment == deployment, alerts.c.dealt_at.is_(None)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(alerts.c.id))).all()
        return [_waiting(row) for row in rows]

    async def incident_of(self, one: Waiting) -> int | None:
        """Return the incident that an alert is about: the newest one that isn't over, or was over
        only just when it came."""
        if one.alert.about is About.RUN:
            query = sa.select(failed_runs.c.incident_id).where(
                failed_runs.c.deployment == one.alert.deployment,
                failed_runs.c.run_id == one.alert.subject,
            )
        elif one.alert.about in KIND:
            query = (
                sa.select(incidents.c.id)
                .where(
                    incidents.c.deployment == one.alert.deployment,
                    incidents.c.kind == KIND[one.alert.about],
                    sa.or_(
                        incidents.c.state != IncidentState.ENDED.value,
                        incidents.c.ended_at >= one.at - FLAPS_WITHIN,
                    ),
                    *_of_subject(one.alert),
                )
                .order_by(incidents.c.id.desc())
                .limit(1)
            )
        else:
            return None
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar()

    async def join(self, one: Waiting, incident_id: int) -> bool:
        """Have it said in the incident's thread, once, that Dagster+ has alerted of it too. Returns
        False for an alert that another process has dealt with."""
        now = self._clock.now()
        async with self._database.write() as connection:
            if not await _deal_with(connection, one, now):
                return False
            await _alerted_too(connection, incident_id, one.alert.policy, now)
        return True

    async def dealt_lately(self, deployment: str) -> list[Waiting]:
        """Return the alerts that were dealt with a short while ago, the oldest first."""
        query = sa.select(alerts).where(
            alerts.c.deployment == deployment, alerts.c.dealt_at > self._clock.now() - FOUND_WITHIN
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(alerts.c.id))).all()
        return [_waiting(row) for row in rows]

    async def found(self, one: Waiting, incident_id: int) -> bool:
        """Have the messages of an alert that was told by itself say that the watcher has found it
        since, and the incident's thread that Dagster+ has alerted of it. Returns False where it
        was not told by itself, or that was said before."""
        now = self._clock.now()
        mine = posts.c.key.startswith(_post_key(one), autoescape=True)
        async with self._database.write() as connection:
            query = sa.select(posts).where(mine).with_for_update()
            rows = [
                row for row in (await connection.execute(query)).all() if "found" not in row.data
            ]
            for row in rows:
                data = {**row.data, "found": incident_id}
                await connection.execute(
                    posts.update().where(posts.c.id == row.id).values(data=data)
                )
                await want_post(connection, row.id, now)
            if rows:
                await _alerted_too(connection, incident_id, one.alert.policy, now)
        return bool(rows)

    async def tell(self, one: Waiting, told: Mapping[str, datetime | None]) -> bool:
        """Have an alert told by itself in these channels; with none it is dealt with. Returns False
        for an alert that another process has dealt with."""
        now = self._clock.now()
        alert = one.alert
        data: Facts = {
            "deployment": alert.deployment,
            "about": alert.about.value,
            "subject": alert.subject,
            "summary": alert.summary,
            "policy": alert.policy,
            "url": alert.url,
        }
        async with self._database.write() as connection:
            if not await _deal_with(connection, one, now):
                return False
            for channel, until in told.items():
                await add_post(
                    connection,
                    key=f"{_post_key(one)}{channel}",
                    kind="alert",
                    channel=channel,
                    data=data,
                    at=now,
                    held_until=until,
                )
        return True

    async def forget_old(self) -> None:
        """Remove what came long ago."""
        before = self._clock.now() - KEEP
        async with self._database.write() as connection:
            await connection.execute(alerts.delete().where(alerts.c.at < before))


def _post_key(one: Waiting) -> str:
    """Return what the keys of an alert's own posts begin with."""
    return f"alert:{one.id}:{one.at:%Y-%m-%dT%H%M%S}:"


async def _alerted_too(
    connection: AsyncConnection, incident_id: int, policy: str, now: datetime
) -> None:
    """Have it said in the incident's thread, once, that Dagster+ has alerted of it too."""
    once = {"report": f"alerted:{incident_id}", "slot": "", "at": now}
    if not await insert_once(connection, slots, once, ["report", "slot"]):
        return
    facts: Facts = {"policy": policy}
    said = {"incident_id": incident_id, "at": now, "said": Said.ALERTED.value, "data": facts}
    added = await connection.execute(incident_events.insert().values(**said))
    event = int(added.inserted_primary_key.id)  # type: ignore[union-attr]
    told = sa.select(incident_posts.c.post_id).where(incident_posts.c.incident_id == incident_id)
    for post_id in (await connection.execute(told)).scalars().all():
        await want_reply(connection, post_id, "quiet_event", now, event)


async def _deal_with(connection: AsyncConnection, one: Waiting, now: datetime) -> bool:
    """Note that an alert is dealt with; only one process comes to do it."""
    mine = alerts.update().where(
        alerts.c.id == one.id, alerts.c.at == one.at, alerts.c.dealt_at.is_(None)
    )
    return bool((await connection.execute(mine.values(dealt_at=now))).rowcount)


def _of_subject(alert: Alert) -> tuple[sa.ColumnElement[bool], ...]:
    match alert.about:
        case About.LOCATION:
            return (incidents.c.subject == alert.subject,)
        case About.TICK:
            # As `schedules.subject_of` writes it: Dagster+ doesn't say in which code location.
            return (incidents.c.subject.startswith(f"{alert.subject} in ", autoescape=True),)
        case _:
            return ()


def _key(alert: Alert) -> str:
    """Return what makes two alerts the same: not the policy, because several can be about one
    thing."""
    said = "\n".join((alert.deployment, alert.about.value, alert.subject))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
