"""The messages that follow from a look, asked for in the caller's transaction."""

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.store.look import Facts, Look, Moved
from deploy_core.store.posts import add_post, want_post, want_reply
from deploy_core.store.tables import incident_posts, incidents
from deploy_core.watch.incidents import IncidentState

EACH_FOR_ITSELF = 5
"""More incidents than this that begin in one look share a message."""

MOST_CHANGES = 100
"""So many changes from outside are kept with the message that tells of them."""


async def tell(connection: AsyncConnection, look: Look, moved: Moved) -> None:
    """Ask for the messages of what began, was changed or ended."""
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
