"""Every earlier schema with data in it comes to the newest one, whole or not at all."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deploy_core.model.deploys import Deploy, Stop
from deploy_core.model.errors import StoreUnavailable
from deploy_core.model.plan import StepName
from deploy_core.model.proposals import ProposalState
from deploy_core.model.states import DeployState, TargetState
from deploy_core.store import migrate
from deploy_core.store.connection import Database
from deploy_core.store.store import Store, database_url
from deploy_core.store.tables import metadata
from deploy_core.watch.alerts import About, Alert
from deploy_core.watch.marks import MarkKind
from deploy_core.watch.reexecution import LaunchState
from deploy_core.watch.subscriptions import Event, Subscription
from tests.store.old_schemas import REVISIONS, ROWS, old_database
from tests.support.clock import NOON, ManualClock
from tests.support.plans import ADA, GRACE, plan, request, target

OLD = REVISIONS[:-1]


@asynccontextmanager
async def opened(address: str, clock: ManualClock) -> AsyncIterator[Store]:
    store = await Store.open(address, clock)
    try:
        yield store
    finally:
        await store.close()


async def revision_of(address: str) -> str | None:
    """Return the revision of a database, without changing it."""
    database = Database(database_url(address))
    async with database.engine.connect() as connection:
        found = await connection.run_sync(migrate._revision)
    await database.close()
    return found


@pytest.mark.parametrize("revision", OLD)
async def test_what_an_earlier_version_left_is_read_and_goes_on(
    address: str, revision: str, clock: ManualClock
) -> None:
    """Everything that was written is read by today's code, and what was running is taken over."""
    await old_database(address, revision)
    await clock.advance(3600)
    async with opened(address, clock) as store:
        assert await revision_of(address) == migrate.NEWEST
        verified, put_back, running, planned, queued = [
            await store.deploys.get(number) for number in range(1, 6)
        ]
        _read_as_written(verified, put_back)
        assert running.state is DeployState.RUNNING
        assert running.targets[0].stop is Stop.GO_BACK
        assert running.targets[0].stop_by == GRACE
        assert planned.state is DeployState.PLANNED
        assert (planned.presses[0].action, planned.presses[0].by) == ("confirm", ADA)
        assert queued.targets[0].ahead == (3,)
        document = target("core").document
        assert await store.applied.file_document("prod", "core") == document
        assert await store.applied.verified_document("prod", "core") == document
        assert (await store.deploys.request_of(2)).actor == GRACE
        assert len(await store.deploys.events(2)) > 10
        if revision >= "0010":
            await _watched(store)
        if revision >= "0011":
            await _executed_again(store)
        await _goes_on(store)
        if revision >= "0012":
            await _alerted(store)
        if revision >= "0013":
            await _proposed(store)


def _read_as_written(verified: Deploy, put_back: Deploy) -> None:
    assert verified.targets[0].state is TargetState.VERIFIED
    assert verified.place is not None
    assert verified.place.ts == "1.1"
    step = verified.targets[0].step(StepName.APPLY)
    assert step is not None
    assert step.output["requested"] == "0123456789abcdef"
    failed = put_back.targets[0]
    assert (failed.state, put_back.by) == (TargetState.PUT_BACK, GRACE)
    assert failed.failure is not None
    assert failed.failure.python_error is not None
    assert "rates" in failed.failure.python_error.message


async def _watched(store: Store) -> None:
    """What was broken, who looks after it, who is told of it and what was removed is known."""
    (core,) = await store.watching.broken("prod", "locations")
    assert (core.subject, core.data, core.opened_at) == (
        "core",
        {"version": "core:2"},
        NOON + timedelta(seconds=30),
    )
    kept = await store.watching.last("prod", "locations")
    assert (kept.version if kept is not None else 0) == 3
    (group,) = await store.failed_runs.open_groups("prod")
    assert (group.group, list(group.jobs)) == ("g", [("core", "daily")])
    assert (await store.failed_runs.of_incidents([3]))[3].runs == 2
    marks = (await store.marks.of([3]))[3]
    assert [(each.kind, each.by) for each in marks] == [
        (MarkKind.ACKNOWLEDGED, ADA),
        (MarkKind.MUTED, GRACE),
    ]
    assert await store.watching.had_slot("digest:prod", "2026-03-01T09:00")
    removed = await store.removals.last("prod", "shop")
    assert removed is not None
    assert (removed.by, removed.document["code_source"]) == (GRACE, {"module_name": "shop"})
    (subscribed,) = await store.subscriptions.all()
    assert subscribed.by == ADA
    assert subscribed.subscription == Subscription(
        channel="C0DATA",
        events=(Event.RUNS,),
        only=("dbt*",),
        quiet="22:00-07:00 Europe/Berlin",
        digest="daily 09:00 UTC",
    )
    (muted,) = await store.subscriptions.mutes(NOON + timedelta(days=1))
    assert (muted.channel, muted.events) == ("C0DATA", (Event.RUNS,))
    again, _ = await store.subscriptions.add(subscribed.subscription, ADA, origin="command:sub")
    assert (again.id, len(await store.subscriptions.all())) == (1, 1), "the same command"


async def _executed_again(store: Store) -> None:
    """What was asked for goes on where it stood: nothing is sent twice."""
    (order,) = (await store.reexecutions.of([3]))[3]
    assert (order.by, order.ended_at) == (GRACE, None)
    assert [(each.failed.id, each.state) for each in order.launches] == [
        ("r1", LaunchState.SENDING),
        ("r2", LaunchState.WAITING),
    ]
    assert await store.reexecutions.claim(order, "r2")


async def _alerted(store: Store) -> None:
    """The alert that waits is joined to what it is about; the other one is never told again."""
    (waiting,) = await store.alerts.waiting("prod")
    assert waiting.alert == Alert("prod", About.LOCATION, "core", "core can't be loaded")
    (core,) = await store.watching.broken("prod", "locations")
    assert await store.alerts.incident_of(waiting) == core.id
    assert await store.alerts.join(waiting, core.id)
    again = Alert("prod", About.RUN, "r1", "daily failed", "Critical")
    assert not await store.alerts.take(again)


async def _proposed(store: Store) -> None:
    """What is on its way into a repository goes on from its last step."""
    (due,) = await store.proposals.due()
    assert (due.request.project, due.request.location, due.commit_sha) == (
        "monorepo",
        "shop",
        "c" * 40,
    )
    assert await store.proposals.made_from("command:propose") == due
    assert await store.proposals.moved(due, ProposalState.PUSHED) is not None


async def _goes_on(store: Store) -> None:
    assert await store.deploys.create(plan(), request(), origin="command 1") == 1, "made once"
    assert [
        left.key
        for left in await store.inbox.unfinished(NOON - NOON.min.replace(tzinfo=NOON.tzinfo))
    ] == ["half done"]
    assert not await store.inbox.take("seen")
    await store.outbox.recover()
    waiting = {intent.deploy_id for intent in await store.outbox.due()}
    assert waiting == {1, 2, 3, 4, 5}
    (core, ml) = await store.work.claim("new", most=5)
    assert (core.deploy_id, core.location, ml.location) == (3, "core", "ml")
    assert core.fence == 2
    await store.work.move(core, TargetState.FAILED)
    (next_one,) = await store.work.claim("new", most=5)
    assert next_one.deploy_id == 5
    await store.deploys.confirm(4, ADA)
    assert await store.deploys.create(plan("other"), request("other")) == 6


@pytest.mark.parametrize("revision", OLD)
async def test_two_processes_bring_it_up_to_date_at_once(
    address: str, revision: str, clock: ManualClock
) -> None:
    await old_database(address, revision)
    stores = await asyncio.gather(*(Store.open(address, clock) for _ in range(4)))
    for store in stores:
        assert (await store.deploys.get(2)).targets[0].state is TargetState.PUT_BACK
        await store.close()


async def test_two_processes_make_the_first_tables_at_once(
    address: str, clock: ManualClock
) -> None:
    stores = await asyncio.gather(*(Store.open(address, clock) for _ in range(4)))
    for store in stores:
        await store.close()


class CutOff(Exception):
    """The process ends here."""


@pytest.mark.proof
@pytest.mark.parametrize("revision", [None, OLD[0], OLD[-1]])
async def test_cut_off_at_any_statement_nothing_has_happened(
    address: str, revision: str | None, clock: ManualClock
) -> None:
    """A migration that ends anywhere leaves the schema and its rows as they were. From the first
    schema on, every later statement is run."""
    if revision is not None:
        await old_database(address, revision)
    before = await _content(address)
    statements, cut_off = 0, True
    while cut_off:
        statements += 1
        cut_off = await _cut_off_at(address, statements)
        if cut_off:
            assert await _content(address) == before, f"cut off at statement {statements}"
    assert statements > 5
    async with opened(address, clock) as store:
        assert await store.deploys.recent() is not None


async def _cut_off_at(address: str, number: int) -> bool:
    database = Database(database_url(address))
    left = number

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        if statement.startswith(("BEGIN", "PRAGMA")):
            return
        left -= 1
        if left == 0:
            raise CutOff

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    try:
        await migrate.bring_up_to_date(database.engine)
    except CutOff:
        return True
    finally:
        await database.close()
    return False


async def _content(address: str) -> dict[str, Any]:
    """Every table with its columns and rows."""
    database = Database(database_url(address))

    def read(connection: sa.Connection) -> dict[str, Any]:
        tables = sa.MetaData()
        tables.reflect(connection)
        return {
            name: (
                [(column.name, str(column.type)) for column in table.columns],
                sorted(repr(row) for row in connection.execute(table.select())),
            )
            for name, table in tables.tables.items()
        }

    async with database.read() as connection:
        found = await connection.run_sync(read)
    await database.close()
    return found


KILLED = """
import asyncio, os, sys
import sqlalchemy as sa
from deploy_core.store import migrate
from deploy_core.store.connection import Database
from deploy_core.store.store import database_url

async def main():
    database = Database(database_url(sys.argv[1]))
    left = int(sys.argv[2])
    def count(*_):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
    sa.event.listen(database.engine.sync_engine, "after_cursor_execute", count)
    await migrate.bring_up_to_date(database.engine)

left = int(sys.argv[2])
asyncio.run(main())
"""


@pytest.mark.parametrize("statement", [8, 14])
async def test_killed_in_the_middle_the_next_start_does_it(
    address: str, statement: int, clock: ManualClock
) -> None:
    """`kill -9` of a real process after so many statements of the first migration."""
    await old_database(address, REVISIONS[0])
    before = await _content(address)
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, address, str(statement)
    )
    assert await killed.wait() == -9
    assert await _content(address) == before
    async with opened(address, clock) as store:
        assert (await store.deploys.get(2)).targets[0].state is TargetState.PUT_BACK


async def test_a_migration_that_loses_a_row_is_refused(tmp_path: Path) -> None:
    """References are looked at again before the new schema counts (SQLite)."""
    address = str(tmp_path / "store.sqlite")
    await old_database(address, REVISIONS[0])
    with sqlite3.connect(address) as raw:
        raw.execute("DELETE FROM deploys WHERE id = 1")
    database = Database(database_url(address))
    with pytest.raises(StoreUnavailable):
        await database.migrate()
    await database.close()
    assert await revision_of(address) == REVISIONS[0]


def test_the_rows_of_old_versions_have_every_table() -> None:
    """What is new in the newest schema has rows as soon as another revision follows."""
    known = {name for path in ROWS.glob("*.json") for name in json.loads(path.read_text("utf-8"))}
    assert known <= set(metadata.tables)
    assert {"deploys", "targets", "steps", "events", "outbox", "inbox", "applied"} <= known
    assert {"observations", "incidents", "incident_posts", "posts", "slots", "removals"} <= known
    assert {
        "failed_runs",
        "incident_marks",
        "subscriptions",
        "mutes",
        "orders",
        "launches",
        "alerts",
        "proposals",
    } <= known
