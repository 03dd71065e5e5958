"""Claims, leases, fences and the journal."""

import asyncio

import pytest

from deploy_core.model.deploys import EventKind, Failure, StepState, Stop
from deploy_core.model.errors import AnotherWorker, Cancelled, GoneBack, IllegalMove, LeaseLost
from deploy_core.model.plan import StepName
from deploy_core.model.states import DeployState, TargetState
from deploy_core.store.leases import LEASE
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA, plan, request

FAILURE = Failure(reason="load_failed", summary="core doesn't load.", next_step="Mend it.")


async def test_one_target_is_run_by_one(store: Store) -> None:
    await store.deploys.create(plan("core", "marts"), request())
    first = await store.work.claim("one", most=10)
    assert [claim.location for claim in first] == ["core", "marts"]
    assert await store.work.claim("two", most=10) == []


async def test_two_deploys_of_one_target_run_one_after_the_other(store: Store) -> None:
    first = await store.deploys.create(plan("core"), request())
    second = await store.deploys.create(plan("core", "marts"), request())
    claims = await store.work.claim("w", most=10)
    assert [(claim.deploy_id, claim.location) for claim in claims] == [
        (first, "core"),
        (second, "marts"),
    ]
    await store.work.move(claims[0], TargetState.VERIFIED)
    (next_one,) = await store.work.claim("w", most=10)
    assert (next_one.deploy_id, next_one.location) == (second, "core")


async def test_claims_at_the_same_time_have_one_winner(store: Store) -> None:
    await store.deploys.create(plan("core"), request())
    claims = await asyncio.gather(*(store.work.claim(f"w{n}", most=1) for n in range(8)))
    assert sum(len(claim) for claim in claims) == 1


async def test_a_silent_worker_is_taken_over_and_fenced_out(
    store: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan("core"), request())
    (old,) = await store.work.claim("old", most=1)
    await clock.advance(LEASE.total_seconds() - 1)
    assert await store.work.claim("new", most=1) == []
    await clock.advance(1)
    (new,) = await store.work.claim("new", most=1)
    assert new.fence == old.fence + 1
    for attempt in (
        store.work.hold(old),
        store.work.start_step(old, StepName.APPLY),
        store.work.move(old, TargetState.VERIFIED),
    ):
        with pytest.raises(LeaseLost):
            await attempt
    await store.work.hold(new)


async def test_a_lease_that_ran_out_is_lost_even_if_nobody_took_it(
    store: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("w", most=1)
    await clock.advance(LEASE.total_seconds() + 1)
    await store.work.renew("w", [claim.target_id])
    with pytest.raises(LeaseLost):
        await store.work.hold(claim)


async def test_renewing_keeps_the_lease(store: Store, clock: ManualClock) -> None:
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("w", most=1)
    for _ in range(5):
        await clock.advance(LEASE.total_seconds() - 1)
        await store.work.renew("w", [claim.target_id])
    await store.work.hold(claim)


async def test_sqlite_has_one_worker_process_and_postgresql_many(
    store: Store, clock: ManualClock
) -> None:
    await store.work.enlist("one", "bot")
    if not store.database.is_sqlite:
        await store.work.enlist("two", "cli")
        return
    await store.work.enlist("one", "bot")
    with pytest.raises(AnotherWorker, match="bot one"):
        await store.work.enlist("two", "cli")
    await store.work.leave("one")
    await store.work.enlist("two", "cli")
    await clock.advance(LEASE.total_seconds() + 1)
    await store.work.enlist("three", "bot")


async def test_the_journal_keeps_outputs_and_one_line_a_step(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.READ_LIVE)
    await store.work.end_step(claim, StepName.READ_LIVE, StepState.FINISHED, {"loaded": True})
    await store.work.start_step(claim, StepName.WAIT)
    await store.work.keep_output(claim, StepName.WAIT, {"loading": True})
    await store.work.start_step(claim, StepName.WAIT)
    steps = (await store.deploys.get(deploy_id)).targets[0].steps
    assert [(step.name, step.state, step.output) for step in steps] == [
        (StepName.READ_LIVE, StepState.FINISHED, {"loaded": True}),
        (StepName.WAIT, StepState.STARTED, {"loading": True}),
    ]


async def test_a_cancel_wins_against_a_step_that_has_not_begun(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.deploys.ask_stop(deploy_id, Stop.CANCEL, ADA)
    with pytest.raises(Cancelled):
        await store.work.start_step(claim, StepName.APPLY)
    assert (await store.deploys.get(deploy_id)).targets[0].steps == ()


async def test_only_moves_of_the_table_happen(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    with pytest.raises(IllegalMove):
        await store.work.move(claim, TargetState.PUT_BACK)
    assert (await store.deploys.get(deploy_id)).targets[0].state is TargetState.RUNNING


async def test_the_last_target_ends_the_deploy_and_says_so(store: Store) -> None:
    deploy_id = await store.deploys.create(plan("core", "marts"), request())
    core, marts = await store.work.claim("w", most=2)
    await store.work.move(core, TargetState.VERIFIED)
    assert (await store.deploys.get(deploy_id)).ended_at is None
    await store.work.move(marts, TargetState.FAILED, failure=FAILURE)
    deploy = await store.deploys.get(deploy_id)
    assert deploy.ended_at is not None
    assert deploy.state is DeployState.PARTLY
    assert deploy.targets[1].failure == FAILURE
    topics = []
    while due := await store.outbox.due():
        for intent in due:
            assert await store.outbox.take(intent)
            await store.outbox.sent(intent)
            topics.append((intent.topic, intent.position))
    assert topics == [("card", None), ("detail", 1), ("ended", None)]


async def test_targets_that_end_at_the_same_moment_end_the_deploy_once(store: Store) -> None:
    names = [f"location_{number}" for number in range(6)]
    deploy_id = await store.deploys.create(plan(*names), request(*names))
    claims = await store.work.claim("w", most=10)
    await asyncio.gather(*(store.work.move(claim, TargetState.VERIFIED) for claim in claims))
    kinds = [event.kind for event in await store.deploys.events(deploy_id)]
    assert kinds.count(EventKind.ENDED) == 1
    assert (await store.deploys.get(deploy_id)).state is DeployState.SUCCEEDED


async def test_an_end_stops_the_step_that_a_dead_process_had_begun(
    store: Store, clock: ManualClock
) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (dead,) = await store.work.claim("dead", most=1)
    await store.work.start_step(dead, StepName.READ_LIVE)
    await store.deploys.ask_stop(deploy_id, Stop.CANCEL, ADA)
    await clock.advance(LEASE.total_seconds())
    (claim,) = await store.work.claim("next", most=1)
    await store.work.move(claim, TargetState.CANCELLED)
    step = (await store.deploys.get(deploy_id)).targets[0].step(StepName.READ_LIVE)
    assert step is not None
    assert (step.state, step.ended_at) == (StepState.STOPPED, clock.now())


async def test_a_wish_to_cancel_wins_against_having_nothing_to_do(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.READ_LIVE)
    assert await store.deploys.ask_stop(deploy_id, Stop.CANCEL, ADA) == 1
    with pytest.raises(Cancelled):
        await store.work.move(claim, TargetState.UNCHANGED)
    await store.work.move(claim, TargetState.CANCELLED)


async def test_a_wish_to_go_back_wins_against_a_good_end(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.APPLY)
    assert await store.deploys.ask_stop(deploy_id, Stop.GO_BACK, ADA) == 1
    for end in (TargetState.VERIFIED, TargetState.UNPROVEN):
        with pytest.raises(GoneBack):
            await store.work.move(claim, end)
    await store.work.move(claim, TargetState.PUTTING_BACK)
