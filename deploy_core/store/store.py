"""The store: one object with a part for each thing that is kept."""

from pathlib import Path

from deploy_core.clock import Clock
from deploy_core.store.applied import Applied
from deploy_core.store.build_logs import BuildLogs
from deploy_core.store.connection import Database
from deploy_core.store.deploys import Deploys
from deploy_core.store.inbox import Inbox
from deploy_core.store.outbox import Outbox
from deploy_core.store.posts import Posts
from deploy_core.store.work import Work


class Store:
    """Everything that must survive the process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.deploys = Deploys(database, clock)
        self.work = Work(database, clock)
        self.outbox = Outbox(database, clock)
        self.posts = Posts(database)
        self.inbox = Inbox(database, clock)
        self.applied = Applied(database, clock)
        self.build_logs = BuildLogs(database, clock)

    @classmethod
    async def open(cls, address: str, clock: Clock) -> "Store":
        """Open `address`, the path of an SQLite file or the URL of a database, and bring its
        tables up to date. Raises `StoreUnavailable`, `StoreTooNew`."""
        store = cls(Database(database_url(address)), clock)
        try:
            await store.database.migrate()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()


def database_url(address: str) -> str:
    """Return the SQLAlchemy URL of a path or of a `postgresql://` address."""
    if address.startswith("postgresql://"):
        return "postgresql+asyncpg://" + address.removeprefix("postgresql://")
    if "://" in address:
        return address
    return f"sqlite+aiosqlite:///{Path(address).absolute()}"
