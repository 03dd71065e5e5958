"""Cancel in each phase: within five seconds, and never pretended after the change was sent."""

import time
from pathlib import Path

import pytest

from deploy_core.model.deploys import Deploy, StepState, Stop
from deploy_core.model.errors import AlreadyEnded, AlreadySent, NotAllowed
from deploy_core.model.people import Actor
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.engine.world import World, open_world
from tests.support.plans import ADA, GRACE

AT_MOST = 5.0


async def cancelled(world: World, deploy_id: int) -> Deploy:
    """Cancel, and see that it ends in time without anything having been sent."""
    began = time.monotonic()
    assert await world.engine.stop(deploy_id, Stop.CANCEL, GRACE) == 1
    deploy = await world.ended(deploy_id)
    assert time.monotonic() - began < AT_MOST
    target = deploy.targets[0]
    assert target.state is TargetState.CANCELLED
    assert target.stop_by == GRACE
    assert target.failure is None
    assert await world.requests("mutation") == []
    return deploy


async def test_before_any_step(tmp_path: Path, projects: dict[str, Path]) -> None:
    async with open_world(tmp_path, projects, work=False) as world:
        deploy = await cancelled(world, (await world.start("quickstart")).id)
        assert deploy.targets[0].steps == ()
        with pytest.raises(AlreadyEnded):
            await world.engine.stop(deploy.id, Stop.CANCEL, ADA)


async def test_in_the_checkout(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `git` stands in the path that doesn't come back while it makes a checkout."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(
        '#!/bin/sh\ncase "$*" in *read-tree*) exec sleep 60;; esac\n'
        'PATH="${PATH#*:}" exec git "$@"\n'
    )
    slow.chmod(0o755)
    started = await world.start("quickstart")
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    await world.at_step(started.id, StepName.CHECKOUT)
    deploy = await cancelled(world, started.id)
    step = deploy.targets[0].step(StepName.CHECKOUT)
    assert step is not None
    assert step.state is StepState.STOPPED


async def test_while_no_agent_is_there(tmp_path: Path, projects: dict[str, Path]) -> None:
    async with open_world(tmp_path, projects, no_agent_grace=600.0) as world:
        world.sandbox.plane.faults.agents = "none"
        started = await world.start("quickstart")
        waiting = await world.until(started.id, lambda deploy: bool(deploy.targets[0].note))
        assert waiting.targets[0].note == "No agent of this deployment is running."
        await cancelled(world, started.id)


async def test_while_the_change_is_being_sent_it_can_only_go_back(world: World) -> None:
    before = (await world.deploy("quickstart", ref="v1")).targets[0].plan.document
    world.fault("mutation", "slow_before_change", seconds=0.5)
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.APPLY)
    with pytest.raises(AlreadySent):
        await world.engine.stop(started.id, Stop.CANCEL, ADA)
    await went_back(world, started.id)
    assert world.live("quickstart") == before
    assert len(await world.requests("mutation")) == 3


async def test_in_the_wait_it_goes_back(world: World) -> None:
    before = (await world.deploy("quickstart", ref="v1")).targets[0].plan.document
    world.load_fault("quickstart", "never_loaded", times=1)
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    with pytest.raises(AlreadySent):
        await world.engine.stop(started.id, Stop.CANCEL, ADA)
    await went_back(world, started.id)
    assert world.live("quickstart") == before


async def test_a_first_deploy_that_is_stopped_in_the_wait_says_what_is_left(world: World) -> None:
    world.load_fault("quickstart", "never_loaded", times=1)
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    await world.engine.stop(started.id, Stop.GO_BACK, ADA)
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.FAILED
    assert target.put_back_failure is not None
    assert target.put_back_failure.reason == "nothing_to_go_back_to"


async def test_what_is_being_put_back_is_not_stopped(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    world.break_commit(await world.sha("quickstart", "broken"))
    world.load_fault("quickstart", "error", times=1)
    world.load_fault("quickstart", "never_loaded", times=1)
    started = await world.start("quickstart", ref="broken")
    await world.at_step(started.id, StepName.PUT_BACK_WAIT)
    for stop in Stop:
        with pytest.raises(AlreadySent, match="already being put back"):
            await world.engine.stop(started.id, stop, ADA)
    world.no_faults()
    assert (await world.ended(started.id)).targets[0].state is TargetState.PUT_BACK


async def test_of_several_only_what_was_not_sent_is_cancelled(world: World) -> None:
    await world.deploy("quickstart", "core", ref=None)
    world.load_fault("core", "never_loaded", times=1)
    first = await world.start("core")
    await world.at_step(first.id, StepName.WAIT)
    world.load_fault("marts", "never_loaded", times=1)
    second = await world.start("core", "marts")
    await world.at_step(second.id, StepName.WAIT, position=1)
    assert await world.engine.stop(second.id, Stop.CANCEL, ADA) == 1
    waiting = await world.store.deploys.get(second.id)
    assert [t.state for t in waiting.targets] == [TargetState.CANCELLED, TargetState.RUNNING]
    world.no_faults()
    ended = await world.ended(second.id)
    assert [t.state for t in ended.targets] == [TargetState.CANCELLED, TargetState.VERIFIED]


async def test_who_may_not_deploy_may_not_stop(world: World) -> None:
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    with pytest.raises(NotAllowed):
        await world.engine.stop(started.id, Stop.CANCEL, Actor(kind="slack", id="U0EVE"))
    assert (await world.store.deploys.get(started.id)).targets[0].stop is None


async def went_back(world: World, deploy_id: int) -> None:
    """Go back, and see that what was live before is live again in time."""
    began = time.monotonic()
    await world.engine.stop(deploy_id, Stop.GO_BACK, GRACE)
    target = (await world.ended(deploy_id)).targets[0]
    assert time.monotonic() - began < AT_MOST
    assert target.state is TargetState.PUT_BACK
    assert target.failure is not None
    assert target.failure.reason == "gone_back"
