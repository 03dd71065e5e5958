"""Posts that belong to no deploy, which leave by the same outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WAITING = sa.text("topic = 'card' AND state = 'pending'")


def upgrade() -> None:

    op.create_table(
        "posts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    # SQLite can't change a column: the table is made anew, without the indexes.
    op.drop_index("one_waiting_card_per_deploy", table_name="outbox")
    op.drop_index("outbox_by_state", table_name="outbox")
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.alter_column("deploy_id", existing_type=sa.Integer(), nullable=True)
        outbox.add_column(sa.Column("post_id", sa.Integer(), nullable=True))
        outbox.create_foreign_key("outbox_post_id_fkey", "posts", ["post_id"], ["id"])
        outbox.create_check_constraint(
            "about_one_thing", "(deploy_id IS NULL) <> (post_id IS NULL)"
        )
    op.create_index("outbox_by_state", "outbox", ["state", "id"], unique=False)
    for about in ("deploy", "post"):
        op.create_index(
            f"one_waiting_card_per_{about}",
            "outbox",
            [f"{about}_id"],
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        )
