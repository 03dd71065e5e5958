"""A digest is posted once in its slot, by one of two replicas, over restarts and long sleeps."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from deploy_core.model.deploys import StepState
from deploy_core.model.errors import Unreachable
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.settings import CoreSettings, DeploymentSettings, DigestSettings
from deploy_core.status import DeploymentStatus
from deploy_core.store.look import Facts, Look
from deploy_core.store.store import Store
from deploy_core.watch.digests import Digests
from deploy_core.watch.failed_runs import RUNS, FailedRun
from deploy_core.watch.queue import QUEUE
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.schedules import SCHEDULES
from deploy_core.watch.subscriptions import Subscription
from deploy_core.watch.transitions import Happened
from tests.support.clock import ManualClock
from tests.support.plans import plan, request


class Away:
    """Dagster+ can't be asked; the digest comes all the same."""

    async def deployment(self, deployment: str, *, now: bool = False) -> DeploymentStatus:
        raise Unreachable(f"Dagster+ can't be reached ({deployment}, {now}).")


def digests(store: Store, clock: ManualClock, **changes: str) -> Digests:
    said = {"cron": "0 9 * * *", "timezone": "Europe/Berlin", **changes}
    digest = DigestSettings.model_validate(said)
    prod = DeploymentSettings(watch_channel="C0OPS", digest=digest)
    settings = CoreSettings(deployments={"prod": prod})
    return digests_of(settings, store, clock)


def digests_of(settings: CoreSettings, store: Store, clock: ManualClock) -> Digests:
    projects = {"core": "platform", "marts": "dbt"}
    recipients = Recipients(settings, store.subscriptions, clock, projects.get)
    return Digests(settings, Away(), store, clock, recipients)  # type: ignore[arg-type]


async def posted(store: Store) -> list[str]:
    found = []
    while due := await store.outbox.due():
        for intent in due:
            await store.outbox.take(intent)
            await store.outbox.sent(intent)
            if intent.post_id is not None:
                found.append((await store.posts.get(intent.post_id)).key)
    return found


async def test_two_replicas_restarts_and_sleep(store: Store, clock: ManualClock) -> None:
    clock.set_wall(datetime(2026, 3, 27, 15, 0, tzinfo=UTC))
    keys: list[str] = []
    for number in range(60):
        for _ in range(2):  # each look is a new object: as if the process had been started anew
            await digests(store, clock).look("prod")
        keys += await posted(store)
        hours = 6 if number % 7 == 3 else 2
        clock.set_wall(clock.now() + timedelta(hours=hours))
    days = [f"digest:prod:2026-{day}T09:00:C0OPS" for day in ("03-28", "03-29", "03-30", "03-31")]
    assert keys[:4] == days
    assert len(keys) == len(set(keys))


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
async def test_a_year_of_digests_has_one_for_each_local_day(
    store: Store, address: str, clock: ManualClock, zone: str
) -> None:
    """Two replicas, each with its own connection, that restart at each look and sleep for six
    hours now and then, over both changes of the clocks."""
    random = Random(zone)
    clock.set_wall(datetime(2026, 1, 1, tzinfo=UTC))
    other = await Store.open(address, clock)
    keys: list[str] = []
    try:
        while clock.now() < datetime(2027, 1, 1, tzinfo=UTC):
            replicas = [store, other] if random.random() < 0.5 else [other, store]
            looks = [digests(each, clock, timezone=zone).look("prod") for each in replicas]
            await asyncio.gather(*looks)
            if await store.outbox.due():
                keys += await posted(store)
            hours = random.choice([1, 4, 6, 6 + 6])
            clock.set_wall(clock.now() + timedelta(hours=hours, minutes=random.randrange(60)))
    finally:
        await other.close()
    days = [date.fromisoformat(key.split(":")[2].partition("T")[0]) for key in keys]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert len(days) >= 363


async def test_after_a_long_sleep_there_is_one_and_it_says_so(
    store: Store, clock: ManualClock
) -> None:
    clock.set_wall(datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    await digests(store, clock).look("prod")
    clock.set_wall(datetime(2026, 5, 4, 13, 0, tzinfo=UTC))
    assert await digests(store, clock).look("prod")
    assert not await digests(store, clock).look("prod")
    assert await posted(store) == ["digest:prod:2026-05-04T09:00:C0OPS"]
    assert (await store.posts.get(1)).data["late"] == 6 * 3600


async def test_quiet_can_be_silent(store: Store, clock: ManualClock) -> None:
    clock.set_wall(datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    quiet = digests(store, clock, when_quiet="silence")
    await quiet.look("prod")
    clock.set_wall(datetime(2026, 5, 2, 8, 0, tzinfo=UTC))
    assert await quiet.look("prod")
    assert await posted(store) == []
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.move(claim, TargetState.VERIFIED)
    clock.set_wall(datetime(2026, 5, 3, 8, 0, tzinfo=UTC))
    assert await quiet.look("prod")
    assert "digest:prod:2026-05-03T09:00:C0OPS" in await posted(store)
    assert (await store.posts.get(1)).data["good"] == 1


async def test_what_runs_failed_of_is_in_the_digest(store: Store, clock: ManualClock) -> None:
    clock.set_wall(datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    quiet = digests(store, clock, when_quiet="silence")
    await quiet.look("prod")
    at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    runs = [
        FailedRun(f"r{n}", f"r{n}", "g" if n else "h", "daily", "core", None, at) for n in (0, 1, 2)
    ]
    moves: list[tuple[str, Happened, Facts]] = [
        ("g", Happened.FAILED, {"error": {"message": "KeyError: 'EUR'\n"}}),
        ("h", Happened.FAILED, {"error": None}),
    ]
    await store.watching.keep(Look("prod", RUNS, 0, at, {}, moves=moves, runs=runs))
    clock.set_wall(datetime(2026, 5, 2, 8, 0, tzinfo=UTC))
    assert await quiet.look("prod")
    data = (await store.posts.get(1)).data
    assert data["failures"] == [["KeyError: 'EUR'", 2], ["an unknown error", 1]]
    assert (data["failures_count"], data["failed_runs"], data["down_count"]) == (2, 3, 0)


async def test_a_subscribed_digest_is_about_its_names_alone(
    store: Store, clock: ManualClock
) -> None:
    clock.set_wall(datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    settings = CoreSettings(
        deployments={"prod": DeploymentSettings()},
        subscriptions=(
            Subscription(channel="C0DBT", only=("dbt",), digest="daily 09:00 Europe/Berlin"),
            Subscription(channel="C0ALL", digest="daily 09:00 Europe/Berlin"),
            Subscription(channel="C0NONE", only=("x*",), digest="daily 09:00 Europe/Berlin"),
            Subscription(channel="C0STAGE", deployment="staging", digest="daily 09:00"),
        ),
    )
    both = digests_of(settings, store, clock)
    await both.look("prod")
    at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    runs = [
        FailedRun(f"r{n}", f"r{n}", "g", "daily", place, None, at)
        for n, place in enumerate(("core", "marts", "marts"))
    ]
    move: tuple[str, Happened, Facts] = ("g", Happened.FAILED, {"error": None})
    await store.watching.keep(Look("prod", RUNS, 0, at, {}, moves=[move], runs=runs))
    clock.set_wall(at)
    await store.deploys.create(plan("core", "marts"), request())
    for claim in await store.work.claim("w", most=2):
        await store.work.start_step(claim, StepName.WAIT)
        clock.set_wall(at + timedelta(seconds=30))
        await store.work.end_step(claim, StepName.WAIT, StepState.FINISHED, {})
    clock.set_wall(datetime(2026, 5, 2, 8, 0, tzinfo=UTC))
    assert await both.look("prod")
    assert not await both.look("prod")
    keys = await posted(store)
    assert [key.rpartition(":")[2] for key in keys] == ["C0DBT", "C0ALL"]
    dbt, everything = [(await store.posts.get(number)).data for number in (1, 2)]
    assert (dbt["failed_runs"], dbt["only"]) == (2, ["dbt"])
    assert (everything["failed_runs"], everything.get("only")) == (3, None)
    assert dbt["loads"] == [["marts", 0.0]]
    assert everything["loads"] == [["core", 30.0], ["marts", 0.0]]


async def test_what_is_silent_is_not_called_down(store: Store, clock: ManualClock) -> None:
    clock.set_wall(datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    settings = CoreSettings(
        deployments={"prod": DeploymentSettings()},
        subscriptions=(
            Subscription(channel="C0ALL", digest="daily 09:00 Europe/Berlin"),
            Subscription(channel="C0CORE", only=("core",), digest="daily 09:00 Europe/Berlin"),
            Subscription(channel="C0DBT", only=("dbt",), digest="daily 09:00 Europe/Berlin"),
        ),
    )
    every = digests_of(settings, store, clock)
    await every.look("prod")
    at = datetime(2026, 5, 2, 5, 0, tzinfo=UTC)
    in_core: Facts = {"location": "core"}
    broken: list[tuple[str, str, Facts]] = [
        ("locations", "marts", {}),
        (SCHEDULES, "schedule daily in core", in_core),
        (QUEUE, "run queue", {}),
    ]
    for kind, subject, facts in broken:
        moves = [(subject, Happened.FAILED, facts)]
        await store.watching.keep(Look("prod", kind, 0, at, {}, moves=moves))
    clock.set_wall(datetime(2026, 5, 2, 8, 0, tzinfo=UTC))
    assert await every.look("prod")
    told = [await store.posts.get(number) for number in (1, 2, 3)]
    found = {post.channel: post.data for post in told}
    silent = ["schedule daily in core", 10_800.0]
    assert found["C0ALL"]["down"] == [["marts", 10_800.0]]
    assert found["C0ALL"]["silent"] == [silent, ["run queue", 10_800.0]]
    assert found["C0CORE"]["silent"] == [silent]
    assert (found["C0CORE"]["down"], found["C0CORE"]["silent_count"]) == ([], 1)
    assert (found["C0DBT"]["down_count"], found["C0DBT"]["silent"]) == (1, [])
