"""What counts as live, and what doesn't: old versions, flapping, changes by somebody else."""

from pathlib import Path

from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.settings import DeploymentSettings
from tests.engine.world import World, load_error, open_world
from tests.support.plans import ADA

OLD, NEW = "registry.example/shop:1", "registry.example/shop:2"


async def test_loaded_without_any_sign_of_a_change_is_not_proven(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    world.load_fault("quickstart", "old_version", times=1)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.UNPROVEN
    assert target.failure is None


async def test_loaded_with_the_old_image_is_no_success(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = DeploymentSettings(may_deploy=(ADA.key,), load_deadline=0.5)
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        await world.deploy("quickstart", image=OLD)
        world.load_fault("quickstart", "old_version", times=1)
        target = (await world.deploy("quickstart", image=NEW)).targets[0]
        assert target.failure is not None
        assert target.failure.reason == "load_timed_out"
        assert f"it still runs {OLD}" in target.failure.summary
        assert target.state is TargetState.PUT_BACK
        assert world.live("quickstart")["image"] == OLD


async def test_an_image_that_loads_is_verified_and_keeps_the_rest_of_the_document(
    world: World,
) -> None:
    await world.deploy("core")
    context = world.live("core")["container_context"]
    target = (await world.deploy("core", image=NEW)).targets[0]
    assert target.state is TargetState.VERIFIED
    assert world.live("core")["image"] == NEW
    assert world.live("core")["container_context"] == context
    assert "git" not in world.live("core")


async def test_a_location_that_flaps_is_no_success(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    error = load_error("ValueError: now and then")
    world.load_fault("quickstart", "flapping", times=1, error=error)
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.PUT_BACK
    assert target.failure is not None
    assert target.failure.reason == "load_failed"
    assert "now and then" in target.failure.summary


async def test_a_very_deep_and_long_error_is_kept_in_full(world: World) -> None:
    world.load_fault("quickstart", "error")
    target = (await world.deploy("quickstart")).targets[0]
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert len(target.failure.summary) < 300
    error = target.failure.python_error
    assert error is not None
    assert [each.message.partition(":")[0] for each in error.chain] == ["ValueError", "KeyError"]
    assert len(error.chain[-1].stack) == 400
    assert len(error.chain[-1].message.encode()) > 59_000


async def test_a_change_by_somebody_else_while_it_loads_is_not_rolled_back_over(
    world: World,
) -> None:
    await world.deploy("quickstart", ref="v1")
    world.load_fault("quickstart", "never_loaded", times=1)
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    await world.somebody_else_deploys("quickstart", "c" * 40)
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.SUPERSEDED
    assert world.commit_of("quickstart") == "c" * 40
    assert len(await world.requests("mutation")) == 2


async def test_a_change_by_somebody_else_before_ours_is_sent_is_not_overwritten(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    """The bot was away between reading what is live and sending; CI deployed meanwhile."""
    async with open_world(tmp_path, projects) as world:
        await world.deploy("quickstart", ref="v1")
        world.fault("mutation", "slow_before_change", seconds=60)
        started = await world.start("quickstart")
        await world.at_step(started.id, StepName.APPLY)
        await world.kill_worker()
        await world.somebody_else_deploys("quickstart", "c" * 40)
        world.run_worker()
        target = (await world.ended(started.id)).targets[0]
        assert target.state is TargetState.SUPERSEDED
        assert world.commit_of("quickstart") == "c" * 40


async def test_a_change_by_somebody_else_while_it_is_put_back_stays(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    world.break_commit(await world.sha("quickstart", "broken"))
    world.load_fault("quickstart", "error", times=1)
    world.load_fault("quickstart", "never_loaded", times=1)
    started = await world.start("quickstart", ref="broken")
    await world.at_step(started.id, StepName.PUT_BACK_WAIT)
    await world.somebody_else_deploys("quickstart", "c" * 40)
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.SUPERSEDED
    assert world.commit_of("quickstart") == "c" * 40


async def test_what_is_put_back_and_does_not_load_needs_a_person(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    for ref in ("v1", "broken"):
        world.break_commit(await world.sha("quickstart", ref))
    target = (await world.deploy("quickstart", ref="broken")).targets[0]
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.put_back_failure is not None
    assert target.put_back_failure.reason == "load_failed"
    assert len(await world.requests("mutation")) == 3
