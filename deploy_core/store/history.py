"""What our own deploys left in a deployment: the last change of each location, and what runs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from deploy_core.model.deploys import StepState
from deploy_core.model.people import Actor
from deploy_core.model.plan import StepName
from deploy_core.model.states import ENDED, TargetState
from deploy_core.store.connection import Database
from deploy_core.store.tables import deploys, steps, targets
from deploy_core.store.uninterrupted import uninterrupted

_SENDS = [StepName.APPLY.value, StepName.PUT_BACK_APPLY.value]
_OPEN = [state.value for state in TargetState if state not in ENDED]


@dataclass(frozen=True)
class Change:
    """The last change that we sent to a location; `requested` is what Dagster+ then repeated."""

    location: str
    deploy: int
    by: Actor
    at: datetime
    requested: str
    put_back: bool


@dataclass(frozen=True)
class Unchanged:
    """The last time that a deploy found a location to have its content already: that of `commit`,
    while Dagster+ was asked to run what `requested` is the fingerprint of."""

    location: str
    commit: str | None
    requested: str


@dataclass(frozen=True)
class Ended:
    """How one location of a deploy ended; `seconds` is None for one that was never begun."""

    location: str
    deploy: int
    by: Actor
    state: TargetState
    seconds: float | None


@dataclass(frozen=True)
class ByMedic:
    """A redeploy that nobody has asked for: for which incident, and when it ended."""

    deploy: int
    incident: int
    created_at: datetime
    ended_at: datetime | None


@uninterrupted
class History:
    """Questions about a whole deployment, at one query each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, deployment: str) -> dict[str, Change]:
        """Return the last change of each location that we have ever sent one to."""
        newest = (
            sa.select(sa.func.max(steps.c.id))
            .join(targets, targets.c.id == steps.c.target_id)
            .where(
                targets.c.deployment == deployment,
                steps.c.name.in_(_SENDS),
                steps.c.state == StepState.FINISHED.value,
            )
            .group_by(targets.c.location)
        )
        query = (
            sa.select(
                targets.c.location,
                targets.c.deploy_id,
                deploys.c.actor,
                steps.c.name,
                steps.c.started_at,
                steps.c.ended_at,
                steps.c.output["requested"].as_string().label("requested"),
            )
            .join(targets, targets.c.id == steps.c.target_id)
            .join(deploys, deploys.c.id == targets.c.deploy_id)
            .where(steps.c.id.in_(newest))
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.location: Change(
                location=row.location,
                deploy=row.deploy_id,
                by=Actor.model_validate(row.actor),
                at=row.ended_at or row.started_at,
                requested=row.requested or "",
                put_back=row.name == StepName.PUT_BACK_APPLY.value,
            )
            for row in rows
        }

    async def unchanged(self, deployment: str) -> dict[str, Unchanged]:
        """Return of each location the last deploy that had nothing to send, if there was one."""
        newest = (
            sa.select(sa.func.max(targets.c.id))
            .where(
                targets.c.deployment == deployment,
                targets.c.state == TargetState.UNCHANGED.value,
            )
            .group_by(targets.c.location)
        )
        query = (
            sa.select(
                targets.c.location,
                targets.c.plan["version"]["commit"].as_string().label("commit"),
                steps.c.output["requested"].as_string().label("requested"),
            )
            .join(steps, steps.c.target_id == targets.c.id)
            .where(targets.c.id.in_(newest), steps.c.name == StepName.READ_LIVE.value)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.location: Unchanged(row.location, row.commit, row.requested or "") for row in rows
        }

    async def ended(self, deployment: str, since: datetime, until: datetime) -> list[Ended]:
        """Return what our deploys did to each location in this time, in the order of its end."""
        query = (
            sa.select(targets, deploys.c.actor)
            .join(deploys, deploys.c.id == targets.c.deploy_id)
            .where(
                targets.c.deployment == deployment,
                targets.c.ended_at >= since,
                targets.c.ended_at < until,
            )
            .order_by(targets.c.ended_at, targets.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Ended(
                location=row.location,
                deploy=row.deploy_id,
                by=Actor.model_validate(row.actor),
                state=TargetState(row.state),
                seconds=None
                if row.started_at is None
                else (row.ended_at - row.started_at).total_seconds(),
            )
            for row in rows
        ]

    async def loads(
        self, deployment: str, since: datetime, until: datetime
    ) -> list[tuple[str, float]]:
        """Return the code locations that loaded after a change of ours in this time, each with its
        longest load in seconds, the slowest first."""
        query = (
            sa.select(targets.c.location, steps.c.started_at, steps.c.ended_at)
            .join(targets, targets.c.id == steps.c.target_id)
            .where(
                targets.c.deployment == deployment,
                steps.c.name == StepName.WAIT.value,
                steps.c.state == StepState.FINISHED.value,
                steps.c.ended_at >= since,
                steps.c.ended_at < until,
            )
        )
        longest: dict[str, float] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(query)).all():
                seconds = (row.ended_at - row.started_at).total_seconds()
                longest[row.location] = max(seconds, longest.get(row.location, 0.0))
        return sorted(longest.items(), key=lambda each: (-each[1], each[0]))

    async def by_medic(self, deployment: str, since: datetime) -> list[ByMedic]:
        """Return the medic's redeploys in a deployment since then; `medic:INCIDENT:NUMBER` is where
        each came from."""
        query = sa.select(
            deploys.c.id, deploys.c.origin, deploys.c.created_at, deploys.c.ended_at
        ).where(
            deploys.c.deployment == deployment,
            deploys.c.origin.startswith("medic:"),
            deploys.c.created_at >= since,
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(deploys.c.id))).all()
        return [
            ByMedic(row.id, int(row.origin.split(":")[1]), row.created_at, row.ended_at)
            for row in rows
        ]

    async def open_deploys(self, deployment: str) -> dict[str, tuple[int, ...]]:
        """Return the deploys of each location that have not ended, oldest first."""
        query = (
            sa.select(targets.c.location, targets.c.deploy_id)
            .where(targets.c.deployment == deployment, targets.c.state.in_(_OPEN))
            .order_by(targets.c.id)
        )
        found: dict[str, tuple[int, ...]] = defaultdict(tuple)
        async with self._database.read() as connection:
            for location, deploy in (await connection.execute(query)).all():
                found[location] += (deploy,)
        return dict(found)
