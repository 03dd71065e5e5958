"""Faults 4 and 5: two and three bots on one PostgreSQL, of which one is stopped or killed."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.world import free_port
from deploy_core.model.deploys import Deploy
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.crash.forks import Bot
from tests.crash.world import World, eventually, finished_once, open_world
from tests.e2e.world import CHANNEL

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

LEASE = 3.0
TAKEN_OVER = LEASE + 60  # with a margin for a busy machine


@pytest.fixture
async def world(tmp_path: Path, postgres_database: str) -> AsyncIterator[World]:
    async with open_world(tmp_path, store=postgres_database, lease_seconds=LEASE) as opened:
        yield opened


async def replicas(world: World, *names: str) -> list[Bot]:
    """Start bots that are all connected."""
    bots = [await world.start(name=name) for name in names]
    for bot in bots:
        await world.connected(bot)
    return bots


async def ended(world: World, deploy_id: int) -> Deploy:
    """Wait until the deploy has ended and Slack was told."""

    async def look() -> Deploy | None:
        deploy = await world.newest()
        if deploy is None or deploy.id < deploy_id or not await world.told(deploy_id):
            return None
        return await world.store.deploys.get(deploy_id)

    found = await eventually(look, 180, f"the end of deploy {deploy_id}")
    assert found is not None
    return found


async def told_once(world: World, deploy: Deploy) -> None:
    """Check the journal, and what Slack was told: one card, and one reply at the end."""
    finished_once(await world.step_events(deploy.id))
    (card,) = await world.cards(deploy.id)
    assert "verified" in card.text
    told = [each for each in await world.replies(card) if "<@U0ADA000001>" in each.text]
    assert len(told) == 1, [each.text for each in told]
    assert deploy.place is not None
    assert deploy.place.ts == card.ts


async def test_what_slack_delivers_to_all_is_dealt_with_once(world: World) -> None:
    await replicas(world, "one", "two", "three")
    await world.workspace.delivery_fault("slash_commands", copies=5)
    await world.types("deploy quickstart@v1")
    deploy = await ended(world, 1)
    assert len(await world.deploys()) == 1
    assert len(await world.mutations()) == 1
    await told_once(world, deploy)


@pytest.mark.parametrize("place", ["card:posted", "apply:sending", "apply:started", "wait:seen"])
async def test_a_stopped_process_is_followed_and_fenced_out_when_it_wakes(
    world: World, place: str
) -> None:
    stopped = await world.start(name="stopped", crash_at=f"{place}:stop")
    await world.connected(stopped)
    await world.types("deploy quickstart@v1")
    await eventually(lambda: _is_stopped(stopped), 180, "the stop")
    (other,) = await replicas(world, "other")
    deploy = await ended(world, 1)
    assert deploy.targets[0].state is TargetState.VERIFIED
    before = len(await world.mutations())
    assert before == 1
    stopped.signal(signal.SIGCONT)

    async def woke() -> bool:
        said = await stopped.said()
        # Stopped as early as its card it may not have begun the deploy, and has no lease to lose.
        return "lease_lost" in said or (place == "card:posted" and await _answers(said))

    await eventually(woke, 180, "the woken process to see that it is too late")
    # It works again, like any other: what comes now is for either of them.
    await world.types("deploy quickstart@v2")
    await told_once(world, await ended(world, 2))
    assert len(await world.mutations()) == 2, "nothing was sent after waking"
    await told_once(world, deploy)
    assert not other.dead
    assert not stopped.dead


async def test_a_process_that_is_stopped_from_outside_in_a_wait_is_followed(world: World) -> None:
    (first,) = await replicas(world, "first")
    await world.faults(loads=[{"location": "quickstart", "kind": "never_loaded"}])
    await world.types("deploy quickstart@v1")
    await eventually(lambda: _at(world, 1, StepName.WAIT), 180, "the wait")
    first.signal(signal.SIGSTOP)
    await replicas(world, "second")
    await eventually(lambda: _worker_changed(world, first), TAKEN_OVER, "the take-over")
    await world.no_faults()
    deploy = await ended(world, 1)
    first.signal(signal.SIGCONT)
    await told_once(world, deploy)
    assert len(await world.mutations()) == 1


async def test_a_killed_replica_s_deploys_go_on_with_the_other_within_the_lease(
    world: World,
) -> None:
    bots = await replicas(world, "one", "two")
    await world.faults(loads=[{"location": "quickstart", "kind": "never_loaded"}])
    await world.types("deploy quickstart@v1")
    await eventually(lambda: _at(world, 1, StepName.WAIT), 180, "the wait")
    owner = await _owner(world, bots)
    owner.signal(signal.SIGKILL)
    await eventually(lambda: _worker_changed(world, owner), TAKEN_OVER, "the take-over")
    await world.no_faults()
    await told_once(world, await ended(world, 1))
    assert len(await world.mutations()) == 1


async def test_behind_a_balancer_each_request_may_reach_any_replica(world: World) -> None:
    """HTTP mode: a command goes to one, its Confirm to the other, the next to the first."""
    ports = [free_port(), free_port()]
    bots = [
        await world.start(
            name=f"http-{port}", slack={"mode": "http"}, server={"port": port, "host": "127.0.0.1"}
        )
        for port in ports
    ]
    for bot in bots:
        await eventually(partial(_says, bot, "server_listens"), 180, "a listening bot")

    async def next_goes_to(port: int) -> None:
        await world.workspace.settings(request_url=f"http://127.0.0.1:{port}/slack/events")

    await next_goes_to(ports[0])
    assert (await world.types("deploy quickstart@v1 to staging")).acked
    card = await world.workspace.wait_for_message(
        CHANNEL, lambda message: "waits for Confirm" in message.text, 60
    )
    await next_goes_to(ports[1])
    assert (await world.workspace.person("ada").click(card, "deploy.confirm")).acked
    await next_goes_to(ports[0])
    await world.types("deploy quickstart@v2")
    for deploy_id in (1, 2):
        await told_once(world, await ended(world, deploy_id))
    assert len(await world.mutations()) == 2


async def test_three_senders_keep_the_order_of_each_deploy(world: World) -> None:
    await replicas(world, "one", "two", "three")
    locations = ["quickstart", "core", "marts", "ml"]
    for name in locations * 2:
        assert (await world.types(f"deploy {name}")).acked
    deploys = [await ended(world, number) for number in range(1, 9)]
    assert Counter(deploy.targets[0].location for deploy in deploys) == dict.fromkeys(locations, 2)
    for deploy in deploys:
        await told_once(world, deploy)
    assert len(await world.mutations()) == 8


async def _answers(said: str) -> bool:
    """Whether the process that has written this is there again."""
    (port,) = {each["port"] for each in _events(said) if each.get("event") == "server_listens"}
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        try:
            return (await http.get(f"http://127.0.0.1:{port}/livez")).is_success
        except httpx.HTTPError:
            return False


def _events(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


async def _is_stopped(bot: Bot) -> bool:
    status = await asyncio.to_thread(Path(f"/proc/{bot.pid}/status").read_text)
    return "State:\tT" in status


async def _at(world: World, deploy_id: int, step: StepName) -> bool:
    newest = await world.newest()
    if newest is None or newest.id < deploy_id:
        return False
    return (await world.store.deploys.get(deploy_id)).targets[0].step(step) is not None


async def _says(bot: Bot, words: str) -> bool:
    return words in await bot.said()


async def _worker(world: World) -> str:
    from deploy_core.store.tables import targets  # noqa: PLC0415 - only here

    async with world.store.database.read() as connection:
        row = (await connection.execute(targets.select())).first()
        return str(row.worker) if row is not None else ""


async def _owner(world: World, bots: list[Bot]) -> Bot:
    worker = await _worker(world)
    return next(bot for bot in bots if f"-{bot.pid}-" in worker)


async def _worker_changed(world: World, before: Bot) -> bool:
    return f"-{before.pid}-" not in await _worker(world)
