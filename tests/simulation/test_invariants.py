"""Each check of the simulation can fail: a history or a part of the engine is broken on purpose,
and the check names what was broken."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.deploys import Deploy
from deploy_core.model.plan import DeployKind, DeployRequest, Document
from deploy_core.model.states import TargetState
from deploy_core.store.work import Claim
from tests.simulation import invariants, world
from tests.simulation.dagster_side import TOKEN
from tests.simulation.process import HELD
from tests.simulation.world import Simulation, document, place
from tests.support.plans import ADA

Patch = pytest.MonkeyPatch
Breaking = Callable[[Simulation, Patch], Coroutine[Any, Any, None]]


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    simulation = Simulation(seed=1)
    yield simulation
    simulation.end()


def write(world: Simulation, statement: str, *values: object) -> None:
    """Write to the store behind everybody's back, and let the watch see it."""
    with closing(sqlite3.connect(world.file)) as store:
        store.execute(statement, values)
        store.commit()
    world.watch.committed()


async def live(world: Simulation, to: str = "prod") -> str:
    """Start a process; something is live. Return its image."""
    await world.start_process()
    image = world.new_image(broken=False)
    world.dagster.somebody_else_sends(to, document("core", image), 0)
    await asyncio.sleep(5)
    return image


async def started(world: Simulation, *, broken: bool = False, to: str = "prod") -> Deploy:
    """Start to deploy a new image."""
    request = DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=ADA,
        locations=("core",),
        deployment=to,
        image=world.new_image(broken=broken),
    )
    process = world.alive[0]
    deploy = await world.ask(process, "deploy", process.engine.start(request, place()))
    assert deploy is not None
    return deploy


async def at(world: Simulation, state: TargetState) -> None:
    """Wait until the newest target is there."""
    for _ in range(3_000):
        rows = world.watch.rows("SELECT state FROM targets ORDER BY id DESC LIMIT 1")
        if rows and rows[0]["state"] == state.value:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it never was {state.value}")


async def waiting(world: Simulation) -> None:
    """A deploy that has sent its change and waits for its location, which is never reported."""
    await live(world)
    world.dagster.silent.add(("prod", "core"))
    await started(world)
    await asyncio.sleep(5)


async def two_at_once(world: Simulation, _: Patch) -> None:
    await waiting(world)
    write(world, "DROP INDEX one_running_deploy_per_target")
    write(
        world,
        """INSERT INTO targets (deploy_id, position, deployment, location, plan, state, fence)
           SELECT deploy_id, 1, deployment, location, plan, state, 0 FROM targets""",
    )


async def never_claimed(world: Simulation, patch: Patch) -> None:
    await live(world)

    async def nothing(*_: Any, **__: Any) -> list[Claim]:
        return []

    patch.setattr(world.alive[0].store.work, "claim", nothing)
    await started(world)
    await asyncio.sleep(5)
    world.watch.i2_everything_has_ended()


async def runs_again(world: Simulation, _: Patch) -> None:
    await waiting(world)
    write(world, "UPDATE steps SET state = 'started' WHERE name = 'apply'")


async def an_old_fence(world: Simulation, patch: Patch) -> None:
    """An engine that doesn't look whether the lease is still its own."""
    await live(world)

    async def hold(claim: Claim) -> datetime:
        HELD.set(replace(claim, fence=claim.fence - 1))
        return world.clock.steady() + timedelta(hours=1)

    patch.setattr(world.alive[0].store.work, "hold", hold)
    await started(world)
    await at(world, TargetState.VERIFIED)


async def a_lease_that_is_over(world: Simulation, patch: Patch) -> None:
    await live(world)

    async def hold(claim: Claim) -> datetime:
        HELD.set(claim)
        write(world, "UPDATE targets SET lease_until = '2000-01-01 00:00:00.000000'")
        return world.clock.steady() + timedelta(hours=1)

    patch.setattr(world.alive[0].store.work, "hold", hold)
    await started(world)
    await asyncio.sleep(5)


async def another_image(world: Simulation, patch: Patch) -> None:
    await live(world)
    dagster = world.alive[0].dagster
    put = dagster.put_location

    async def other(deployment: str, wanted: Document) -> None:
        await put(deployment, {**wanted, "image": world.new_image(broken=False)})

    patch.setattr(dagster, "put_location", other)
    await started(world)
    await asyncio.sleep(5)


async def something_that_was_not_confirmed(world: Simulation, patch: Patch) -> None:
    await live(world, to="staging")
    dagster = world.alive[0].dagster
    put = dagster.put_location

    async def more(deployment: str, wanted: Document) -> None:
        await put(deployment, {**wanted, "agent_queue": "other"})

    patch.setattr(dagster, "put_location", more)
    deploy = await started(world, to="staging")
    await world.alive[0].engine.confirm(deploy.id, ADA)
    await asyncio.sleep(5)


async def a_change_without_its_event(world: Simulation, _: Patch) -> None:
    await waiting(world)
    write(world, "UPDATE targets SET state = 'superseded'")


async def a_card_that_says_something_else(world: Simulation, _: Patch) -> None:
    await live(world)
    deploy = await started(world)
    await at(world, TargetState.VERIFIED)
    await asyncio.sleep(10)
    (card,) = [each for each in world.slack.cards_of(deploy.id) if each.thread_ts is None]
    card.body["text"] = "core failed on prod"
    await world.finish()


async def putting_back(world: Simulation) -> None:
    await live(world)
    await started(world, broken=True)
    await at(world, TargetState.PUTTING_BACK)


async def a_put_back_that_is_stopped(world: Simulation, _: Patch) -> None:
    await putting_back(world)
    write(world, "UPDATE targets SET stop = 'cancel'")


async def a_token_in_the_store(world: Simulation, _: Patch) -> None:
    await live(world)
    await started(world)
    await at(world, TargetState.VERIFIED)
    write(world, "UPDATE targets SET note = ?", f"refused for {TOKEN}")
    await world.finish()


async def a_token_in_a_log(world: Simulation, _: Patch) -> None:
    await live(world)
    world.logs.append(f"refused for {TOKEN}")
    await world.finish()


async def a_last_good_one_that_never_loaded(world: Simulation, _: Patch) -> None:
    await live(world)
    await started(world)
    await at(world, TargetState.VERIFIED)
    write(
        world,
        "UPDATE applied SET verified_document = json_set(verified_document, '$.image', 'other')",
    )


async def put_back_twice(world: Simulation, _: Patch) -> None:
    await putting_back(world)
    await at(world, TargetState.PUT_BACK)
    write(
        world,
        """INSERT INTO events (deploy_id, location, at, kind, data)
           SELECT deploy_id, location, at, kind, data FROM events
           WHERE kind = 'moved' AND json_extract(data, '$.to') = 'putting_back'""",
    )
    write(world, "UPDATE targets SET state = 'putting_back'")


async def a_rollback_that_is_rolled_back(world: Simulation, _: Patch) -> None:
    await live(world)
    await started(world, broken=True)
    write(world, "UPDATE deploys SET plan = json_set(plan, '$.kind', 'rollback')")
    await at(world, TargetState.PUTTING_BACK)


async def a_stop_that_is_forgotten(world: Simulation, _: Patch) -> None:
    await waiting(world)
    write(world, "UPDATE targets SET stop = 'go_back'")
    write(world, "UPDATE targets SET state = 'verified'")


async def success_of_what_never_loaded(world: Simulation, _: Patch) -> None:
    await waiting(world)
    write(world, "UPDATE targets SET state = 'verified'")


async def sent_over_somebody_else_s(world: Simulation, patch: Patch) -> None:
    await live(world)
    dagster = world.alive[0].dagster
    put = dagster.put_location

    async def late(deployment: str, wanted: Document) -> None:
        image = world.new_image(broken=False)
        world.dagster.somebody_else_sends(deployment, document("core", image), world.loop.time())
        await asyncio.sleep(5)
        await put(deployment, wanted)

    patch.setattr(dagster, "put_location", late)
    await started(world)
    await asyncio.sleep(10)


async def sent_twice(world: Simulation, patch: Patch) -> None:
    before = await live(world)
    dagster = world.alive[0].dagster
    put = dagster.put_location

    async def twice(deployment: str, wanted: Document) -> None:
        await put(deployment, wanted)
        world.dagster.somebody_else_sends(deployment, document("core", before), 0)
        await put(deployment, wanted)

    patch.setattr(dagster, "put_location", twice)
    await started(world)
    await asyncio.sleep(5)


async def goes_on_where_putting_back_failed(world: Simulation, patch: Patch) -> None:
    before = await live(world)
    world.dagster.broken.add(before)
    await started(world, broken=True)
    await at(world, TargetState.NEEDS_HUMAN)

    async def none(*_: Any) -> dict[str, int]:
        return {}

    patch.setattr(world.alive[0].store.put_backs, "failed", none)
    await started(world)
    await asyncio.sleep(5)


BREAKINGS: list[tuple[str, Breaking]] = [
    ("I1", two_at_once),
    ("I2", never_claimed),
    ("I3", runs_again),
    ("I4", an_old_fence),
    ("I4", a_lease_that_is_over),
    ("I5", another_image),
    ("I5", something_that_was_not_confirmed),
    ("I6", a_change_without_its_event),
    ("I6", a_card_that_says_something_else),
    ("I7", a_put_back_that_is_stopped),
    ("I8", a_token_in_the_store),
    ("I8", a_token_in_a_log),
    ("I9", a_last_good_one_that_never_loaded),
    ("I10", put_back_twice),
    ("I10", a_rollback_that_is_rolled_back),
    ("stop", a_stop_that_is_forgotten),
    ("truth", success_of_what_never_loaded),
    ("overwritten", sent_over_somebody_else_s),
    ("twice", sent_twice),
    ("unknown", goes_on_where_putting_back_failed),
]


def test_every_check_is_broken_once() -> None:
    sources = [Path(str(module.__file__)).read_text() for module in (invariants, world)]
    named = {name for source in sources for name in re.findall(r'violated\(\s*"(\w+)"', source)}
    assert named == {name for name, _ in BREAKINGS}


@pytest.mark.parametrize(
    ("name", "breaking"), BREAKINGS, ids=lambda each: getattr(each, "__name__", each)
)
def test_what_is_broken_is_named(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, name: str, breaking: Breaking
) -> None:
    simulation.run(breaking(simulation, monkeypatch))
    found = [each for each in simulation.watch.broken if each.startswith(f"{name}: ")]
    assert found, (simulation.watch.broken, "\n".join(simulation.trace[-60:]))


def test_where_putting_back_failed_a_person_is_asked_and_may_go_on(simulation: Simulation) -> None:
    async def play() -> None:
        before = await live(simulation)
        simulation.dagster.broken.add(before)
        await started(simulation, broken=True)
        await at(simulation, TargetState.NEEDS_HUMAN)
        deploy = await started(simulation)
        await asyncio.sleep(60)
        await at(simulation, TargetState.PLANNED)
        await simulation.alive[0].engine.confirm(deploy.id, ADA)
        await at(simulation, TargetState.VERIFIED)
        await simulation.finish()

    simulation.run(play())
    assert simulation.watch.broken == [], "\n".join(simulation.trace)
