"""The simulation can bring a deploy to each of its ends, and then finds nothing broken."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deploy_core.model.deploys import Stop
from deploy_core.model.plan import DeployKind, DeployRequest
from deploy_core.model.states import ENDED, TargetState
from sandbox.dagster_plus.locations import CodeLocation, Deployment
from tests.simulation.world import Simulation, document, jump, place
from tests.support.plans import ADA

Ending = Callable[[Simulation], Coroutine[Any, Any, None]]


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    simulation = Simulation(seed=1)
    yield simulation
    simulation.end()


@asynccontextmanager
async def deploying(
    world: Simulation, *, broken: bool = False, to: str = "prod"
) -> AsyncIterator[int]:
    """Deploy an image over one that is live; then something happens, and time goes by."""
    await world.start_process()
    world.dagster.somebody_else_sends(to, document("core", world.new_image(broken=False)), 0)
    await asyncio.sleep(5)
    request = DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=ADA,
        locations=("core",),
        deployment=to,
        image=world.new_image(broken=broken),
    )
    process = world.alive[0]
    started = await world.ask(process, "deploy", process.engine.start(request, place()))
    assert started is not None
    yield started.id
    await world.finish()


async def verified(world: Simulation) -> None:
    async with deploying(world):
        pass


async def unproven(world: Simulation) -> None:
    """An agent that is quicker than any look, in a Dagster+ that tells no versions apart."""

    def at_once(deployment: Deployment, location: CodeLocation) -> None:
        before = location.updated_timestamp, location.version_key
        world.dagster.report_now(deployment.name, location.name)
        location.updated_timestamp, location.version_key = before

    world.dagster.plane.on_change.append(at_once)
    async with deploying(world):
        pass


async def unchanged(world: Simulation) -> None:
    """Two locations that run already what is to be deployed."""
    await world.start_process()
    image = world.new_image(broken=False)
    for location in ("core", "marts"):
        world.dagster.somebody_else_sends("prod", document(location, image), 0)
    await asyncio.sleep(5)
    request = DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=ADA,
        locations=("core", "marts"),
        deployment="prod",
        image=image,
    )
    process = world.alive[0]
    assert await world.ask(process, "deploy", process.engine.start(request, place()))
    await world.finish()


async def put_back(world: Simulation) -> None:
    async with deploying(world, broken=True):
        pass


async def failed(world: Simulation) -> None:
    world.dagster.fault("ChatopsPutLocation", "status", status=401, times=None)
    async with deploying(world):
        pass


async def cancelled(world: Simulation) -> None:
    world.dagster.set_agent(running=False)
    async with deploying(world) as deploy:
        await asyncio.sleep(2)
        await world.alive[0].engine.stop(deploy, Stop.CANCEL, ADA)


async def superseded(world: Simulation) -> None:
    async with deploying(world):
        await asyncio.sleep(0.5)
        image = world.new_image(broken=False)
        now = world.loop.time()
        world.dagster.somebody_else_sends("prod", document("core", image), now)


async def needs_human(world: Simulation) -> None:
    async with deploying(world):
        await asyncio.sleep(0.5)
        world.dagster.fault("*", "status", status=401, times=None)


async def expired(world: Simulation) -> None:
    async with deploying(world, to="staging"):
        jump(world, hours=25)
        await world.alive[0].store.deploys.expire()  # as the bot's housekeeping does


ENDINGS: dict[TargetState, Ending] = {
    TargetState.VERIFIED: verified,
    TargetState.UNPROVEN: unproven,
    TargetState.UNCHANGED: unchanged,
    TargetState.PUT_BACK: put_back,
    TargetState.FAILED: failed,
    TargetState.CANCELLED: cancelled,
    TargetState.SUPERSEDED: superseded,
    TargetState.NEEDS_HUMAN: needs_human,
    TargetState.EXPIRED: expired,
}


def test_every_end_has_a_way_to_it() -> None:
    assert set(ENDINGS) == ENDED


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.value)
def test_an_end_is_reached(simulation: Simulation, end: TargetState) -> None:
    simulation.run(ENDINGS[end](simulation))
    rows = simulation.watch.rows("SELECT state FROM targets")
    said = "\n".join(simulation.trace)
    assert {row["state"] for row in rows} == {end.value}, said
    assert simulation.watch.broken == [], said
