"""What a person must still add to the branch of a pull request."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("proposals", sa.Column("by_hand", sa.JSON(), nullable=True))
