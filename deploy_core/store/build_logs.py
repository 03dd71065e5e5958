"""The log of each target's last build, so that any process can put it into the thread."""

from datetime import timedelta

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.tables import build_logs, targets
from deploy_core.store.uninterrupted import uninterrupted

KEEP = timedelta(days=14)


@uninterrupted
class BuildLogs:
    """One text a target, already without secrets."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, target_id: int, text: str) -> None:
        """Keep the log in place of that of an earlier build of the same target."""
        values = {"target_id": target_id, "text": text, "at": self._clock.now()}
        async with self._database.write() as connection:
            await connection.execute(build_logs.delete().where(build_logs.c.target_id == target_id))
            await connection.execute(build_logs.insert().values(values))

    async def of_deploy(self, deploy_id: int) -> dict[int, str]:
        """Return the logs of a deploy by the position of their targets."""
        query = (
            sa.select(targets.c.position, build_logs.c.text)
            .join(build_logs, build_logs.c.target_id == targets.c.id)
            .where(targets.c.deploy_id == deploy_id)
            .order_by(targets.c.position)
        )
        async with self._database.read() as connection:
            return {row.position: row.text for row in (await connection.execute(query)).all()}

    async def forget_old(self) -> int:
        """Delete what is older than `KEEP`; returns how many went."""
        before = self._clock.now() - KEEP
        async with self._database.write() as connection:
            gone = await connection.execute(build_logs.delete().where(build_logs.c.at < before))
        return int(gone.rowcount)
