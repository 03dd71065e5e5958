"""How long a silent process keeps what it has taken, and by which clock that is measured."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.tables import workers

LEASE = timedelta(seconds=30)
"""How long a worker may be silent before another takes over what it has. Requests that change
Dagster+ have a shorter deadline (`DagsterPlus.mutation_timeout`)."""


class Leases:
    """The time of leases: it never jumps when somebody sets the machine's clock.

    With `ask_database` it is the database's own time, so that replicas whose clocks differ agree
    on when a lease ends.
    """

    def __init__(
        self, clock: Clock, *, length: timedelta = LEASE, ask_database: bool = False
    ) -> None:
        self.length = length
        self._clock = clock
        self._ask_database = ask_database
        self._database_is_ahead = timedelta()

    def now(self) -> datetime:
        """Return the time by which leases end."""
        return self._clock.steady() + self._database_is_ahead

    def end(self) -> datetime:
        """Return when a lease ends that is given now."""
        return self.now() + self.length

    async def compare(self, connection: AsyncConnection) -> None:
        """Look how far the database's clock is from ours."""
        if self._ask_database:
            theirs: datetime = (await connection.execute(_DATABASE_TIME)).scalar_one()
            self._database_is_ahead = theirs - self._clock.steady()

    def alive(self) -> sa.Select[tuple[str]]:
        """Return a query of the processes that aren't silent."""
        return sa.select(workers.c.id).where(workers.c.lease_until > self.now())


_DATABASE_TIME = sa.text("SELECT clock_timestamp()")
