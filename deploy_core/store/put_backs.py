"""Which locations could not be put back: what is live there is unknown."""

from collections.abc import Collection

import sqlalchemy as sa

from deploy_core.model.states import WENT_LIVE, TargetState
from deploy_core.store.connection import Database
from deploy_core.store.tables import steps, targets
from deploy_core.store.uninterrupted import uninterrupted

_KNOWN_AGAIN = [state.value for state in (*WENT_LIVE, TargetState.PUT_BACK)]
"""Ends at which we have seen what is live."""


@uninterrupted
class PutBacks:
    """Read from the rows of the targets: no lock that somebody would have to take away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def failed(self, deployment: str, locations: Collection[str]) -> dict[str, int]:
        """Return the last deploy that could not put back each of these locations, where no deploy
        since has seen what is live.

        The order is that of the steps, of which only one deploy of a location writes at a time:
        clocks may be set.
        """
        later, of_later = targets.alias("later"), steps.alias("of_later")
        seen_since = (
            sa.select(later.c.id)
            .join(of_later, of_later.c.target_id == later.c.id)
            .where(
                later.c.deployment == targets.c.deployment,
                later.c.location == targets.c.location,
                later.c.state.in_(_KNOWN_AGAIN),
                of_later.c.id > steps.c.id,
            )
        )
        query = (
            sa.select(targets.c.location, targets.c.deploy_id)
            .join(steps, steps.c.target_id == targets.c.id)
            .where(
                targets.c.deployment == deployment,
                targets.c.location.in_(locations),
                targets.c.state == TargetState.NEEDS_HUMAN.value,
                targets.c.put_back_failure.is_not(None),
                ~seen_since.exists(),
            )
            .order_by(steps.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row.location: row.deploy_id for row in rows}
