"""Keeps one look of the watcher: what was seen, the incidents that it moved, and the messages that
follow, in the caller's transaction.

Of two processes that looked at the same time one wins, and the other's look is as if it had not
been; so nothing is posted twice.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.store.failed_runs import note_runs
from deploy_core.store.look import Facts, Look, Moved
from deploy_core.store.look_posts import tell
from deploy_core.store.marks import muted
from deploy_core.store.once import insert_once
from deploy_core.store.tables import incident_events, incidents, observations
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import (
    FLAPS_WITHIN,
    Incident,
    IncidentState,
    Said,
    may_reopen,
    move,
    settle,
)
from deploy_core.watch.schedules import SCHEDULES
from deploy_core.watch.transitions import Happened

_END_IS_KEPT = (RUNS, SCHEDULES)
"""Of these an incident also keeps why it is over."""


async def keep_look(connection: AsyncConnection, look: Look) -> bool:
    """Write a look and all that follows from it.

    Returns False, with nothing written, when another look was kept since `before`.
    """
    if not await _take_turn(connection, look):
        return False
    moved = await _move_all(connection, look)
    failing = await note_runs(connection, look.deployment, look.runs)
    moved.touched |= failing.keys()
    moved.failing |= failing
    await _settle_all(connection, look, moved)
    await _hush(connection, look, moved)
    await tell(connection, look, moved)
    return True


def incident_from(row: sa.Row[Any]) -> Incident:
    """Return the incident of a row of the table."""
    return Incident(
        id=row.id,
        deployment=row.deployment,
        kind=row.kind,
        subject=row.subject,
        state=IncidentState(row.state),
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        ended_at=row.ended_at,
        failures=row.failures,
        data=row.data,
    )


async def _take_turn(connection: AsyncConnection, look: Look) -> bool:
    values = {"version": look.before + 1, "at": look.at, "data": look.data}
    if look.before == 0:
        first = {"deployment": look.deployment, "kind": look.kind, **values}
        return await insert_once(connection, observations, first, ["deployment", "kind"])
    changed = await connection.execute(
        observations.update()
        .where(
            observations.c.deployment == look.deployment,
            observations.c.kind == look.kind,
            observations.c.version == look.before,
            observations.c.at < look.at,
        )
        .values(values)
    )
    return bool(changed.rowcount)


async def _move_all(connection: AsyncConnection, look: Look) -> Moved:
    moved = Moved()
    current = await _current(connection, look, [subject for subject, _, _ in look.moves])
    for subject, happened, facts in look.moves:
        incident = current.get(subject)
        if incident is None:
            if happened is Happened.FAILED:
                moved.failing[await _open(connection, look, subject, facts)] = subject
            continue
        after, said = move(incident, happened, look.at)
        if facts and happened in {Happened.FAILED, Happened.FAILED_DIFFERENTLY}:
            after = replace(after, data=facts)
        elif facts and look.kind in _END_IS_KEPT:
            after = replace(after, data={**(incident.data or {}), **facts})
        await _store(connection, incident, after, said, moved, _of_end(happened, facts))
    return moved


def _of_end(happened: Happened, facts: Facts) -> Facts:
    """Return what is said with the end of an incident."""
    return facts if happened in {Happened.RECOVERED, Happened.REMOVED} else {}


async def _hush(connection: AsyncConnection, look: Look, moved: Moved) -> None:
    """Leave out what is muted."""
    every = {*moved.failing, *(incident for incident, _, _ in moved.said)}
    quiet = await muted(connection, every, look.at)
    for incident in quiet & moved.failing.keys():
        del moved.failing[incident]
    moved.said = [each for each in moved.said if each[0] not in quiet]


async def _current(
    connection: AsyncConnection, look: Look, subjects: Iterable[str]
) -> dict[str, Incident]:
    """Return the incident of each subject that is open, or that ended so lately that a failure
    now belongs to it."""
    wanted = sorted(set(subjects))
    if not wanted:
        return {}
    query = (
        sa.select(incidents)
        .where(
            incidents.c.deployment == look.deployment,
            incidents.c.kind == look.kind,
            sa.or_(incidents.c.ended_at.is_(None), incidents.c.ended_at >= look.at - FLAPS_WITHIN),
        )
        .order_by(incidents.c.id)
    )
    asked = set(wanted)
    rows = (await connection.execute(query)).all()
    found = [incident_from(row) for row in rows if row.subject in asked]
    return {each.subject: each for each in found if may_reopen(each, look.at)}


async def _open(connection: AsyncConnection, look: Look, subject: str, facts: Facts) -> int:
    added = await connection.execute(
        incidents.insert().values(
            deployment=look.deployment,
            kind=look.kind,
            subject=subject,
            state=IncidentState.OPEN.value,
            opened_at=look.at,
            changed_at=look.at,
            failures=1,
            data=facts,
        )
    )
    return int(added.inserted_primary_key.id)  # type: ignore[union-attr]


async def _settle_all(connection: AsyncConnection, look: Look, moved: Moved) -> None:
    query = sa.select(incidents).where(
        incidents.c.deployment == look.deployment,
        incidents.c.kind == look.kind,
        incidents.c.state == IncidentState.SETTLING.value,
    )
    for row in (await connection.execute(query)).all():
        incident = incident_from(row)
        after, said = settle(incident, look.at)
        if after != incident:
            await _store(connection, incident, after, said, moved)


async def _store(
    connection: AsyncConnection,
    before: Incident,
    after: Incident,
    said: Said | None,
    moved: Moved,
    facts: Facts | None = None,
) -> None:
    if after != before:
        await connection.execute(
            incidents.update()
            .where(incidents.c.id == before.id)
            .values(
                state=after.state.value,
                changed_at=after.changed_at,
                ended_at=after.ended_at,
                failures=after.failures,
                data=after.data or {},
            )
        )
        moved.touched.add(before.id)
    if said is not None:
        data: Facts = {
            "since_last": (after.changed_at - before.changed_at).total_seconds(),
            "since_opened": (after.changed_at - before.opened_at).total_seconds(),
            "failures": after.failures,
            **(facts or {}),
        }
        added = await connection.execute(
            incident_events.insert().values(
                incident_id=before.id, at=after.changed_at, said=said.value, data=data
            )
        )
        event = int(added.inserted_primary_key.id)  # type: ignore[union-attr]
        moved.said.append((before.id, event, before.subject))
