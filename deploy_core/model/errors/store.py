"""The database."""

from deploy_core.model.errors.base import DeployError


class StoreError(DeployError):
    """Our own database."""


class StoreUnavailable(StoreError):
    """The database can't be read or written."""

    reason = "store_unavailable"
    default_next_step = "Check the disk or the database server; nothing new is started meanwhile."
    retryable = True


class StoreTooNew(StoreError):
    """The database was written by a newer version of dagster-chatops."""

    reason = "store_too_new"
    default_next_step = "Run the newer version, or restore a backup of the database."


class AnotherWorker(StoreError):
    """Another process already runs deploys from this SQLite file."""

    reason = "another_worker"
    default_next_step = "Stop the other process, or use PostgreSQL for several replicas."
