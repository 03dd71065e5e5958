"""What a worker does to the targets it holds: claim, renew, write the journal, move.

Every call that changes a target names the claim; a claim whose fence has moved on changes
nothing and raises `LeaseLost`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.model.deploys import EventKind, Failure, StepState, Stop
from deploy_core.model.errors import AnotherWorker, Cancelled, GoneBack, LeaseLost
from deploy_core.model.facts import LeaseWasLost, StepEnded
from deploy_core.model.plan import StepName
from deploy_core.model.states import GOOD_ENDS, HOLDS_THE_TARGET, TargetState
from deploy_core.store.connection import Database, note_fact
from deploy_core.store.leases import Leases
from deploy_core.store.reading import read_target_plan, strange_in
from deploy_core.store.record import move, record
from deploy_core.store.tables import deploys, steps, targets, workers
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.store.worker_lock import WorkerLock

LEFT_TO_OTHERS = timedelta(minutes=10)
"""For so long what this version doesn't know is left to a version that does."""

_HELD = [state.value for state in HOLDS_THE_TARGET]


@dataclass(frozen=True)
class Claim:
    """A target that is ours until the lease ends; `fence` grows with each claim of it."""

    target_id: int
    deploy_id: int
    position: int
    location: str
    fence: int


@uninterrupted
class Work:
    """The worker's side of the store."""

    def __init__(self, database: Database, clock: Clock, leases: Leases) -> None:
        self._database = database
        self._clock = clock
        self._leases = leases
        self._left_alone = 0
        file = database.file
        self._lock = None if file is None else WorkerLock(file.with_name(f"{file.name}-worker"))

    @property
    def lease(self) -> timedelta:
        """How long a worker may be silent before another takes over what it has."""
        return self._leases.length

    async def enlist(self, worker: str, kind: str) -> None:
        """Say that this process runs deploys, or go on saying so.

        Raises `AnotherWorker` on SQLite when another process does: it allows only one.
        """
        async with self._database.write() as connection:
            await self._leases.compare(connection)
            if self._lock is not None:
                await self._require_alone(connection, self._lock, worker)
            end = self._leases.end()
            changed = await connection.execute(
                workers.update().where(workers.c.id == worker).values(lease_until=end)
            )
            if not changed.rowcount:
                await connection.execute(
                    workers.insert().values(
                        id=worker, kind=kind, started_at=self._clock.now(), lease_until=end
                    )
                )

    async def _require_alone(
        self, connection: AsyncConnection, lock: WorkerLock, worker: str
    ) -> None:
        had_it = lock.held
        has_it = lock.take()
        if has_it and not had_it:
            # Whoever is written down as working is dead: nobody else has the lock.
            dead = sa.select(workers.c.id).where(workers.c.id != worker)
            await connection.execute(
                targets.update()
                .where(targets.c.worker.in_(dead))
                .values(lease_until=self._leases.now())
            )
            await connection.execute(workers.delete().where(workers.c.id != worker))
        others = sa.select(workers).where(workers.c.id != worker)
        if has_it is not False:
            others = others.where(workers.c.lease_until > self._leases.now())
        other = (await connection.execute(others)).first()
        if other is None and has_it is not False:
            return
        who = f" ({other.kind} {other.id})" if other is not None else ""
        raise AnotherWorker(
            f"Another process{who} already runs deploys from this SQLite file.",
        )

    async def release(self, worker: str) -> None:
        """Give back the targets that the process holds, so that others go on with them at once."""
        async with self._database.write() as connection:
            await connection.execute(
                targets.update()
                .where(targets.c.worker == worker)
                .values(lease_until=self._leases.now())
            )

    async def leave(self, worker: str) -> None:
        """Give back the process's place; on SQLite another one may take it now."""
        async with self._database.write() as connection:
            await connection.execute(workers.delete().where(workers.c.id == worker))
        self.close()

    def close(self) -> None:
        """Let another process of this machine have the place."""
        if self._lock is not None:
            self._lock.release()

    async def claim(self, worker: str, *, most: int, deploy_id: int | None = None) -> list[Claim]:
        """Take up to `most` targets that are free to run, or whose worker has gone silent."""
        if most <= 0:
            return []
        async with self._database.write() as connection:
            query = _claimable(self._leases.now()).limit(most + self._left_alone)
            if deploy_id is not None:
                query = query.where(targets.c.deploy_id == deploy_id)
            found = (await connection.execute(query)).all()
            rows = [row for row in found if await self._may_take(connection, row)]
            self._left_alone = len(found) - len(rows)
            return [await self._take(connection, row, worker) for row in rows[:most]]

    async def _may_take(self, connection: AsyncConnection, row: sa.Row[Any]) -> bool:
        """Leave what a newer version has planned to the newer version, for a while: while one
        replica after the other is replaced there are both. Then take it all the same, to say so."""
        plan = sa.select(deploys.c.plan).where(deploys.c.id == row.deploy_id)
        done = sa.select(steps.c.name).where(
            steps.c.target_id == row.id, steps.c.state == StepState.FINISHED.value
        )
        finished = set((await connection.execute(done)).scalars())
        _, values = read_target_plan(row.plan)
        of_deploy = (await connection.execute(plan)).scalar_one()
        if not strange_in(of_deploy, row.plan, values, finished):
            return True
        if row.state == TargetState.QUEUED.value:
            return bool(row.queued_at + LEFT_TO_OTHERS <= self._clock.now())
        return row.lease_until is None or bool(
            row.lease_until + LEFT_TO_OTHERS <= self._leases.now()
        )

    async def _take(self, connection: AsyncConnection, row: sa.Row[Any], worker: str) -> Claim:
        fence = row.fence + 1
        lease = {"worker": worker, "fence": fence, "lease_until": self._leases.end()}
        if row.state == TargetState.QUEUED.value:
            now = self._clock.now()
            values = {**lease, "started_at": now}
            await move(connection, row, TargetState.RUNNING, now, values=values)
        else:
            await connection.execute(targets.update().where(targets.c.id == row.id).values(lease))
        return Claim(
            target_id=row.id,
            deploy_id=row.deploy_id,
            position=row.position,
            location=row.location,
            fence=fence,
        )

    async def renew(self, worker: str, target_ids: Collection[int]) -> None:
        """Put off the end of the leases of these targets that this process still holds."""
        async with self._database.write() as connection:
            await connection.execute(
                targets.update()
                .where(
                    targets.c.id.in_(target_ids),
                    targets.c.worker == worker,
                    targets.c.lease_until > self._leases.now(),
                )
                .values(lease_until=self._leases.end())
            )

    async def hold(self, claim: Claim) -> datetime:
        """Renew this lease just before a change to Dagster+, and return its end for
        `require_time`. Raises `LeaseLost`."""
        async with self._database.write() as connection:
            await self._leases.compare(connection)
            await self._ours(connection, claim, renew=True)
            return self._leases.end()

    def require_time(self, claim: Claim, until: datetime, seconds: float) -> None:
        """Raise `LeaseLost` unless a lease that ends then is good for so long: this process may
        have been stopped since it was held, and something else may run the target now."""
        if self._leases.now() + timedelta(seconds=seconds) > until:
            raise LeaseLost(f"Too late to change {claim.location}: this process slept.")

    async def stops(self, worker: str) -> dict[int, Stop]:
        """Return what people asked of the targets that this process holds, by target id."""
        query = sa.select(targets.c.id, targets.c.stop).where(
            targets.c.worker == worker, targets.c.stop.is_not(None), targets.c.state.in_(_HELD)
        )
        async with self._database.read() as connection:
            return {row.id: Stop(row.stop) for row in (await connection.execute(query)).all()}

    async def start_step(self, claim: Claim, name: StepName) -> None:
        """Write that a step starts. A cancel that came before the change was sent wins here:
        raises `Cancelled`. Raises `LeaseLost`."""
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await self._ours(connection, claim, renew=True)
            if row.stop == Stop.CANCEL.value:
                raise Cancelled("Cancelled before the change was sent.")
            again = await connection.execute(
                steps.update()
                .where(steps.c.target_id == claim.target_id, steps.c.name == name.value)
                .values(state=StepState.STARTED.value, ended_at=None)
            )
            if not again.rowcount:
                await connection.execute(
                    steps.insert().values(
                        target_id=claim.target_id,
                        name=name.value,
                        state=StepState.STARTED.value,
                        started_at=now,
                        output={},
                    )
                )
            await self._note_step(connection, claim, name, StepState.STARTED)

    async def end_step(
        self,
        claim: Claim,
        name: StepName,
        state: StepState,
        output: dict[str, JsonValue] | None = None,
    ) -> None:
        """Write how a step ended, and what it found out. Raises `LeaseLost`."""
        async with self._database.write() as connection:
            await self._ours(connection, claim)
            values: dict[str, object] = {"state": state.value, "ended_at": self._clock.now()}
            if output is not None:
                values["output"] = output
            ended = (
                steps.update()
                .where(steps.c.target_id == claim.target_id, steps.c.name == name.value)
                .values(values)
            )
            since = (await connection.execute(ended.returning(steps.c.started_at))).scalar_one()
            seconds = max((self._clock.now() - since).total_seconds(), 0.0)
            note_fact(connection, StepEnded(name, state, seconds))
            await self._note_step(connection, claim, name, state)

    async def keep_output(self, claim: Claim, name: StepName, output: dict[str, JsonValue]) -> None:
        """Keep what a running step has found out so far. Raises `LeaseLost`."""
        async with self._database.write() as connection:
            await self._ours(connection, claim)
            await connection.execute(
                steps.update()
                .where(steps.c.target_id == claim.target_id, steps.c.name == name.value)
                .values(output=output)
            )

    async def move(
        self,
        claim: Claim,
        to: TargetState,
        *,
        failure: Failure | None = None,
        put_back_failure: Failure | None = None,
        note: str = "",
    ) -> None:
        """Move the target to another state. A person's wish to go back wins against a good end:
        raises `GoneBack`, and so does a wish to cancel where nothing was sent: `Cancelled`. Raises
        `IllegalMove`, `LeaseLost`."""
        values: dict[str, object] = {}
        data: dict[str, JsonValue] = {}
        if failure is not None:
            values["failure"] = failure.model_dump(mode="json")
            data["reason"] = failure.reason
        if put_back_failure is not None:
            values["put_back_failure"] = put_back_failure.model_dump(mode="json")
            data["put_back_reason"] = put_back_failure.reason
        if note:
            values["note"] = note
        async with self._database.write() as connection:
            row = await self._ours(connection, claim)
            if row.stop == Stop.CANCEL.value and to is TargetState.UNCHANGED:
                raise Cancelled("Cancelled before the change was sent.")
            if row.stop == Stop.GO_BACK.value and to in GOOD_ENDS:
                raise GoneBack("You asked to go back while it was loading.")
            await move(connection, row, to, self._clock.now(), data=data, values=values)

    async def note(self, claim: Claim, note: str) -> None:
        """Write what the target is waiting for, in words for the card. Raises `LeaseLost`."""
        async with self._database.write() as connection:
            row = await self._ours(connection, claim)
            if row.note == note:
                return
            await connection.execute(
                targets.update().where(targets.c.id == claim.target_id).values(note=note)
            )
            await record(
                connection,
                claim.deploy_id,
                EventKind.NOTE,
                self._clock.now(),
                location=claim.location,
                data={"note": note},
            )

    async def _ours(
        self, connection: AsyncConnection, claim: Claim, *, renew: bool = False
    ) -> sa.Row[Any]:
        now = self._leases.now()
        query = sa.select(targets).where(targets.c.id == claim.target_id).with_for_update()
        row = (await connection.execute(query)).one()
        if row.fence != claim.fence or row.lease_until is None or row.lease_until <= now:
            self._database.tell(LeaseWasLost())
            raise LeaseLost(f"Another worker has taken {claim.location} over.")
        if renew:
            await connection.execute(
                targets.update()
                .where(targets.c.id == claim.target_id)
                .values(lease_until=self._leases.end())
            )
        return row

    async def _note_step(
        self, connection: AsyncConnection, claim: Claim, name: StepName, state: StepState
    ) -> None:
        await record(
            connection,
            claim.deploy_id,
            EventKind.STEP,
            self._clock.now(),
            location=claim.location,
            data={"step": name.value, "state": state.value},
        )


def _claimable(now: object) -> sa.Select[Any]:
    other = targets.alias("other")
    same_place = sa.and_(
        other.c.deployment == targets.c.deployment, other.c.location == targets.c.location
    )
    blocked = sa.exists().where(
        same_place,
        sa.or_(
            other.c.state.in_(_HELD),
            sa.and_(other.c.state == TargetState.QUEUED.value, other.c.id < targets.c.id),
        ),
    )
    free = sa.and_(targets.c.state == TargetState.QUEUED.value, ~blocked)
    silent = sa.and_(
        targets.c.state.in_(_HELD),
        sa.or_(targets.c.lease_until.is_(None), targets.c.lease_until <= now),
    )
    return (
        sa.select(targets)
        .where(sa.or_(free, silent))
        .order_by(targets.c.id)
        .with_for_update(skip_locked=True)
    )
