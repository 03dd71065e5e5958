"""The messages that follow from a look, asked for in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.store.look import Facts, Look, Moved
from deploy_core.store.posts import add_post, belongs_to, want_post, want_reply
from deploy_core.store.tables import incident_posts, incidents, posts
from deploy_core.watch.incidents import IncidentState

EACH_FOR_ITSELF = 5
"""More incidents than this that begin in one look share a message."""

MOST_CHANGES = 100
"""So many changes from outside are kept with the message that tells of them."""

Row = Any
"""A post's id and key, with an incident of it."""

Where = tuple[str, datetime | None]
"""A channel, and until when it isn't told."""


async def tell(connection: AsyncConnection, look: Look, moved: Moved) -> None:
    """Ask for the messages of what began, was changed or ended."""
    await _tell_failing(connection, look, moved.failing)
    await _tell_changes(connection, look)
    await _tell_notes(connection, look)
    touched = moved.touched | {incident for incident, _, _ in moved.said}
    told = await _posts_of(connection, touched)
    for post_id in sorted({post.id for listed in told.values() for post, _ in listed}):
        await want_post(connection, post_id, look.at)
    done: set[int] = set()
    for incident, event, subject in moved.said:
        channels = look.told(subject)
        for post, alone in told.get(incident, ()):
            if alone:
                # In quiet hours it is said in the thread alone, whatever it is.
                quiet = channels.get(belongs_to(post.key)) is not None
                topic = "quiet_event" if quiet else "event"
                await want_reply(connection, post.id, topic, look.at, event)
            elif post.id not in done and await all_ended(connection, post.id):
                done.add(post.id)
                await want_reply(connection, post.id, "all_ended", look.at)


async def _tell_failing(
    connection: AsyncConnection, look: Look, failing: Mapping[int, str]
) -> None:
    """One message for each incident in each channel that doesn't know of it yet, or one for all
    where many are new to it at once."""
    known = await _told_in(connection, failing)
    wanted: dict[Where, list[int]] = defaultdict(list)
    for incident, subject in failing.items():
        for channel, until in look.told(subject).items():
            if (incident, channel) not in known:
                wanted[channel, until].append(incident)
    mentioned = {incident for incident, _ in known}
    # Owners are mentioned once: in what is posted first.
    for (channel, until), new in sorted(wanted.items(), key=lambda each: each[0][1] is not None):
        together = len(new) > EACH_FOR_ITSELF
        for group in [new] if together else [[one] for one in new]:
            what = f"look:{look.before + 1}" if together else str(group[0])
            first: list[JsonValue] = [each for each in group if each not in mentioned]
            mentioned.update(group)
            post_id = await add_post(
                connection,
                key=f"incidents:{look.deployment}:{look.kind}:{what}:{_held(until)}{channel}",
                kind="incidents",
                channel=channel,
                data={"deployment": look.deployment, "kind": look.kind, "mentions": first},
                at=look.at,
                held_until=until,
            )
            if post_id is not None:
                rows = [{"incident_id": incident, "post_id": post_id} for incident in group]
                await connection.execute(incident_posts.insert(), rows)


async def _tell_changes(connection: AsyncConnection, look: Look) -> None:
    """One message for all that each channel is told of."""
    wanted: dict[Where, list[Facts]] = defaultdict(list)
    for change in look.changes:
        for where in change.told.items():
            wanted[where].append(change.facts)
    for (channel, until), changes in wanted.items():
        kept: list[JsonValue] = [dict(change) for change in changes[:MOST_CHANGES]]
        data: Facts = {"deployment": look.deployment, "changes": kept, "count": len(changes)}
        await add_post(
            connection,
            key=f"changes:{look.deployment}:{look.before + 1}:{_held(until)}{channel}",
            kind="changes",
            channel=channel,
            data=data,
            at=look.at,
            held_until=until,
        )


async def _tell_notes(connection: AsyncConnection, look: Look) -> None:
    for number, note in enumerate(look.notes):
        for channel, until in note.told.items():
            await add_post(
                connection,
                key=f"note:{look.deployment}:{look.kind}:{look.before + 1}:{number}:{channel}",
                kind="note",
                channel=channel,
                data={"deployment": look.deployment, **note.facts},
                at=look.at,
                held_until=until,
            )


def _held(until: datetime | None) -> str:
    """Return what tells a message that waits from one that doesn't, in its key."""
    return "" if until is None else f"{until:%Y-%m-%dT%H%M}:"


async def _told_in(
    connection: AsyncConnection, incident_ids: Iterable[int]
) -> set[tuple[int, str]]:
    """Return in which channels there is a message of which incident; one that was posted
    elsewhere, because its channel is closed, counts for the one that it belongs to."""
    query = (
        sa.select(incident_posts.c.incident_id, posts.c.key)
        .join(posts, posts.c.id == incident_posts.c.post_id)
        .where(incident_posts.c.incident_id.in_(list(incident_ids)))
    )
    rows = (await connection.execute(query)).all()
    return {(row.incident_id, belongs_to(row.key)) for row in rows}


async def _posts_of(
    connection: AsyncConnection, touched: set[int]
) -> Mapping[int, list[tuple[Row, bool]]]:
    """Return the messages of each incident, and whether each tells of it alone."""
    if not touched:
        return {}
    mine = sa.select(incident_posts.c.post_id).where(incident_posts.c.incident_id.in_(touched))
    query = (
        sa.select(incident_posts.c.incident_id, posts.c.id, posts.c.key)
        .join(posts, posts.c.id == incident_posts.c.post_id)
        .where(incident_posts.c.post_id.in_(mine))
    )
    rows = (await connection.execute(query)).all()
    size: dict[int, int] = defaultdict(int)
    for row in rows:
        size[row.id] += 1
    found: dict[int, list[tuple[Row, bool]]] = defaultdict(list)
    for row in rows:
        if row.incident_id in touched:
            found[row.incident_id].append((row, size[row.id] == 1))
    return found


async def all_ended(connection: AsyncConnection, post_id: int) -> bool:
    """Tell whether everything is over that a message tells of."""
    left = (
        sa.select(sa.func.count())
        .select_from(incident_posts)
        .join(incidents, incidents.c.id == incident_posts.c.incident_id)
        .where(incident_posts.c.post_id == post_id, incidents.c.state != IncidentState.ENDED.value)
    )
    return not (await connection.execute(left)).scalar_one()
