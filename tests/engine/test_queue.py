"""One running deploy per target; the next one waits and knows behind whom."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy_core.model.deploys import Stop
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.settings import DeploymentSettings
from tests.engine.world import World, open_world
from tests.support.plans import ADA, GRACE

PATIENT = DeploymentSettings(may_deploy=(ADA.key, GRACE.key), load_deadline=60.0)


@pytest.fixture
async def world(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    """What is first in the queue mustn't run out of time while a slow machine gets to the next."""
    deployments = {
        "prod": PATIENT,
        "staging": PATIENT.model_copy(update={"protected": True}),
    }
    async with open_world(tmp_path, projects, deployments=deployments) as opened:
        yield opened


async def test_the_second_waits_for_the_first_and_then_runs(world: World) -> None:
    world.load_fault("quickstart", "never_loaded", times=1)
    first = await world.start("quickstart", ref="v1")
    await world.at_step(first.id, StepName.WAIT)
    second = await world.start("quickstart", by=GRACE)
    third = await world.start("quickstart", by=ADA)
    assert second.targets[0].ahead == (first.id,)
    assert third.targets[0].ahead == (first.id, second.id)
    beside = await world.deploy("core")
    assert beside.targets[0].state is TargetState.VERIFIED
    waiting = (await world.store.deploys.get(second.id)).targets[0]
    assert (waiting.state, waiting.steps) == (TargetState.QUEUED, ())
    world.no_faults()
    ends = [await world.ended(each.id) for each in (first, second, third)]
    assert [deploy.targets[0].state for deploy in ends] == [TargetState.VERIFIED] * 3
    started = [deploy.targets[0].started_at for deploy in ends]
    ended = [deploy.targets[0].ended_at for deploy in ends]
    assert None not in started + ended
    assert ended[0] <= started[1]  # type: ignore[operator]
    assert ended[1] <= started[2]  # type: ignore[operator]
    assert world.commit_of("quickstart") == await world.sha("quickstart", "main")


async def test_a_cancelled_place_in_the_queue_lets_the_next_one_move_up(world: World) -> None:
    world.load_fault("quickstart", "never_loaded", times=1)
    first = await world.start("quickstart")
    await world.at_step(first.id, StepName.WAIT)
    second = await world.start("quickstart")
    third = await world.start("quickstart")
    await world.engine.stop(second.id, Stop.CANCEL, ADA)
    waiting = (await world.store.deploys.get(third.id)).targets[0]
    assert waiting.ahead == (first.id,)
    world.no_faults()
    assert (await world.ended(third.id)).targets[0].state is TargetState.VERIFIED
    assert (await world.store.deploys.get(second.id)).targets[0].state is TargetState.CANCELLED


async def test_the_free_targets_of_a_deploy_go_ahead(world: World) -> None:
    world.load_fault("core", "never_loaded", times=1)
    first = await world.start("core")
    await world.at_step(first.id, StepName.WAIT)
    second = await world.start("core", "marts", "ml")
    done = await world.until(
        second.id, lambda deploy: all(target.ended for target in deploy.targets[1:])
    )
    assert done.targets[0].state is TargetState.QUEUED
    world.no_faults()
    ended = await world.ended(second.id)
    assert {target.state for target in ended.targets} == {TargetState.VERIFIED}


async def test_the_same_location_of_two_deployments_runs_beside(world: World) -> None:
    world.load_fault("quickstart", "never_loaded", deployment="prod")
    prod = await world.start("quickstart")
    await world.at_step(prod.id, StepName.WAIT)
    staging = await world.start("quickstart", deployment="staging")
    await world.engine.confirm(staging.id, ADA)
    assert (await world.ended(staging.id)).targets[0].state is TargetState.VERIFIED


async def test_a_deploy_in_the_queue_is_planned_again_when_its_turn_comes(world: World) -> None:
    """What the one before it changed must not be undone by a document made earlier."""
    await world.deploy("quickstart", ref="v1")
    world.load_fault("quickstart", "never_loaded", times=1)
    first = await world.start("quickstart", ref="v2")
    await world.at_step(first.id, StepName.WAIT)
    second = await world.start("quickstart")
    world.no_faults()
    await world.ended(first.id)
    target = (await world.ended(second.id)).targets[0]
    read = target.step(StepName.READ_LIVE)
    assert read is not None
    assert isinstance(read.output["live"], dict)
    assert read.output["live"]["git"] == {"commit_hash": await world.sha("quickstart", "v2")}
