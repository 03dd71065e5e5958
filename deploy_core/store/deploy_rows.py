"""From rows to deploys: everything that is read of one is put together here."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.model.deploys import Deploy, Place, Press, StepState, Target
from deploy_core.model.people import Actor
from deploy_core.model.states import HOLDS_THE_TARGET, TargetState
from deploy_core.store.reading import KNOWN_STEPS, read_plan, read_target_plan, strange_in
from deploy_core.store.tables import deploys, presses, steps, targets


async def load_deploys(
    connection: AsyncConnection, which: sa.ColumnElement[bool], *, position: int | None = None
) -> list[Deploy]:
    """Return the deploys of these rows, oldest first; with `position` each has only that target."""
    rows = (await connection.execute(sa.select(deploys).where(which).order_by(deploys.c.id))).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    wanted: sa.ColumnElement[bool] = targets.c.deploy_id.in_(ids)
    if position is not None:
        wanted = sa.and_(wanted, targets.c.position == position)
    query = sa.select(targets).where(wanted).order_by(targets.c.position)
    for row in (await connection.execute(query)).all():
        found[row.deploy_id].append(row)
    runs: dict[int, list[dict[str, Any]]] = defaultdict(list)
    of_targets = sa.select(targets.c.id).where(wanted)
    journal = sa.select(steps).where(steps.c.target_id.in_(of_targets)).order_by(steps.c.id)
    for step in (await connection.execute(journal)).mappings():
        runs[step["target_id"]].append(dict(step))
    used: dict[int, list[Press]] = defaultdict(list)
    pressed = sa.select(presses).where(presses.c.deploy_id.in_(ids)).order_by(presses.c.id)
    for press in (await connection.execute(pressed)).mappings():
        used[press["deploy_id"]].append(press_of(press))
    ahead = await _ahead(connection, ids)
    return [
        _deploy(
            row,
            [_target(t, runs[t.id], ahead.get(t.id, ()), row.plan) for t in found[row.id]],
            used[row.id],
        )
        for row in rows
    ]


async def _ahead(connection: AsyncConnection, ids: list[int]) -> dict[int, tuple[int, ...]]:
    """Return for each queued target the deploys that hold its location or came before it."""
    mine, other = targets.alias("mine"), targets.alias("other")
    held = [state.value for state in HOLDS_THE_TARGET]
    before = sa.and_(other.c.state == TargetState.QUEUED.value, other.c.id < mine.c.id)
    query = (
        sa.select(mine.c.id, other.c.deploy_id)
        .join(
            other,
            sa.and_(
                other.c.deployment == mine.c.deployment,
                other.c.location == mine.c.location,
                sa.or_(other.c.state.in_(held), before),
            ),
        )
        .where(mine.c.deploy_id.in_(ids), mine.c.state == TargetState.QUEUED.value)
        .order_by(other.c.id)
    )
    ahead: dict[int, tuple[int, ...]] = {}
    for target_id, deploy_id in (await connection.execute(query)).all():
        ahead[target_id] = (*ahead.get(target_id, ()), deploy_id)
    return ahead


def _target(
    row: sa.Row[Any], journal: list[dict[str, Any]], ahead: tuple[int, ...], plan: dict[str, Any]
) -> Target:
    finished = {each["name"] for each in journal if each["state"] == StepState.FINISHED.value}
    known = [each for each in journal if each["name"] in KNOWN_STEPS]
    understood, values = read_target_plan(row.plan)
    return Target.model_validate(
        {
            **row._mapping,
            "plan": understood,
            "steps": known,
            "ahead": ahead,
            "strange": strange_in(plan, row.plan, values, finished),
        }
    )


def press_of(row: sa.RowMapping) -> Press:
    """Return a press as it is read."""
    return Press(
        action=row["action"],
        by=Actor.model_validate(row["actor"]),
        at=row["at"],
        origin=row["origin"],
    )


def _deploy(row: sa.Row[Any], of_it: list[Target], used: list[Press]) -> Deploy:
    plan = read_plan(row.plan, [target.plan for target in of_it])
    return Deploy(
        id=row.id,
        plan=plan,
        by=Actor.model_validate(row.actor),
        why=row.why,
        created_at=row.created_at,
        targets=tuple(of_it),
        place=Place(channel=row.channel, ts=row.card_ts) if row.channel else None,
        confirmed_at=row.confirmed_at,
        ended_at=row.ended_at,
        presses=tuple(used),
    )
