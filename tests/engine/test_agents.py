"""No agent, an agent on another queue, and agents that don't tell."""

import asyncio
import json
from pathlib import Path

from deploy_core.model.deploys import Target
from deploy_core.model.plan import DeployKind, StepName
from deploy_core.model.states import TargetState
from deploy_core.settings import CoreSettings, DeploymentSettings
from tests.engine.world import FastClock, World, open_world
from tests.support.plans import ADA


async def on_queue_gpu(world: World) -> None:
    """Put a location live that only agents of the queue `gpu` load."""
    world.set_agent(queues=[None, "gpu"])
    await world.change("train", code_source={"module_name": "train"}, agent_queue="gpu")

    async def loaded() -> bool:
        return world.sandbox.plane.deployments["prod"].locations["train"].load_status == "LOADED"

    await world.eventually(loaded)


async def redeployed(world: World) -> Target:
    return (await world.deploy("train", kind=DeployKind.REDEPLOY)).targets[0]


async def test_without_an_agent_nothing_is_sent(world: World) -> None:
    world.sandbox.plane.faults.agents = "none"
    deploy = await world.deploy("quickstart")
    target = deploy.targets[0]
    assert target.plan.risks == ("No agent of this deployment is running.",)
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert target.failure.reason == "no_agent"
    assert await world.requests("mutation") == []


class SteppingClock(FastClock):
    """Stands still but while somebody sleeps: what is waited for is told to the second."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0

    def monotonic(self) -> float:
        return self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(0.002)


async def test_no_agent_is_said_fifteen_seconds_after_dagster_plus_says_so(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    default = CoreSettings.model_fields["no_agent_grace"].default
    clock = SteppingClock()
    async with open_world(tmp_path, projects, clock=clock, no_agent_grace=default) as world:
        world.sandbox.plane.faults.agents = "stale"
        target = (await world.deploy("quickstart")).targets[0]
        assert target.failure is not None
        assert target.failure.reason == "no_agent"
        assert 15.0 <= clock.slept <= 16.0
        assert target.note == "No agent of this deployment is running.", "it was said meanwhile too"
        assert await world.requests("mutation") == []


async def test_an_agent_that_comes_back_within_its_grace_is_waited_for(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, no_agent_grace=600.0) as world:
        world.sandbox.plane.faults.agents = "stale"
        started = await world.start("quickstart")
        await world.until(started.id, lambda deploy: bool(deploy.targets[0].note))
        world.no_faults()
        target = (await world.ended(started.id)).targets[0]
        assert target.state is TargetState.VERIFIED
        assert target.note == "", "it is no longer so"


async def test_agents_on_other_queues_only(world: World) -> None:
    await on_queue_gpu(world)
    world.sandbox.plane.agents.by_id["instant-agent"].metadata["queues"] = json.dumps(["cpu"])
    target = await redeployed(world)
    assert target.state is TargetState.FAILED
    assert target.failure is not None
    assert target.failure.reason == "no_agent_on_queue"
    assert target.failure.detail == "The running agents serve: cpu."
    assert await world.requests("mutation") == []


async def test_an_agent_that_does_not_tell_its_queues_is_not_refused(world: World) -> None:
    await on_queue_gpu(world)
    target = await redeployed(world)
    assert target.plan.risks == ()
    assert target.state is TargetState.VERIFIED


async def test_an_agent_that_goes_away_while_it_loads_needs_a_person(world: World) -> None:
    """What was live before is sent again, but nobody is there who could load it."""
    await world.deploy("quickstart", ref="v1")
    world.load_fault("quickstart", "never_loaded")
    started = await world.start("quickstart")
    await world.at_step(started.id, StepName.WAIT)
    world.sandbox.plane.faults.agents = "none"
    target = (await world.ended(started.id)).targets[0]
    assert target.state is TargetState.NEEDS_HUMAN
    assert target.failure is not None
    assert target.failure.reason == "no_agent"
    assert target.put_back_failure is not None
    assert target.put_back_failure.reason == "no_agent"
    assert world.commit_of("quickstart") == await world.sha("quickstart", "v1")


async def test_a_location_that_is_never_loaded_times_out_and_is_put_back(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = DeploymentSettings(may_deploy=(ADA.key,), load_deadline=0.1)
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        await world.deploy("quickstart", ref="v1")
        world.load_fault("quickstart", "never_loaded", times=1)
        target = (await world.deploy("quickstart")).targets[0]
        assert target.failure is not None
        assert target.failure.reason == "load_timed_out"
        assert "still loading" in target.failure.summary
        assert target.state is TargetState.PUT_BACK
