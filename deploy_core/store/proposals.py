"""Code locations on their way into repositories: a row each, with the last finished step."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.model.errors import UsageError
from deploy_core.model.proposals import GOES_ON, Problem, Proposal, ProposalRequest, ProposalState
from deploy_core.model.pull_requests import Check
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.posts import add_post, want_post
from deploy_core.store.tables import posts, proposals
from deploy_core.store.uninterrupted import uninterrupted

KIND = "proposal"
"""The kind of the message that follows a proposal."""

_GOING = [state.value for state in GOES_ON]
_UNHINDERED: dict[str, Any] = {"problem": None, "stuck": False, "not_before": None, "attempts": 0}
"""The columns of one that nothing stands in the way of."""


@uninterrupted
class Proposals:
    """The rows. Each change has the message drawn anew."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        request: ProposalRequest,
        *,
        origin: str,
        branch: str,
        base: str,
        updates: bool,
        channel: str,
    ) -> Proposal:
        """Write a request down and ask for its message, unless it has no channel; the same
        `origin` writes it once.

        Where one of the same project and location is on its way, that one is returned.
        """
        now = self._clock.now()
        values = {
            "project": request.project,
            "location": request.location,
            "deployment": request.deployment,
            "request": request.model_dump(mode="json"),
            "origin": origin,
            "state": ProposalState.NEW.value,
            "branch": branch,
            "base": base,
            "updates": updates,
            "channel": channel,
            "created_at": now,
            "attempts": 0,
        }
        try:
            async with self._database.write() as connection:
                new = await insert_once(connection, proposals, values, ["origin"])
                row = await _row(connection, proposals.c.origin == origin)
                if new and channel and row is not None:
                    await add_post(
                        connection,
                        key=f"{KIND}:{row.id}:{channel}",
                        kind=KIND,
                        channel=channel,
                        data={"deployment": request.deployment, "proposal": row.id},
                        at=now,
                    )
        except sa.exc.IntegrityError:  # the index lets one through
            going = await self.going(request.project, request.location)
            if going is None:
                raise
            return going
        assert row is not None  # noqa: S101 - it was just written, or was there
        return _proposal(row)

    async def get(self, proposal_id: int) -> Proposal:
        """Return one. Raises `UsageError` for one that isn't there."""
        async with self._database.read() as connection:
            row = await _row(connection, proposals.c.id == proposal_id)
        if row is None:
            raise UsageError("This button isn't one of ours.")
        return _proposal(row)

    async def made_from(self, origin: str) -> Proposal | None:
        """Return what a payload has asked for before."""
        async with self._database.read() as connection:
            row = await _row(connection, proposals.c.origin == origin)
        return None if row is None else _proposal(row)

    async def going(self, project: str, location: str) -> Proposal | None:
        """Return what is on its way for a location of a project."""
        which = sa.and_(
            proposals.c.project == project,
            proposals.c.location == location,
            proposals.c.state.in_(_GOING),
        )
        async with self._database.read() as connection:
            row = await _row(connection, which)
        return None if row is None else _proposal(row)

    async def due(self) -> list[Proposal]:
        """Return those that can be tried to go on now, the oldest first."""
        query = (
            sa.select(proposals)
            .where(
                proposals.c.state.in_(_GOING),
                proposals.c.stuck.is_(False),
                sa.or_(
                    proposals.c.not_before.is_(None), proposals.c.not_before <= self._clock.now()
                ),
            )
            .order_by(proposals.c.id)
        )
        async with self._database.read() as connection:
            return [_proposal(row) for row in (await connection.execute(query)).all()]

    async def moved(self, before: Proposal, after: ProposalState, **found: Any) -> Proposal | None:
        """Note that a step is finished, and what was found out by it. Returns None, and notes
        nothing, where somebody else was faster."""
        values = {**found, **_UNHINDERED, "state": after.value}
        if after not in GOES_ON:
            values["ended_at"] = self._clock.now()
        return await self._change(before, values)

    async def seen(
        self, before: Proposal, url: str, checks: tuple[Check, ...] | None
    ) -> Proposal | None:
        """Note how a pull request stands that waits; nothing is drawn where that is known."""
        if (before.url, before.checks, before.problem) == (url, checks, None):
            return before
        listed = None if checks is None else [check.model_dump(mode="json") for check in checks]
        return await self._change(before, {**_UNHINDERED, "url": url, "checks": listed})

    async def hindered(self, before: Proposal, problem: Problem, wait: float | None) -> None:
        """Note what stands in the way; without `wait` (in seconds) until a person tries again."""
        until = None if wait is None else self._clock.now() + timedelta(seconds=wait)
        await self._change(
            before,
            {
                "problem": problem.model_dump(mode="json"),
                "stuck": problem.stuck,
                "not_before": until,
                "attempts": before.attempts + 1,
            },
        )

    async def unstick(self, before: Proposal) -> Proposal | None:
        """Let it be tried again at once."""
        return await self._change(before, _UNHINDERED)

    async def _change(self, before: Proposal, values: dict[str, Any]) -> Proposal | None:
        where = sa.and_(proposals.c.id == before.id, proposals.c.state == before.state.value)
        async with self._database.write() as connection:
            changed = await connection.execute(proposals.update().where(where).values(**values))
            if not changed.rowcount:
                return None
            await _show(connection, before.id, before.channel, self._clock.now())
            row = await _row(connection, proposals.c.id == before.id)
        return None if row is None else _proposal(row)


async def _show(connection: AsyncConnection, number: int, channel: str, now: datetime) -> None:
    query = sa.select(posts.c.id).where(posts.c.key == f"{KIND}:{number}:{channel}")
    post_id = (await connection.execute(query)).scalar()
    if post_id is not None:
        await want_post(connection, int(post_id), now)


async def _row(connection: AsyncConnection, which: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    query = sa.select(proposals).where(which).order_by(proposals.c.id.desc()).limit(1)
    return (await connection.execute(query)).first()


def _proposal(row: sa.Row[Any]) -> Proposal:
    return Proposal(
        id=row.id,
        request=ProposalRequest.model_validate(row.request),
        state=ProposalState(row.state),
        created_at=row.created_at,
        branch=row.branch,
        base=row.base,
        updates=row.updates,
        base_sha=row.base_sha,
        commit_sha=row.commit_sha,
        number=row.number,
        url=row.url,
        by_hand=tuple(row.by_hand or ()),
        checks=None if row.checks is None else tuple(Check(**each) for each in row.checks),
        merged_sha=row.merged_sha,
        merged_at=row.merged_at,
        deploy_id=row.deploy_id,
        channel=row.channel,
        problem=None if row.problem is None else Problem(**row.problem),
        attempts=row.attempts,
        not_before=row.not_before,
        ended_at=row.ended_at,
    )
