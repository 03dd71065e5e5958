"""Keeps one look of the watcher: what was seen, the incidents that it moved, and the messages that
follow, in the caller's transaction.

Of two processes that looked at the same time one wins, and the other's look is as if it had not
been; so nothing is posted twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.store.failed_runs import note_runs, untold
from deploy_core.store.marks import muted
from deploy_core.store.once import insert_once
from deploy_core.store.posts import add_post, want_post, want_reply
from deploy_core.store.tables import incident_events, incident_posts, incidents, observations
from deploy_core.watch.failed_runs import RUNS, FailedRun
from deploy_core.watch.incidents import (
    FLAPS_WITHIN,
    Incident,
    IncidentState,
    Said,
    may_reopen,
    move,
    settle,
)
from deploy_core.watch.transitions import Happened

EACH_FOR_ITSELF = 5
"""More incidents than this that begin in one look share a message."""

MOST_CHANGES = 100
"""So many changes from outside are kept with the message that tells of them."""

Facts = dict[str, JsonValue]


@dataclass(frozen=True)
class Look:
    """A look to be kept. `before` is the version that it was compared with, 0 for the first one.

    `moves` are what happened to which subject, with the facts of it where there are new ones.
    `runs` are the failed runs that made the moves, where they did. `changes` are those that need
    no incident: they are told at once, in one message; each of `notes` is a message of its own.
    `channels` are told of all.
    """

    deployment: str
    kind: str
    before: int
    at: datetime
    data: Facts
    moves: Sequence[tuple[str, Happened, Facts]] = ()
    runs: Sequence[FailedRun] = ()
    changes: Sequence[Facts] = ()
    notes: Sequence[Facts] = ()
    channels: Sequence[str] = ()


@dataclass
class _Moved:
    """What a look did to the incidents, before the messages are asked for."""

    begun: list[int] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    said: list[tuple[int, int]] = field(default_factory=list)  # incident, event


async def keep_look(connection: AsyncConnection, look: Look) -> bool:
    """Write a look and all that follows from it.

    Returns False, with nothing written, when another look was kept since `before`.
    """
    if not await _take_turn(connection, look):
        return False
    moved = await _move_all(connection, look)
    failing = await note_runs(connection, look.deployment, look.runs)
    moved.touched |= failing
    await _settle_all(connection, look, moved)
    await _hush(connection, look, moved, failing)
    await _tell(connection, look, moved)
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


async def _move_all(connection: AsyncConnection, look: Look) -> _Moved:
    moved = _Moved()
    current = await _current(connection, look, [subject for subject, _, _ in look.moves])
    for subject, happened, facts in look.moves:
        incident = current.get(subject)
        if incident is None:
            if happened is Happened.FAILED:
                moved.begun.append(await _open(connection, look, subject, facts))
            continue
        after, said = move(incident, happened, look.at)
        if facts and happened in {Happened.FAILED, Happened.FAILED_DIFFERENTLY}:
            after = replace(after, data=facts)
        elif facts and look.kind == RUNS:
            after = replace(after, data={**(incident.data or {}), **facts})
        await _store(connection, incident, after, said, moved, _of_end(happened, facts))
    return moved


def _of_end(happened: Happened, facts: Facts) -> Facts:
    """Return what is said with the end of an incident."""
    return facts if happened in {Happened.RECOVERED, Happened.REMOVED} else {}


async def _hush(connection: AsyncConnection, look: Look, moved: _Moved, failing: set[int]) -> None:
    """Leave out what is muted, and add what fails and was muted when it began."""
    fresh = await untold(connection, failing)
    moved.begun += [incident for incident in fresh if incident not in moved.begun]
    every = {*moved.begun, *(incident for incident, _ in moved.said)}
    quiet = await muted(connection, every, look.at)
    moved.begun = [incident for incident in moved.begun if incident not in quiet]
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


async def _settle_all(connection: AsyncConnection, look: Look, moved: _Moved) -> None:
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
    moved: _Moved,
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
        moved.said.append((before.id, int(added.inserted_primary_key.id)))  # type: ignore[union-attr]


async def _tell(connection: AsyncConnection, look: Look, moved: _Moved) -> None:
    for channel in look.channels:
        await _tell_begun(connection, look, channel, moved.begun)
        if look.changes:
            kept: list[JsonValue] = [dict(change) for change in look.changes[:MOST_CHANGES]]
            data: Facts = {
                "deployment": look.deployment,
                "changes": kept,
                "count": len(look.changes),
            }
            await add_post(
                connection,
                key=f"changes:{look.deployment}:{look.before + 1}:{channel}",
                kind="changes",
                channel=channel,
                data=data,
                at=look.at,
            )
        for number, note in enumerate(look.notes):
            await add_post(
                connection,
                key=f"note:{look.deployment}:{look.kind}:{look.before + 1}:{number}:{channel}",
                kind="note",
                channel=channel,
                data={"deployment": look.deployment, **note},
                at=look.at,
            )
    told = await _posts_of(connection, moved.touched | {incident for incident, _ in moved.said})
    for post_id in sorted({post for posts in told.values() for post, _ in posts}):
        await want_post(connection, post_id, look.at)
    done: set[int] = set()
    for incident, event in moved.said:
        for post_id, alone in told.get(incident, ()):
            if alone:
                await want_reply(connection, post_id, "event", look.at, event)
            elif post_id not in done and await _all_ended(connection, post_id):
                done.add(post_id)
                await want_reply(connection, post_id, "all_ended", look.at)


async def _tell_begun(
    connection: AsyncConnection, look: Look, channel: str, begun: list[int]
) -> None:
    """One message for each incident, or one for all where many begin at once."""
    together = len(begun) > EACH_FOR_ITSELF
    for group in [begun] if together else [[one] for one in begun]:
        what = f"look:{look.before + 1}" if together else str(group[0])
        post_id = await add_post(
            connection,
            key=f"incidents:{look.deployment}:{look.kind}:{what}:{channel}",
            kind="incidents",
            channel=channel,
            data={"deployment": look.deployment, "kind": look.kind},
            at=look.at,
        )
        if post_id is not None:
            rows = [{"incident_id": incident, "post_id": post_id} for incident in group]
            await connection.execute(incident_posts.insert(), rows)


async def _posts_of(
    connection: AsyncConnection, touched: set[int]
) -> Mapping[int, list[tuple[int, bool]]]:
    """Return the messages of each incident, and whether each tells of it alone."""
    if not touched:
        return {}
    mine = sa.select(incident_posts.c.post_id).where(incident_posts.c.incident_id.in_(touched))
    query = sa.select(incident_posts).where(incident_posts.c.post_id.in_(mine))
    rows = (await connection.execute(query)).all()
    size: dict[int, int] = defaultdict(int)
    for row in rows:
        size[row.post_id] += 1
    found: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for row in rows:
        if row.incident_id in touched:
            found[row.incident_id].append((row.post_id, size[row.post_id] == 1))
    return found


async def _all_ended(connection: AsyncConnection, post_id: int) -> bool:
    left = (
        sa.select(sa.func.count())
        .select_from(incident_posts)
        .join(incidents, incidents.c.id == incident_posts.c.incident_id)
        .where(incident_posts.c.post_id == post_id, incidents.c.state != IncidentState.ENDED.value)
    )
    return not (await connection.execute(left)).scalar_one()
