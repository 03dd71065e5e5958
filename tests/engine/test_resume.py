"""A worker that dies, loses its leases or is told to end; and the one that goes on."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from deploy_core.model.deploys import Deploy, EventKind
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.run_target import PAUSED
from deploy_core.settings import DeploymentSettings
from deploy_core.store.leases import LEASE
from deploy_core.worker import Worker
from tests.engine.world import World, open_world
from tests.support.plans import ADA

SECOND = timedelta(seconds=1)


async def finished_steps(world: World, deploy: Deploy) -> Counter[str]:
    """How often each step was finished, by the history."""
    return Counter(
        str(event.data["step"])
        for event in await world.store.deploys.events(deploy.id)
        if event.kind is EventKind.STEP and event.data["state"] == "finished"
    )


async def killed_after(world: World, commits: int) -> tuple[Deploy, bool]:
    """Deploy the broken branch; kill the worker after so many of its writes, start another one.

    Returns the deploy at its end, and whether it was killed before that end.
    """
    started = await world.start("quickstart", ref="broken")
    written = 0

    def count() -> None:
        nonlocal written
        written += 1
        if written >= commits:
            world.cut_off()

    world.store.database.on_commit.append(count)
    world.run_worker()

    async def dead_or_ended() -> Deploy | None:
        deploy = await world.store.deploys.get(started.id)
        dead = world.working[0].done() and not world.worker.running
        return deploy if deploy.ended or dead else None

    found = await world.eventually(dead_or_ended)
    world.store.database.on_commit.remove(count)
    await world.kill_worker()
    world.run_worker()
    ended = await world.ended(started.id)
    await world.kill_worker()
    return ended, not found.ended


@pytest.mark.proof
async def test_killed_after_any_write_the_next_worker_goes_on_from_the_journal(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    """A deploy that is put back has every step; no finished one runs twice, nothing is sent
    twice, and it always ends in the same way."""
    async with open_world(tmp_path, projects, work=False) as world:
        world.run_worker()
        await world.deploy("quickstart", ref="v1")
        await world.kill_worker()
        world.break_commit(await world.sha("quickstart", "broken"))
        writes, killed = 0, True
        while killed:
            writes += 1
            sent = len(await world.requests("mutation"))
            deploy, killed = await killed_after(world, writes)
            target = deploy.targets[0]
            assert target.state is TargetState.PUT_BACK, f"killed after write {writes}"
            steps = await finished_steps(world, deploy)
            assert set(steps.values()) == {1}, f"killed after write {writes}: {steps}"
            assert set(steps) == {
                *("checkout", "read_live", "apply"),
                *("put_back_apply", "put_back_wait", "put_back_verify"),
            }
            now = len(await world.requests("mutation"))
            assert now - sent == 2, f"killed after write {writes}"
        assert writes > 15


async def test_a_change_whose_sender_died_is_looked_up_and_not_sent_again(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    world.fault("mutation", "slow", seconds=60)
    started = await world.start("quickstart")
    await world.asked("mutation", times=2)
    await world.kill_worker()
    world.run_worker()
    assert (await world.ended(started.id)).targets[0].state is TargetState.VERIFIED
    assert len(await world.requests("mutation")) == 2


async def test_a_lease_lost_in_the_middle_of_a_step(world: World) -> None:
    """Two workers see the same target; what the first was at is taken over, and ends once."""
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    other = Worker(world.services, kind="test")
    world.clock.ahead += LEASE + SECOND
    await other.look()
    assert other.running + world.worker.running >= 1
    world.no_faults()
    deploy = await world.ended(started.id)
    await other.drain(0)
    await other.leave()
    assert deploy.targets[0].state is TargetState.VERIFIED
    assert set((await finished_steps(world, deploy)).values()) == {1}
    assert len(await world.requests("mutation")) == 1


async def test_a_worker_without_its_lease_changes_nothing(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, no_agent_grace=600.0) as world:
        world.sandbox.plane.faults.agents = "none"
        started = await world.start("quickstart")
        await world.until(started.id, lambda deploy: bool(deploy.targets[0].note))
        # It goes on where it is, but doesn't look at the store for work any more: as if stopped.
        world.working[0].cancel()
        world.clock.ahead += LEASE + SECOND
        world.sandbox.plane.faults.agents = None

        async def gave_up() -> bool:
            return not world.worker.running

        await world.eventually(gave_up)
        assert await world.requests("mutation") == []
        target = (await world.store.deploys.get(started.id)).targets[0]
        assert target.state is TargetState.RUNNING
        assert target.step(StepName.APPLY) is None


async def test_drained_the_deploy_goes_on_in_the_next_process_at_once(world: World) -> None:
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    waiting = await world.start("quickstart", ref="v1")
    await world.worker.drain(0)
    await world.worker.leave()
    world.working.pop().cancel()
    paused = (await world.store.deploys.get(started.id)).targets[0]
    assert (paused.state, paused.note) == (TargetState.RUNNING, PAUSED)
    world.worker = Worker(world.services, kind="test")
    world.run_worker()
    world.no_faults()
    for each in (started, waiting):
        target = (await world.ended(each.id)).targets[0]
        assert (target.state, target.note) == (TargetState.VERIFIED, "")
    assert len(await world.requests("mutation")) == 2


async def test_drained_in_the_middle_of_sending_the_next_process_sends_nothing_again(
    world: World,
) -> None:
    """The next one goes on at once: our request must not still be under way then."""
    world.fault("mutation", "slow_before_change", seconds=0.5)
    started = await world.start("quickstart")
    await world.asked("mutation")
    await world.worker.drain(0)
    for task in world.working:
        task.cancel()
    world.worker = Worker(world.services, kind="test")
    world.run_worker()
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.VERIFIED
    assert len(await world.requests("mutation")) == 1


async def test_draining_lets_what_is_nearly_done_end(world: World) -> None:
    world.fault("mutation", "slow", seconds=0.2)
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.APPLY)
    await world.worker.drain(10)
    assert (await world.store.deploys.get(started.id)).targets[0].state is TargetState.VERIFIED


async def test_a_resumed_wait_keeps_to_the_first_deadline(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = DeploymentSettings(may_deploy=(ADA.key,), load_deadline=15)
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        world.load_fault("quickstart", "never_loaded")
        started = await world.start("quickstart")
        await world.at_step(started.id, StepName.WAIT)
        await world.kill_worker()
        world.clock.ahead += 15 * 60 * SECOND
        world.run_worker()
        target = (await world.ended(started.id)).targets[0]
        assert target.failure is not None
        assert target.failure.reason == "load_timed_out"
        assert "within 15 minutes" in target.failure.summary


async def test_a_project_that_left_the_configuration_is_named(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, work=False) as world:
        started = await world.start("quickstart")
        left = world.settings.model_copy(update={"projects": {}})
        world.services.settings = left
        world.run_worker()
        target = (await world.ended(started.id)).targets[0]
        assert target.state is TargetState.FAILED
        assert target.failure is not None
        assert "quickstart is no longer in the configuration" in target.failure.summary


async def test_every_change_of_state_is_one_event(world: World) -> None:
    deploy = await world.deploy("quickstart")
    moves = [
        (event.data["from"], event.data["to"])
        for event in await world.store.deploys.events(deploy.id)
        if event.kind is EventKind.MOVED
    ]
    assert moves == [("queued", "running"), ("running", "verified")]
