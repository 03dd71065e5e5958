"""Presses know the click that they came from, so that it can be carried out after a crash."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:

    op.add_column("presses", sa.Column("origin", sa.Text(), nullable=True))
