"""The store: one object with a part for each thing that is kept."""

import os
import secrets
import socket
from datetime import timedelta
from pathlib import Path

from deploy_core.clock import Clock
from deploy_core.store.alerts import Alerts
from deploy_core.store.applied import Applied
from deploy_core.store.build_logs import BuildLogs
from deploy_core.store.connection import Database
from deploy_core.store.deploys import Deploys
from deploy_core.store.failed_runs import FailedRuns
from deploy_core.store.held_posts import HeldPosts
from deploy_core.store.history import History
from deploy_core.store.inbox import Inbox
from deploy_core.store.leases import LEASE, Leases
from deploy_core.store.marks import Marks
from deploy_core.store.outbox import Outbox
from deploy_core.store.posts import Posts
from deploy_core.store.proposals import Proposals
from deploy_core.store.put_backs import PutBacks
from deploy_core.store.reexecutions import Reexecutions
from deploy_core.store.removals import Removals
from deploy_core.store.subscriptions import Subscriptions
from deploy_core.store.watching import Watching
from deploy_core.store.work import Work


class Store:
    """Everything that must survive the process."""

    def __init__(self, database: Database, clock: Clock, leases: Leases) -> None:
        self.database = database
        self.process = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        """This process's name in everything that it takes."""
        self.deploys = Deploys(database, clock)
        self.work = Work(database, clock, leases)
        self.outbox = Outbox(database, clock, leases, self.process)
        self.posts = Posts(database, clock)
        self.held_posts = HeldPosts(database, clock)
        self.inbox = Inbox(database, clock, leases, self.process)
        self.history = History(database)
        self.watching = Watching(database, clock)
        self.alerts = Alerts(database, clock)
        self.failed_runs = FailedRuns(database, clock)
        self.marks = Marks(database, clock)
        self.reexecutions = Reexecutions(database, clock)
        self.subscriptions = Subscriptions(database, clock)
        self.applied = Applied(database, clock)
        self.put_backs = PutBacks(database)
        self.removals = Removals(database, clock)
        self.build_logs = BuildLogs(database, clock)
        self.proposals = Proposals(database, clock)

    @classmethod
    async def open(
        cls,
        address: str,
        clock: Clock,
        *,
        lease: timedelta = LEASE,
        database_time: bool = False,
    ) -> "Store":
        """Open `address`, the path of an SQLite file or the URL of a database, and bring its
        tables up to date. Raises `StoreUnavailable`, `StoreTooNew`.

        With `database_time` a database server's own clock tells when a lease ends.
        """
        database = Database(database_url(address))
        asks = database_time and not database.is_sqlite
        store = cls(database, clock, Leases(clock, length=lease, ask_database=asks))
        try:
            await store.database.migrate()
        except BaseException:
            await store.close()
            raise
        return store

    async def check(self) -> None:
        """See that the database can be written: one that is locked, full or read-only can still be
        read. Raises `StoreUnavailable`."""
        await self.inbox.touch("store:check")

    async def close(self) -> None:
        """Close all connections."""
        self.work.close()
        await self.database.close()


def database_url(address: str) -> str:
    """Return the SQLAlchemy URL of a path or of a `postgresql://` address."""
    if address.startswith("postgresql://"):
        return "postgresql+asyncpg://" + address.removeprefix("postgresql://")
    if "://" in address:
        return address
    return f"sqlite+aiosqlite:///{Path(address).absolute()}"
