"""Slack gone for ten minutes, a store that can't be written: nothing is lost, and it goes on."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.slack.seen import SeenMessage
from tests.engine.world import FastClock
from tests.scenario.world import World, open_world

TEN_MINUTES = timedelta(minutes=10)
SLACK_IS_PATIENT = 3.0


@asynccontextmanager
async def locked(file: str) -> AsyncIterator[None]:
    """Another program writes to the store, and doesn't come to an end."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        # In a thread: the bot, which may be writing, lives in this loop.
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def ready(world: World) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answer = await http.get(f"http://127.0.0.1:{world.bot.port}/readyz")
    found: dict[str, Any] = answer.json()
    assert (answer.status_code == 200) == found["ready"]
    return found


async def test_slack_gone_for_ten_minutes_is_caught_up_with_in_order(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    """Once both deploys have ended the bot's waiting is twenty times as fast, and its ten minutes
    are given to it; before, a fast clock would let them run out of time on a busy machine."""
    clock = FastClock(speed=1.0)
    async with open_world(tmp_path, projects, clock=clock) as world:
        cards = []
        for number, name in enumerate(("quickstart", "core")):
            world.hold_loading(name)
            await world.types("ada", f"/dagster deploy {name}")
            cards.append(await world.card("waiting for the agent", number=number))
        first, second = cards
        await world.workspace.fault("*", drop="before", times=100_000)
        tried = len(await world.workspace.calls("apps.connections.open"))
        await world.workspace.control("sockets", do="close")
        world.let_load()
        await until(lambda: ended(world, 1))
        await until(lambda: ended(world, 2))
        assert (await ready(world))["checks"]["slack"] == "not connected to Slack"
        lost = await world.person("ada").command("#deploys", "/dagster deploys")
        assert not lost.acked
        # However long it lasts, it goes on trying.
        clock.run_at(20.0)
        await until(lambda: opened(world, tried + 5))
        said = len(await world.workspace.calls())

        # Whatever was tried last before Slack is back waits for its turn, which the jump brings.
        await world.workspace.control("faults/clear")
        clock.ahead += TEN_MINUTES
        await world.workspace.wait_for_sockets(1)
        for card, name in ((first, "quickstart"), (second, "core")):
            assert f"{name} is live on prod" in (await last_of(world, card)).text
            await world.reply(card, "<@U0ADA000001>")
        calls = (await world.workspace.calls())[said:]
        for card in (first, second):
            # An edit that was under way when Slack went may come before the last one.
            *edits, thread = told(calls, card)
            assert (set(edits), thread) == ({"chat.update"}, "chat.postMessage")
        assert len(await world.cards()) == 2
        answer = await world.asks("ada", "/dagster status")
        assert "2 loaded" in answer.shown


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what neither Slack nor the store tells of a change."""
    async with asyncio.timeout(120):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def opened(world: World, times: int) -> bool:
    return len(await world.workspace.calls("apps.connections.open")) >= times


async def ended(world: World, number: int) -> bool:
    return (await world.core.store.deploys.get(number)).ended


async def at_rest(world: World) -> bool:
    """Whether the worker has given everything up for now."""
    return world.core.worker.running == 0


async def last_of(world: World, card: SeenMessage) -> SeenMessage:
    async def look() -> SeenMessage | None:
        now = await world.workspace.message(card)
        return now if now is not None and "live on prod" in now.text else None

    return await world.workspace.wait_for(look, 150.0, "the end on the card")


def told(calls: list[dict[str, Any]], card: SeenMessage) -> list[str]:
    """The methods that told Slack about a card, in order."""
    return [
        call["method"]
        for call in calls
        if card.ts in {call["args"].get("ts"), call["args"].get("thread_ts")}
        and call["answer"].get("ok")
    ]


@pytest.mark.proof
async def test_a_store_locked_in_mid_step_stops_before_the_change_and_goes_on(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    clock = FastClock()
    grace = 6_000.0
    async with open_world(tmp_path, projects, clock=clock, no_agent_grace=grace) as world:
        world.dagster.plane.faults.agents = "none"
        await world.types("ada", "/dagster deploy quickstart")
        await world.card("reading what is live")
        async with locked(world.settings.store):
            began = time.monotonic()
            refused = await world.types("grace", "/dagster deploy core")
            assert refused.acked
            assert time.monotonic() - began < SLACK_IS_PATIENT
            await world.private("grace", "`store_unavailable`")
            found = await ready(world)
            assert not found["ready"]
            assert found["checks"]["store"] != "ok"
            assert found["checks"]["slack"] == "ok"
            world.let_load()  # the agent is back, and the step goes on
            await until(lambda: at_rest(world))
            assert world.dagster.plane.deployments["prod"].locations == {}
        clock.ahead += timedelta(seconds=31)  # the lease that it could not renew
        await world.card("live on prod")
        assert (await ready(world))["ready"]
        assert [each.id for each in await world.core.store.deploys.recent()] == [1]
        await world.types("grace", "/dagster deploy core")
        await world.card("live on prod", number=1)
