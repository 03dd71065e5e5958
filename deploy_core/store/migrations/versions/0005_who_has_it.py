"""Who deals with a payload, and who sends a message: when that process dies, another goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("inbox", sa.Column("worker", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("worker", sa.Text(), nullable=True))
