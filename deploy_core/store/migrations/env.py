"""Alembic runs this file; the open connection comes from `deploy_core.store.migrate`."""

from alembic import context

from deploy_core.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
