"""Fault 3: a deploy that one version has begun, and another goes on with or says why it can't."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.errors import OtherVersion
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.store.tables import deploys, steps, targets
from deploy_core.store.work import LEFT_TO_OTHERS
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from tests.engine.world import World, open_world

SECOND = timedelta(seconds=1)


@pytest.fixture
async def world(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, work=False) as opened:
        yield opened


async def change_plan(
    world: World, deploy_id: int, change: Callable[[dict[str, Any]], Any]
) -> None:
    """Let the target's plan be as another version would have written it."""
    async with world.store.database.write() as connection:
        of_it = targets.c.deploy_id == deploy_id
        plan = (await connection.execute(sa.select(targets.c.plan).where(of_it))).scalar_one()
        change(plan)
        await connection.execute(targets.update().where(of_it).values(plan=plan))


def with_step(name: str, before: StepName) -> Callable[[dict[str, Any]], Any]:
    """Put a step that this version doesn't have into the plan."""

    def change(plan: dict[str, Any]) -> None:
        plan["steps"].insert(plan["steps"].index(before.value), name)

    return change


async def journal(world: World, deploy_id: int, name: str) -> None:
    """Let a step be finished, by whichever version."""
    now = world.clock.now()
    async with world.store.database.write() as connection:
        query = sa.select(targets.c.id).where(targets.c.deploy_id == deploy_id)
        target = (await connection.execute(query)).scalar_one()
        await connection.execute(
            steps.insert().values(
                target_id=target,
                name=name,
                state="finished",
                started_at=now,
                ended_at=now,
                output={"found": 1},
            )
        )


async def left_alone(world: World, deploy_id: int) -> None:
    """See that the worker has looked and hasn't taken it."""
    await world.worker.look()
    target = (await world.store.deploys.get(deploy_id)).targets[0]
    assert target.state is TargetState.QUEUED
    assert card_of(await world.store.deploys.get(deploy_id))


async def taken_in_the_end(world: World, deploy_id: int) -> Target:
    """Let the time pass for which it is left to others, and return the target at its end."""
    world.clock.ahead += LEFT_TO_OTHERS + SECOND
    world.run_worker()
    deploy = await world.ended(deploy_id)
    assert card_of(deploy)
    return deploy.targets[0]


def card_of(deploy: Deploy) -> str:
    """The card's words: whatever another version has written, it can be drawn."""
    return deploy_card(
        deploy, links=CardLinks(dagster="https://example.com"), now=deploy.created_at
    ).text


async def test_a_step_that_is_gone_and_was_finished_is_passed(world: World) -> None:
    started = await world.start("quickstart")
    await change_plan(world, started.id, with_step("lint", StepName.READ_LIVE))
    await journal(world, started.id, "lint")
    world.run_worker()
    ended = await world.ended(started.id)
    assert ended.targets[0].state is TargetState.VERIFIED
    assert "lint" not in {step.name for step in ended.targets[0].steps}


async def test_a_step_that_is_not_known_is_left_to_others_and_then_named(world: World) -> None:
    started = await world.start("quickstart")
    await change_plan(world, started.id, with_step("scan", StepName.READ_LIVE))
    await left_alone(world, started.id)
    target = await taken_in_the_end(world, started.id)
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert target.failure.reason == OtherVersion.reason
    assert "the step `scan` isn't known" in target.failure.summary
    assert await world.requests("mutation") == []


async def test_a_step_that_is_not_known_after_the_change_asks_for_a_human(world: World) -> None:
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    world.run_worker()
    await world.at_step(started.id, StepName.WAIT)
    await world.kill_worker()
    await change_plan(world, started.id, with_step("canary", StepName.VERIFY))
    target = await taken_in_the_end(world, started.id)
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.failure is not None
    assert "`canary`" in target.failure.summary
    assert "Look at the location in Dagster+" in target.failure.next_step
    assert len(await world.requests("mutation")) == 1, "and nothing more was changed"


async def test_a_change_that_may_have_been_sent_is_not_called_nothing(world: World) -> None:
    world.fault("mutation", "slow", seconds=60.0)
    started = await world.start("quickstart")
    world.run_worker()
    await world.asked("mutation")
    await world.kill_worker()
    await change_plan(world, started.id, with_step("canary", StepName.VERIFY))
    assert (await taken_in_the_end(world, started.id)).state is TargetState.NEEDS_HUMAN


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda plan: plan.update(canary={"percent": 5}), id="field"),
        pytest.param(lambda plan: plan.update(artifact="zip"), id="value"),
    ],
)
async def test_a_plan_of_a_newer_version_is_left_to_it(
    world: World, change: Callable[[dict[str, Any]], Any]
) -> None:
    started = await world.start("quickstart")
    before: dict[str, Any] = {}

    def keep_and_change(plan: dict[str, Any]) -> None:
        before.update(plan)
        change(plan)

    def put_back(plan: dict[str, Any]) -> None:
        plan.clear()
        plan.update(before)

    await change_plan(world, started.id, keep_and_change)
    other = await world.start("core")
    world.run_worker()
    assert (await world.ended(other.id)).targets[0].state is TargetState.VERIFIED
    waiting = (await world.store.deploys.get(started.id)).targets[0]
    assert waiting.state is TargetState.QUEUED, "what is known goes on meanwhile"
    # The newer version knows it.
    await change_plan(world, started.id, put_back)
    assert (await world.ended(started.id)).targets[0].state is TargetState.VERIFIED


async def test_a_newer_field_of_the_whole_plan_is_said_when_no_newer_version_comes(
    world: World,
) -> None:
    started = await world.start("quickstart")
    async with world.store.database.write() as connection:
        query = sa.select(deploys.c.plan).where(deploys.c.id == started.id)
        plan = (await connection.execute(query)).scalar_one()
        await connection.execute(
            deploys.update()
            .where(deploys.c.id == started.id)
            .values(plan={**plan, "window": "night", "kind": "promote"})
        )
    await left_alone(world, started.id)
    target = await taken_in_the_end(world, started.id)
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert "the field `window`" in target.failure.summary


async def test_a_step_that_was_added_since_and_is_needed_is_named(world: World) -> None:
    started = await world.start("quickstart")
    await change_plan(world, started.id, lambda plan: plan["steps"].remove("read_live"))
    world.run_worker()
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert "without the step `read_live`" in target.failure.summary
    assert await world.requests("mutation") == []
