"""What every change of state writes in the same transaction: one event and the Slack intents."""

from datetime import datetime

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.model.deploys import EventKind, StepState
from deploy_core.model.facts import TargetEnded
from deploy_core.model.states import ENDED, TargetState, check_move
from deploy_core.store.connection import note_fact
from deploy_core.store.once import insert_once
from deploy_core.store.tables import WAITING_CARD, deploys, events, outbox, steps, targets


async def record(
    connection: AsyncConnection,
    deploy_id: int,
    kind: EventKind,
    at: datetime,
    *,
    location: str | None = None,
    data: dict[str, JsonValue] | None = None,
) -> None:
    """Write one event and ask for the card to be drawn again."""
    await connection.execute(
        events.insert().values(
            deploy_id=deploy_id, kind=kind.value, at=at, location=location, data=data or {}
        )
    )
    await want_card(connection, deploy_id, at)


async def want_card(connection: AsyncConnection, deploy_id: int, at: datetime) -> None:
    """Ask for the card to be drawn again, unless that already waits to be done."""
    values = {"deploy_id": deploy_id, "topic": "card", "state": "pending", "created_at": at}
    await insert_once(connection, outbox, values, ["deploy_id"], WAITING_CARD)


async def want(
    connection: AsyncConnection,
    deploy_id: int,
    topic: str,
    at: datetime,
    position: int | None = None,
) -> None:
    """Put one intent into the outbox."""
    await connection.execute(
        outbox.insert().values(
            deploy_id=deploy_id, topic=topic, position=position, state="pending", created_at=at
        )
    )


async def move(
    connection: AsyncConnection,
    row: sa.Row[tuple[object, ...]],
    to: TargetState,
    at: datetime,
    *,
    data: dict[str, JsonValue] | None = None,
    values: dict[str, object] | None = None,
) -> None:
    """Move one target (a row of `targets`, read in this transaction) to another state.

    Raises `IllegalMove` when the table of moves doesn't have it. When it was the last one to end,
    the deploy ends too.
    """
    before = TargetState(row._mapping["state"])
    check_move(before, to)
    changes: dict[str, object] = {"state": to.value, **(values or {})}
    if to in ENDED:
        changes |= {"ended_at": at, "worker": None, "lease_until": None}
    target_id, deploy_id = row._mapping["id"], row._mapping["deploy_id"]
    await connection.execute(targets.update().where(targets.c.id == target_id).values(changes))
    said: dict[str, JsonValue] = {"from": before.value, "to": to.value, **(data or {})}
    location = row._mapping["location"]
    await record(connection, deploy_id, EventKind.MOVED, at, location=location, data=said)
    if to in ENDED:
        # A step that was begun by a process that died doesn't go on "so far" for ever.
        await connection.execute(
            steps.update()
            .where(steps.c.target_id == target_id, steps.c.state == StepState.STARTED.value)
            .values(state=StepState.STOPPED.value, ended_at=at)
        )
        note_fact(connection, TargetEnded(row._mapping["deployment"], to, _reason(row, said)))
        if changes.get("failure") or changes.get("put_back_failure") or row._mapping["failure"]:
            await want(connection, deploy_id, "detail", at, row._mapping["position"])
        await _end_if_last(connection, deploy_id, at)


def _reason(row: sa.Row[tuple[object, ...]], said: dict[str, JsonValue]) -> str | None:
    """The code of what went wrong last: with putting back, with this move, or before it."""
    failure = row._mapping["failure"]
    before = failure.get("reason") if isinstance(failure, dict) else None
    found = said.get("put_back_reason") or said.get("reason") or before
    return found if isinstance(found, str) else None


async def _end_if_last(connection: AsyncConnection, deploy_id: int, at: datetime) -> None:
    # Two targets that end at the same moment must not each take the other for running.
    await connection.execute(
        sa.select(deploys.c.id)
        .where(deploys.c.id == deploy_id)
        # Not FOR UPDATE: the events of both hold a key share of this row already.
        .with_for_update(key_share=True)
    )
    rest = sa.select(sa.func.count()).where(
        targets.c.deploy_id == deploy_id,
        targets.c.state.not_in([state.value for state in ENDED]),
    )
    if (await connection.execute(rest)).scalar_one():
        return
    await connection.execute(deploys.update().where(deploys.c.id == deploy_id).values(ended_at=at))
    await record(connection, deploy_id, EventKind.ENDED, at)
    await want(connection, deploy_id, "ended", at)
