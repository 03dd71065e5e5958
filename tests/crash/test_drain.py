"""Fault 24: SIGTERM in each phase of a deploy; and replicas that are replaced one after the other
while people deploy."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from sandbox.slack.client import Outcome
from tests.crash.forks import Bot
from tests.crash.test_replicas import LEASE, ended, told_once
from tests.crash.world import BROKEN, World, eventually, finished_once, open_world
from tests.e2e.world import CHANNEL

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NEVER = {"loads": [{"location": "quickstart", "kind": "never_loaded"}]}
Act = Callable[[World], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Phase:
    """How a deploy is brought into a phase, and what lets it go on afterwards."""

    name: str
    words: str
    before: Act | None
    there: Act
    after: Act | None = None
    paused: bool = True
    mutations: int = 1
    ends: TargetState = TargetState.VERIFIED


def step(name: StepName) -> Act:
    """Wait until a step has been started."""

    async def there(world: World) -> None:
        async def look() -> bool:
            newest = await world.newest()
            return newest is not None and newest.targets[0].step(name) is not None

        await eventually(look, 180, f"the step {name}")

    return there


async def planned(world: World) -> None:
    await world.workspace.wait_for_message(CHANNEL, lambda m: "waits for Confirm" in m.text, 60)


async def confirm(world: World) -> None:
    (card,) = await world.cards((await world.deploys())[-1].id)
    assert (await world.workspace.person("ada").click(card, "deploy.confirm")).acked


async def never_loaded(world: World) -> None:
    await world.faults(**NEVER)


async def queued(world: World) -> None:
    await step(StepName.WAIT)(world)
    await world.types("deploy quickstart@v2")

    async def look() -> bool:
        return len(await world.deploys()) == 2

    await eventually(look, 180, "the second deploy")


async def no_agents(world: World) -> None:
    await world.faults(agents="stale")


async def slow_change(world: World) -> None:
    await world.faults(requests=[{"operation": "mutation", "kind": "slow", "seconds": 0.5}])


async def sent(world: World) -> None:
    async def look() -> bool:
        return bool(await world.mutations())

    await eventually(look, 180, "the change")


async def broken(world: World) -> None:
    commit = await world.commit("broken")
    await world.configure_agent(broken=[{"commit_hash": commit, "error": BROKEN}])


async def slow_agent(world: World) -> None:
    """The put back version is reported late."""
    await step(StepName.PUT_BACK_APPLY)(world)
    await step(StepName.PUT_BACK_WAIT)(world)


async def broken_then_held(world: World) -> None:
    commit = await world.commit("broken")
    await world.configure_agent(
        delay_seconds=2.0, broken=[{"commit_hash": commit, "error": BROKEN}]
    )


async def slack_away(world: World) -> None:
    await world.workspace.fault("chat.update", times=1000, status=500)


async def over(world: World) -> None:
    async def look() -> bool:
        newest = await world.newest()
        return newest is not None and newest.ended

    await eventually(look, 180, "the end")


async def slack_back(world: World) -> None:
    await world.workspace.control("faults/clear")


PHASES = [
    Phase("planned", "deploy quickstart@v1 to staging", None, planned, confirm, paused=False),
    Phase("queued", "deploy quickstart@v1", never_loaded, queued, World.no_faults, mutations=2),
    Phase(
        "before_apply", "deploy quickstart@v1", no_agents, step(StepName.READ_LIVE), World.no_faults
    ),
    Phase("applying", "deploy quickstart@v1", slow_change, sent, paused=False),
    Phase("waiting", "deploy quickstart@v1", never_loaded, step(StepName.WAIT), World.no_faults),
    Phase(
        "putting_back",
        "deploy quickstart@broken",
        broken_then_held,
        slow_agent,
        mutations=2,
        ends=TargetState.PUT_BACK,
    ),
    Phase("just_started", "deploy quickstart@v1", None, step(StepName.CHECKOUT), paused=False),
]


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
async def test_told_to_end_in_any_phase_the_next_process_goes_on(
    tmp_path: Path, phase: Phase
) -> None:
    async with open_world(tmp_path, drain_seconds=1, no_agent_grace=120) as world:
        first = await world.start()
        await world.connected(first)
        skipped = 0
        if phase.ends is TargetState.PUT_BACK:
            await world.types("deploy quickstart@main")
            await ended(world, 1)
            await world.forget_mutations()
            skipped = 1
        if phase.before is not None:
            await phase.before(world)
        await world.types(phase.words)
        await phase.there(world)
        began = time.monotonic()
        assert await first.stop() == 0
        assert time.monotonic() - began < 1 + 20, "the drain is bounded"
        assert "Traceback" not in await first.said()
        deploy = (await world.deploys())[skipped]
        if phase.paused:
            (card,) = await world.cards(deploy.id)
            assert "Paused while the bot restarts" in card.shown, card.shown
        second = await world.start()
        await world.connected(second)
        if phase.after is not None:
            await phase.after(world)
        for each in (await world.deploys())[skipped:]:
            done = await ended(world, each.id)
            assert done.targets[0].state is phase.ends
            finished_once(await world.step_events(each.id))
            assert len(await world.cards(each.id)) == 1
            (card,) = await world.cards(each.id)
            assert "Paused" not in card.shown
        assert len(await world.mutations()) == phase.mutations


async def test_what_slack_was_not_told_before_the_end_is_told_by_the_next_process(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, drain_seconds=1) as world:
        first = await world.start()
        await world.connected(first)
        await slack_away(world)
        await world.types("deploy quickstart@v1")
        await over(world)
        assert await first.stop() == 0
        assert await world.unsent()
        await slack_back(world)
        await world.start()
        await told_once(world, await ended(world, 1))


async def test_replicas_that_are_replaced_under_load_lose_and_double_nothing(
    tmp_path: Path, postgres_database: str
) -> None:
    async with open_world(
        tmp_path, store=postgres_database, lease_seconds=LEASE, drain_seconds=2
    ) as world:
        running = [await world.start(name="0"), await world.start(name="1")]
        for bot in running:
            await world.connected(bot)
        # Whoever measures three seconds on a busy machine measures the machine.
        await world.workspace.settings(ack_seconds=30)
        told: list[Outcome] = []
        enough = asyncio.Event()
        load = asyncio.create_task(_load(world, told, enough))
        for number in range(2, 5):
            running.append(await world.start(name=str(number)))
            await world.connected(running[-1])
            oldest: Bot = running.pop(0)
            assert await oldest.stop() == 0
        enough.set()
        await load
        assert [each.reason for each in told if not each.acked] == []
        assert len(told) >= 3

        async def all_there() -> bool:
            return len(await world.deploys()) >= len(told)

        await eventually(all_there, 180, "a deploy for each command")
        deploys = await world.deploys()
        assert len(deploys) == len(told)
        for deploy in deploys:
            done = await ended(world, deploy.id)
            assert done.targets[0].state is TargetState.VERIFIED
            await told_once(world, done)
        assert len(await world.mutations()) == len(deploys)


async def _load(world: World, told: list[Outcome], enough: asyncio.Event) -> None:
    locations = ["quickstart", "core", "marts", "ml"]
    # Never cancelled: a command that was typed makes a deploy, whoever waits for its answer.
    while not enough.is_set() or len(told) < 3:
        told.append(await world.types(f"deploy {locations[len(told) % 4]}"))
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), 0.7)
