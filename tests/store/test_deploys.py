"""Making, reading, confirming and stopping deploys."""

import asyncio

import pytest

from deploy_core.model.deploys import EventKind, Place, Stop
from deploy_core.model.errors import AlreadyEnded, AlreadySent, UnknownDeploy
from deploy_core.model.people import Actor
from deploy_core.model.plan import StepName
from deploy_core.model.states import DeployState, TargetState
from deploy_core.store.store import Store
from tests.support.plans import ADA, GRACE, plan, request


async def test_what_was_written_is_read_back(store: Store) -> None:
    made = plan("core", "marts")
    place = Place(channel="C1")
    deploy_id = await store.deploys.create(made, request("core", "marts"), place=place)
    deploy = await store.deploys.get(deploy_id)
    assert deploy.plan == made
    assert deploy.plan.digest == made.digest
    assert deploy.by == ADA
    assert deploy.place == place
    assert [target.state for target in deploy.targets] == [TargetState.QUEUED] * 2
    assert deploy.state is DeployState.QUEUED
    assert await store.deploys.request_of(deploy_id) == request("core", "marts")


async def test_the_same_origin_makes_one_deploy(store: Store) -> None:
    first = await store.deploys.create(plan(), request(), origin="command:1")
    again = await store.deploys.create(plan(), request(), origin="command:1")
    other = await store.deploys.create(plan(), request(), origin="command:2")
    assert first == again
    assert other != first


async def test_an_unknown_deploy_says_so(store: Store) -> None:
    with pytest.raises(UnknownDeploy, match="no deploy 7"):
        await store.deploys.get(7)


async def test_a_protected_deploy_waits_and_is_confirmed_once(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(protected=True), request())
    assert (await store.deploys.get(deploy_id)).state is DeployState.PLANNED
    assert await store.work.claim("w", most=5) == []
    await store.deploys.confirm(deploy_id, ADA)
    deploy = await store.deploys.get(deploy_id)
    assert deploy.state is DeployState.QUEUED
    assert deploy.confirmed_at is not None
    with pytest.raises(AlreadyEnded):
        await store.deploys.confirm(deploy_id, ADA)


async def test_a_waiting_deploy_is_cancelled_at_once_and_ends(store: Store) -> None:
    deploy_id = await store.deploys.create(plan("core", "marts"), request())
    assert await store.deploys.ask_stop(deploy_id, Stop.CANCEL, GRACE) == 2
    deploy = await store.deploys.get(deploy_id)
    assert deploy.state is DeployState.CANCELLED
    assert deploy.ended_at is not None
    assert deploy.targets[0].stop_by == GRACE
    kinds = [event.kind for event in await store.deploys.events(deploy_id)]
    assert kinds == [EventKind.PLANNED, EventKind.MOVED, EventKind.MOVED, EventKind.ENDED]
    with pytest.raises(AlreadyEnded):
        await store.deploys.ask_stop(deploy_id, Stop.CANCEL, GRACE)


async def test_a_sent_change_is_not_cancelled_but_taken_back(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.APPLY)
    with pytest.raises(AlreadySent):
        await store.deploys.ask_stop(deploy_id, Stop.CANCEL, ADA)
    assert await store.work.stops("w") == {}
    assert await store.deploys.ask_stop(deploy_id, Stop.GO_BACK, ADA) == 1
    assert await store.work.stops("w") == {claim.target_id: Stop.GO_BACK}


async def test_going_back_before_anything_was_sent_is_cancelling(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    assert await store.deploys.ask_stop(deploy_id, Stop.GO_BACK, ADA) == 1
    assert await store.work.stops("w") == {claim.target_id: Stop.CANCEL}


async def test_what_is_being_put_back_can_not_be_stopped(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.APPLY)
    await store.work.move(claim, TargetState.PUTTING_BACK)
    for stop in Stop:
        with pytest.raises(AlreadySent, match="already being put back"):
            await store.deploys.ask_stop(deploy_id, stop, ADA)


async def test_a_queued_target_knows_who_is_ahead(store: Store) -> None:
    first = await store.deploys.create(plan("core"), request())
    second = await store.deploys.create(plan("core"), request())
    third = await store.deploys.create(plan("core", "marts"), request())
    await store.work.claim("w", most=1)
    assert (await store.deploys.get(second)).targets[0].ahead == (first,)
    waiting = await store.deploys.get(third)
    assert [target.ahead for target in waiting.targets] == [(first, second), ()]


async def test_a_button_is_pressed_once(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    assert await store.deploys.press(deploy_id, "cancel", ADA) is None
    before = await store.deploys.press(deploy_id, "cancel", GRACE)
    assert before is not None
    assert before.by == ADA
    assert [press.by for press in (await store.deploys.get(deploy_id)).presses] == [ADA]
    await store.deploys.unpress(deploy_id, "cancel")
    assert await store.deploys.press(deploy_id, "cancel", GRACE) is None


async def test_running_and_recent(store: Store) -> None:
    one = await store.deploys.create(plan("core"), request())
    two = await store.deploys.create(plan("marts", deployment="staging"), request())
    await store.deploys.ask_stop(one, Stop.CANCEL, ADA)
    assert [deploy.id for deploy in await store.deploys.running()] == [two]
    assert [deploy.id for deploy in await store.deploys.recent()] == [two, one]
    assert [d.id for d in await store.deploys.recent(deployment="prod")] == [one]
    assert [d.id for d in await store.deploys.recent(location="marts")] == [two]


async def test_of_sixteen_presses_at_once_one_wins_and_the_others_hear_who(store: Store) -> None:
    deploy_id = await store.deploys.create(plan(), request())
    people = [Actor(kind="slack", id=f"U{number}") for number in range(16)]
    before = await asyncio.gather(
        *(store.deploys.press(deploy_id, "cancel", person) for person in people)
    )
    (winner,) = [person for person, press in zip(people, before, strict=True) if press is None]
    assert {press.by for press in before if press is not None} == {winner}


async def test_confirm_and_cancel_at_once_have_one_winner(store: Store) -> None:
    for _ in range(5):
        deploy_id = await store.deploys.create(plan(protected=True), request())
        results = await asyncio.gather(
            store.deploys.confirm(deploy_id, ADA),
            store.deploys.ask_stop(deploy_id, Stop.CANCEL, GRACE),
            return_exceptions=True,
        )
        state = (await store.deploys.get(deploy_id)).state
        # A confirmed deploy may be cancelled right after; a cancelled one is never confirmed.
        assert state is DeployState.CANCELLED or isinstance(results[1], AlreadyEnded)
        moves = [e.data["to"] for e in await store.deploys.events(deploy_id) if e.kind == "moved"]
        assert moves in (["cancelled"], ["queued", "cancelled"])


async def test_a_worker_reads_its_own_target_alone(store: Store) -> None:
    deploy_id = await store.deploys.create(plan("core", "marts", "ml"), request())
    claims = await store.work.claim("w", most=3)
    await store.work.start_step(claims[1], StepName.APPLY)
    whole = await store.deploys.get(deploy_id)
    mine = await store.deploys.get_for_target(deploy_id, 1)
    assert mine.targets == (whole.targets[1],)
    assert [step.name for step in mine.targets[0].steps] == [StepName.APPLY]
    assert mine.plan.targets == (whole.plan.targets[1],)
    for number, position in ((deploy_id, 3), (deploy_id + 1, 0)):
        with pytest.raises(UnknownDeploy):
            await store.deploys.get_for_target(number, position)
