"""All SQL tables. The migrations in `migrations/` make them; a test holds the two against each
other."""

from datetime import UTC, datetime

import sqlalchemy as sa

from deploy_core.model.states import HOLDS_THE_TARGET


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware UTC time; kept without its zone, because SQLite has none."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


Json = sa.JSON(none_as_null=True)

metadata = sa.MetaData()

deploys = sa.Table(
    "deploys",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("plan", Json, nullable=False),  # the plan without its targets
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("why", sa.Text),
    sa.Column("origin", sa.Text, unique=True),  # the payload that it came from
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("confirmed_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("channel", sa.Text),
    sa.Column("card_ts", sa.Text),
    sqlite_autoincrement=True,
)

targets = sa.Table(
    "targets",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("plan", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("failure", Json),
    sa.Column("put_back_failure", Json),
    sa.Column("stop", sa.Text),
    sa.Column("stop_by", Json),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("queued_at", UtcTime),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    # The lease: who runs it, until when, and a number that grows with each claim.
    sa.Column("worker", sa.Text),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_until", UtcTime),
    sa.UniqueConstraint("deploy_id", "position"),
    sa.Index("targets_by_state", "state", "deployment", "location"),
    sqlite_autoincrement=True,
)

_HELD = targets.c.state.in_(sorted(state.value for state in HOLDS_THE_TARGET))

# The lock of a target is its live row: two running deploys of one target can't be written.
sa.Index(
    "one_running_deploy_per_target",
    targets.c.deployment,
    targets.c.location,
    unique=True,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("target_id", sa.ForeignKey("targets.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("output", Json, nullable=False),
    sa.UniqueConstraint("target_id", "name"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id"), nullable=False, index=True),
    sa.Column("location", sa.Text),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)

build_logs = sa.Table(
    "build_logs",
    metadata,
    sa.Column("target_id", sa.ForeignKey("targets.id"), primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

presses = sa.Table(
    "presses",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id"), nullable=False, index=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("origin", sa.Text),  # the click that it came from
    sa.UniqueConstraint("deploy_id", "action"),
)

applied = sa.Table(
    "applied",
    metadata,
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("location", sa.Text, primary_key=True),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id"), nullable=False),
    sa.Column("file_document", Json),  # what the file said: the base of the next merge
    sa.Column("verified_document", Json),  # the last document that was seen to be live
    sa.Column("at", UtcTime, nullable=False),
)

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # what is posted once, and where
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("ts", sa.Text),
    sa.Column("data", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("held_until", UtcTime),  # in quiet hours: nothing is sent before
    sa.Index("posts_held_back", "held_until"),
    sqlite_autoincrement=True,
)

# A row is about a deploy or about a post, whose order is its own.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id")),
    sa.Column("post_id", sa.ForeignKey("posts.id")),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("position", sa.Integer),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("not_before", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Column("error", sa.Text),
    sa.Column("worker", sa.Text),  # the process that is sending it
    sa.CheckConstraint("(deploy_id IS NULL) <> (post_id IS NULL)", name="about_one_thing"),
    sa.Index("outbox_by_state", "state", "id"),
    sqlite_autoincrement=True,
)

# In words, not in parameters: PostgreSQL must recognise it as the index's own condition.
WAITING_CARD = sa.text("topic = 'card' AND state = 'pending'")

# Edits are coalesced: a card is rendered when it is sent, so one waiting row says it all.
sa.Index(
    "one_waiting_card_per_deploy",
    outbox.c.deploy_id,
    unique=True,
    sqlite_where=WAITING_CARD,
    postgresql_where=WAITING_CARD,
)

sa.Index(
    "one_waiting_card_per_post",
    outbox.c.post_id,
    unique=True,
    sqlite_where=WAITING_CARD,
    postgresql_where=WAITING_CARD,
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("payload", Json),  # what must be done even after a crash; None: only seen
    sa.Column("done_at", UtcTime),
    sa.Column("worker", sa.Text),  # the process that deals with it
    sa.Index("inbox_by_time", "at"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("lease_until", UtcTime, nullable=False),
)

# What the watcher saw last of each deployment; `version` grows with each look that is kept.
observations = sa.Table(
    "observations",
    metadata,
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("data", Json, nullable=False),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Index("incidents_by_subject", "deployment", "kind", "subject", "id"),
    sqlite_autoincrement=True,
)

NOT_ENDED = sa.text("state <> 'ended'")

# One thing is broken once: two replicas can't each open an incident of it.
sa.Index(
    "one_open_incident_per_subject",
    incidents.c.deployment,
    incidents.c.kind,
    incidents.c.subject,
    unique=True,
    sqlite_where=NOT_ENDED,
    postgresql_where=NOT_ENDED,
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)

# Which messages tell of an incident; a message can tell of many that began at once.
incident_posts = sa.Table(
    "incident_posts",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("post_id", sa.ForeignKey("posts.id"), primary_key=True, index=True),
)

# Each failed run, a retry too, with the incident of the failures that are like it.
failed_runs = sa.Table(
    "failed_runs",
    metadata,
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("root_id", sa.Text, nullable=False),  # the run that it began with
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("step", sa.Text),
    sa.Column("failed_at", UtcTime, nullable=False),
    sa.Index("failed_runs_by_root", "deployment", "root_id"),
)

# What a person has said about an incident with a button.
incident_marks = sa.Table(
    "incident_marks",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("mark", sa.Text, primary_key=True),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("until", UtcTime),
)

# One press of “Re-execute from failure”; `token` stands on each run that comes from it.
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, unique=True),  # the payload that it came from
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sqlite_autoincrement=True,
)

launches = sa.Table(
    "launches",
    metadata,
    sa.Column("order_id", sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),  # the failed run
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("child_id", sa.Text),  # the run that executes it again
    sa.Column("problem", sa.Text),
    sa.Column("reason", sa.Text),
)

HELD_LAUNCH = sa.text("state IN ('sending', 'started')")

# A failed run is executed again once, whoever presses at the same time.
sa.Index(
    "one_launch_per_run",
    launches.c.deployment,
    launches.c.run_id,
    unique=True,
    sqlite_where=HELD_LAUNCH,
    postgresql_where=HELD_LAUNCH,
)

# What is done at a time of day, once by whichever process comes first.
slots = sa.Table(
    "slots",
    metadata,
    sa.Column("report", sa.Text, primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)

# What a removed code location was, kept before it is removed.
removals = sa.Table(
    "removals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("origin", sa.Text, unique=True),  # the payload that asked for it
    sa.Index("removals_by_location", "deployment", "location", "id"),
    sqlite_autoincrement=True,
)

# What people have subscribed a channel to.
subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, unique=True),  # the payload that asked for it
    sqlite_autoincrement=True,
)

# What a channel isn't told of for a while.
mutes = sa.Table(
    "mutes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("until", UtcTime, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

# Alerts that Dagster+ has sent; `key` is what an alert is about.
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("dealt_at", UtcTime),
    sqlite_autoincrement=True,
)

# Code locations on their way into repositories, as pull requests.
proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, unique=True),  # the payload that asked for it
    sa.Column("state", sa.Text, nullable=False),  # the last step that is finished
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("updates", sa.Boolean, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),  # where its message was asked for
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("base_sha", sa.Text),
    sa.Column("commit_sha", sa.Text),
    sa.Column("number", sa.Integer),
    sa.Column("url", sa.Text),
    sa.Column("checks", Json),
    sa.Column("by_hand", Json),  # what a person must still add to the branch
    sa.Column("merged_sha", sa.Text),
    sa.Column("merged_at", UtcTime),
    sa.Column("deploy_id", sa.ForeignKey("deploys.id")),
    sa.Column("problem", Json),
    sa.Column("stuck", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", UtcTime),
    sa.Column("ended_at", UtcTime),
    sqlite_autoincrement=True,
)

PROPOSAL_GOES_ON = sa.text("state IN ('new', 'committed', 'pushed', 'open', 'merged', 'following')")

# A location is on its way into a project once, whoever asks at the same time.
sa.Index(
    "one_proposal_per_location",
    proposals.c.project,
    proposals.c.location,
    unique=True,
    sqlite_where=PROPOSAL_GOES_ON,
    postgresql_where=PROPOSAL_GOES_ON,
)
