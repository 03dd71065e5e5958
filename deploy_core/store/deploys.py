"""Deploys as people see and change them: make, read, confirm, stop, press a button."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.model.deploys import (
    Deploy,
    Event,
    EventKind,
    Place,
    Press,
    Stop,
)
from deploy_core.model.errors import (
    AlreadyEnded,
    AlreadySent,
    OtherVersion,
    PlanExpired,
    UnknownDeploy,
)
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployPlan, DeployRequest, StepName
from deploy_core.model.states import ENDED, HOLDS_THE_TARGET, WENT_LIVE, TargetState
from deploy_core.store.connection import Database
from deploy_core.store.deploy_rows import load_deploys, press_of
from deploy_core.store.once import insert_once
from deploy_core.store.record import move, record, want_card
from deploy_core.store.tables import deploys, events, presses, steps, targets
from deploy_core.store.uninterrupted import uninterrupted

_OPEN = [state.value for state in TargetState if state not in ENDED]


@uninterrupted
class Deploys:
    """The rows of deploys and targets, for handlers, cards and the CLI."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        plan: DeployPlan,
        request: DeployRequest,
        *,
        place: Place | None = None,
        origin: str | None = None,
    ) -> int:
        """Write a new deploy and return its number. A protected one waits to be confirmed.

        `origin` names the payload it came from: the same one never makes a second deploy.
        """
        now = self._clock.now()
        first = TargetState.PLANNED if plan.protected else TargetState.QUEUED
        async with self._database.write() as connection:
            known = sa.select(deploys.c.id).where(deploys.c.origin == origin)
            made = (await connection.execute(known)).scalar() if origin else None
            if made is not None:
                return int(made)
            inserted = await connection.execute(
                deploys.insert().values(
                    deployment=plan.deployment,
                    plan=plan.model_dump(mode="json", exclude={"targets"}),
                    digest=plan.digest,
                    actor=request.actor.model_dump(mode="json"),
                    request=request.model_dump(mode="json"),
                    why=request.why,
                    origin=origin,
                    created_at=now,
                    channel=place.channel if place else None,
                )
            )
            deploy_id: int = inserted.inserted_primary_key.id  # type: ignore[union-attr]
            await connection.execute(
                targets.insert(),
                [
                    {
                        "deploy_id": deploy_id,
                        "position": position,
                        "deployment": plan.deployment,
                        "location": target.location,
                        "plan": target.model_dump(mode="json"),
                        "state": first.value,
                        "queued_at": None if plan.protected else now,
                    }
                    for position, target in enumerate(plan.targets)
                ],
            )
            await record(connection, deploy_id, EventKind.PLANNED, now)
        return deploy_id

    async def get(self, deploy_id: int) -> Deploy:
        """Return one deploy. Raises `UnknownDeploy`."""
        async with self._database.read() as connection:
            found = await load_deploys(connection, deploys.c.id == deploy_id)
        if not found:
            raise UnknownDeploy(f"There is no deploy {deploy_id}.")
        return found[0]

    async def get_for_target(self, deploy_id: int, position: int) -> Deploy:
        """Return a deploy with only the target at this position: what its worker needs, at a cost
        that doesn't grow with the others. Raises `UnknownDeploy`."""
        async with self._database.read() as connection:
            found = await load_deploys(connection, deploys.c.id == deploy_id, position=position)
        if not found or not found[0].targets:
            raise UnknownDeploy(f"There is no target {position} of deploy {deploy_id}.")
        return found[0]

    async def request_of(self, deploy_id: int) -> DeployRequest:
        """Return what was asked for when the deploy was started. Raises `UnknownDeploy`."""
        async with self._database.read() as connection:
            query = sa.select(deploys.c.request).where(deploys.c.id == deploy_id)
            found = (await connection.execute(query)).scalar()
        if found is None:
            raise UnknownDeploy(f"There is no deploy {deploy_id}.")
        try:
            return DeployRequest.model_validate(found)
        except ValidationError:
            raise OtherVersion(
                f"Deploy {deploy_id} was asked for in a way that this version doesn't know."
            ) from None

    async def queued(self) -> int:
        """Return how many targets wait for their turn."""
        query = sa.select(sa.func.count()).where(targets.c.state == TargetState.QUEUED.value)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def running(self) -> list[Deploy]:
        """Return the deploys that haven't ended, oldest first."""
        async with self._database.read() as connection:
            return await load_deploys(connection, deploys.c.ended_at.is_(None))

    async def ended_since(self, deployment: str, since: datetime) -> list[Deploy]:
        """Return the deploys that have ended since then, oldest first."""
        ended = sa.and_(deploys.c.deployment == deployment, deploys.c.ended_at >= since)
        async with self._database.read() as connection:
            return await load_deploys(connection, ended)

    async def recent(
        self, *, deployment: str | None = None, location: str | None = None, most: int = 10
    ) -> list[Deploy]:
        """Return the newest deploys, newest first."""
        query = sa.select(deploys.c.id).order_by(deploys.c.id.desc()).limit(most)
        if deployment:
            query = query.where(deploys.c.deployment == deployment)
        if location:
            of_location = sa.select(targets.c.deploy_id).where(targets.c.location == location)
            query = query.where(deploys.c.id.in_(of_location))
        async with self._database.read() as connection:
            ids = (await connection.execute(query)).scalars().all()
            return list(reversed(await load_deploys(connection, deploys.c.id.in_(ids))))

    async def made_from(self, origin: str) -> Deploy | None:
        """Return the deploy that came from this payload, if it was made already."""
        async with self._database.read() as connection:
            found = await load_deploys(connection, deploys.c.origin == origin)
        return found[0] if found else None

    async def at_place(self, channel: str, ts: str) -> Deploy | None:
        """Return the deploy whose card is this message."""
        here = sa.and_(deploys.c.channel == channel, deploys.c.card_ts == ts)
        async with self._database.read() as connection:
            found = await load_deploys(connection, here)
        return found[0] if found else None

    async def events(self, deploy_id: int, *, after: int = 0) -> list[Event]:
        """Return the deploy's events with a number above `after`, in order."""
        query = (
            sa.select(events)
            .where(events.c.deploy_id == deploy_id, events.c.id > after)
            .order_by(events.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Event.model_validate(dict(row)) for row in rows]

    async def press(
        self, deploy_id: int, action: str, by: Actor, *, origin: str | None = None
    ) -> Press | None:
        """Note who used a button of the card; `origin` names the click.

        Returns None for the first press; for a later one the press that came before it, which
        after a crash can be this same click.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            values = {
                "deploy_id": deploy_id,
                "action": action,
                "actor": by.model_dump(mode="json"),
                "at": now,
                "origin": origin,
            }
            if not await insert_once(connection, presses, values, ["deploy_id", "action"]):
                query = sa.select(presses).where(
                    presses.c.deploy_id == deploy_id, presses.c.action == action
                )
                before = (await connection.execute(query)).mappings().first()
                return None if before is None else press_of(before)
            await want_card(connection, deploy_id, now)
        return None

    async def unpress(self, deploy_id: int, action: str) -> None:
        """Forget a press whose action was refused, so that the button can be used again."""
        async with self._database.write() as connection:
            await connection.execute(
                presses.delete().where(presses.c.deploy_id == deploy_id, presses.c.action == action)
            )
            await want_card(connection, deploy_id, self._clock.now())

    async def confirm(self, deploy_id: int, by: Actor) -> None:
        """Queue the targets of a deploy that waits for its confirmation.

        Raises `PlanExpired`, `AlreadyEnded` when it no longer waits, `UnknownDeploy`.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            rows = await _rows_of(connection, deploy_id)
            waiting = [row for row in rows if row.state == TargetState.PLANNED.value]
            if not waiting and any(row.state == TargetState.EXPIRED.value for row in rows):
                raise PlanExpired(f"The plan of deploy {deploy_id} was not confirmed in time.")
            if not waiting:
                raise AlreadyEnded(f"Deploy {deploy_id} no longer waits for a confirmation.")
            for row in waiting:
                await move(connection, row, TargetState.QUEUED, now, values={"queued_at": now})
            await connection.execute(
                deploys.update().where(deploys.c.id == deploy_id).values(confirmed_at=now)
            )
            who = by.model_dump(mode="json")
            await record(connection, deploy_id, EventKind.CONFIRMED, now, data={"by": who})

    async def expire(self) -> list[int]:
        """End the plans that were not confirmed in time; return the numbers of their deploys."""
        now = self._clock.now()
        planned = targets.c.state == TargetState.PLANNED.value
        async with self._database.read() as connection:
            waiting = sa.select(targets.c.deploy_id).where(planned)
            found = await load_deploys(connection, deploys.c.id.in_(waiting))
        expired = [deploy.id for deploy in found if deploy.confirm_until <= now]
        for deploy_id in expired:
            async with self._database.write() as connection:
                for row in await _rows_of(connection, deploy_id):
                    if row.state == TargetState.PLANNED.value:  # else it was just confirmed
                        await move(connection, row, TargetState.EXPIRED, now)
        return expired

    async def overtaken(self, deploy_id: int, locations: Collection[str]) -> int | None:
        """Return the newest later deploy that put one of these locations live, if there is one."""
        mine, later = targets.alias("mine"), targets.alias("later")
        query = (
            sa.select(sa.func.max(later.c.deploy_id))
            .join(
                mine,
                sa.and_(
                    later.c.deployment == mine.c.deployment,
                    later.c.location == mine.c.location,
                    later.c.deploy_id > mine.c.deploy_id,
                ),
            )
            .where(
                mine.c.deploy_id == deploy_id,
                mine.c.location.in_(locations),
                later.c.state.in_([state.value for state in WENT_LIVE]),
            )
        )
        async with self._database.read() as connection:
            found: int | None = (await connection.execute(query)).scalar()
        return found

    async def ask_stop(
        self, deploy_id: int, stop: Stop, by: Actor, *, location: str | None = None
    ) -> int:
        """Stop the deploy's targets that can be stopped and return how many were.

        A target that waits ends at once; a running one is told, and its worker ends it within
        seconds. Raises `AlreadyEnded`; `AlreadySent` when only targets are left whose change was
        sent, which `Stop.CANCEL` can't undo; `UnknownDeploy`.
        """
        async with self._database.write() as connection:
            rows = await _rows_of(connection, deploy_id)
            alive = [row for row in rows if row.state in _OPEN and location in {None, row.location}]
            if not alive:
                raise AlreadyEnded(f"Deploy {deploy_id} has ended.")
            sent = await _sent(connection, [row.id for row in alive])
            stopped = 0
            for row in alive:
                stopped += await self._stop_one(connection, row, stop, by, sent=row.id in sent)
            if not stopped and all(row.state == TargetState.PUTTING_BACK.value for row in alive):
                raise AlreadySent(
                    "What was live before is already being put back.",
                    next_step="Wait for it: the deploy's message says how it ends.",
                )
            if not stopped:
                raise AlreadySent("The change was already sent to Dagster+.")
        return stopped

    async def _stop_one(
        self, connection: AsyncConnection, row: sa.Row[Any], stop: Stop, by: Actor, *, sent: bool
    ) -> bool:
        now, who = self._clock.now(), by.model_dump(mode="json")
        state = TargetState(row.state)
        if state not in HOLDS_THE_TARGET:
            await move(
                connection,
                row,
                TargetState.CANCELLED,
                now,
                values={"stop": Stop.CANCEL.value, "stop_by": who},
            )
            return True
        if state is TargetState.PUTTING_BACK or (sent and stop is Stop.CANCEL):
            return False
        if not sent:
            stop = Stop.CANCEL  # there is nothing yet to go back from
        await connection.execute(
            targets.update().where(targets.c.id == row.id).values(stop=stop.value, stop_by=who)
        )
        await record(
            connection,
            row.deploy_id,
            EventKind.STOP_ASKED,
            now,
            location=row.location,
            data={"stop": stop.value, "by": who},
        )
        return True


async def _rows_of(connection: AsyncConnection, deploy_id: int) -> Sequence[sa.Row[Any]]:
    query = sa.select(targets).where(targets.c.deploy_id == deploy_id).order_by(targets.c.position)
    rows = (await connection.execute(query.with_for_update())).all()
    if not rows:
        raise UnknownDeploy(f"There is no deploy {deploy_id}.")
    return rows


async def _sent(connection: AsyncConnection, target_ids: list[int]) -> set[int]:
    query = sa.select(steps.c.target_id).where(
        steps.c.target_id.in_(target_ids), steps.c.name == StepName.APPLY.value
    )
    return set((await connection.execute(query)).scalars())
