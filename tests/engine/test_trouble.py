"""Dagster+ in trouble: what is tried again, what is looked up first, what ends the deploy."""

import asyncio
from typing import Any

import pytest

from deploy_core.model.errors import ProtocolError, ServerError
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.engine.world import SPEED, World

PUT, STATES, ENTRIES = "ChatopsPutLocation", "ChatopsLocationStates", "ChatopsWorkspaceEntries"


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        ({"kind": "status", "status": 429, "retry_after": "2"}, 2),
        ({"kind": "status", "status": 503, "retry_after": "1"}, 2),
        ({"kind": "maintenance"}, 2),
        ({"kind": "status", "status": 500}, 2),
        ({"kind": "drop_before_change"}, 2),
        ({"kind": "drop_after_change"}, 1),
        ({"kind": "truncated"}, 1),
        ({"kind": "unknown_typename"}, 1),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_a_change_is_sent_again_only_if_it_was_not_made(
    world: World, fault: dict[str, Any], sent: int
) -> None:
    world.fault(PUT, **fault)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.VERIFIED
    requests = await world.requests(PUT)
    assert len(requests) == sent
    if sent == 2 and "retry_after" in fault:
        assert requests[1]["at"] - requests[0]["at"] >= float(fault["retry_after"]) / SPEED


@pytest.mark.parametrize("kind", ["drop_after_change", "truncated"])
async def test_a_lost_answer_is_looked_up_before_anything_else_is_sent(
    world: World, kind: str
) -> None:
    await world.deploy("quickstart", ref="v1")
    world.fault(PUT, kind)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.VERIFIED
    assert len(await world.requests(PUT)) == 2
    assert world.commit_of("quickstart") == await world.sha("quickstart", "main")


async def test_a_change_that_never_gets_through_needs_a_person(world: World) -> None:
    world.fault(PUT, "drop_before_change", times=None)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.failure is not None
    assert target.failure.reason == "dagster_answer_lost"
    assert len(await world.requests(PUT)) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "errors", "message": "boom"}, "dagster_server_error"),
        ({"kind": "status", "status": 401}, "dagster_token_refused"),
        ({"kind": "status", "status": 403}, "dagster_token_refused"),
    ],
    ids=str,
)
async def test_a_change_that_was_refused_leaves_everything_as_it_was(
    world: World, fault: dict[str, Any], reason: str
) -> None:
    await world.deploy("quickstart", ref="v1")
    world.fault(PUT, **fault)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert target.failure.reason == reason
    assert len(await world.requests(PUT)) == 2
    assert world.commit_of("quickstart") == await world.sha("quickstart", "v1")


async def test_a_token_revoked_before_our_change_was_read_back_is_not_called_unchanged(
    world: World,
) -> None:
    world.fault(PUT, "slow", seconds=0.3)
    started = await world.start("quickstart")
    await world.asked(PUT)
    world.fault(ENTRIES, "status", status=401, times=None)
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.failure is not None
    assert target.failure.reason == "dagster_token_refused"


async def test_a_token_revoked_in_the_wait_is_not_tried_for_ever(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    world.fault(STATES, "status", status=401, times=None)
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.failure is not None
    assert target.failure.reason == "dagster_token_refused"
    refused = [each for each in await world.requests(STATES) if each["fault"] == "status"]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (STATES, {"kind": "errors"}),
        (STATES, {"kind": "unknown_typename"}),
        (STATES, {"kind": "truncated"}),
        (STATES, {"kind": "status", "status": 429, "retry_after": "1"}),
        (STATES, {"kind": "maintenance"}),
        (ENTRIES, {"kind": "errors"}),
        (ENTRIES, {"kind": "status", "status": 502}),
        (ENTRIES, {"kind": "drop_before_change"}),
    ],
    ids=str,
)
async def test_passing_trouble_while_it_loads_is_waited_out(
    world: World, operation: str, fault: dict[str, Any]
) -> None:
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    world.fault(operation, times=2, **fault)
    await wait_until_spent(world)
    world.no_faults()
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.VERIFIED


async def wait_until_spent(world: World) -> None:
    async def spent() -> bool:
        return not world.sandbox.plane.faults.requests

    await world.eventually(spent)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("errors", ServerError), ("unknown_typename", ProtocolError), ("truncated", ProtocolError)],
)
async def test_answers_that_can_not_be_understood_name_the_operation(
    world: World, kind: str, error: type[Exception]
) -> None:
    world.fault("ChatopsLocationDocuments", kind, times=None)
    with pytest.raises(error, match="ChatopsLocationDocuments"):
        await world.start("quickstart")
    assert await world.store.deploys.recent() == []


async def test_three_hundred_waits_share_their_looks(world: World) -> None:
    """Many targets at once ask for the states once, not each on its own."""
    names = ["quickstart", "core", "marts", "ml"]
    for name in names:
        world.load_fault(name, "never_loaded")
    started = await world.start(*names)
    for position in range(4):
        await world.at_step(started.id, StepName.WAIT, position)
    before = len(await world.requests(STATES))
    await asyncio.gather(*(world.services.dagster.location_states("prod") for _ in range(300)))
    assert len(await world.requests(STATES)) - before < 12
