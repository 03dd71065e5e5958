"""Schedules, sensors and run queues that fall silent are told once, and their end in the thread."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_core.store.look import Look
from deploy_core.watch.schedules import SCHEDULES
from sandbox.dagster_plus.locations import (
    CodeLocation,
    LoadReport,
    RepositoryContents,
    Schedule,
    Sensor,
    Tick,
)
from sandbox.dagster_plus.runs import Run
from sandbox.slack.seen import SeenMessage
from tests.scenario.test_watch import CONFIG, loaded
from tests.scenario.world import World, open_world

HOUR = 3600.0
FAST: dict[str, Any] = {
    **CONFIG,
    "watch": {
        **CONFIG["watch"],
        "schedules_seconds": 0.25,
        "queue_minutes": 1,
        "code_server_seconds": 0.5,
    },
}


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **FAST) as opened:
        yield opened


def contents(*, schedule: bool = True, sensor: bool = True) -> LoadReport:
    repository = RepositoryContents(
        "__repository__",
        schedules=(Schedule("hourly", "0 * * * *", running=schedule),),
        sensors=(Sensor("bucket", running=sensor),),
    )
    return LoadReport(repositories=(repository,))


async def core(world: World) -> CodeLocation:
    """A location with a schedule and a sensor that are on, which the watcher has seen."""
    await loaded(world, "core")
    found = world.dagster.plane.deployment("prod").locations["core"]
    found.ticks["hourly"] = [Tick(time.time() - 60)]
    found.ticks["bucket"] = [Tick(time.time(), "SKIPPED")]
    found.accept(contents(), at=time.time())
    await noted(world, "schedule hourly in core")
    return found


async def noted(world: World, subject: str) -> None:
    """Wait until the watcher knows that this is on."""

    async def look() -> bool | None:
        kept = await world.core.store.watching.last("prod", SCHEDULES)
        known: Any = kept.data["instigators"] if kept is not None else {}
        return (subject in known and known[subject]["on_since"] is not None) or None

    await world.workspace.wait_for(look, 20.0, f"{subject} in the store")


async def set_back(world: World, hours: float) -> None:
    """As if the watcher had known of everything for so long."""
    watching = world.core.store.watching
    while True:
        kept = await watching.last("prod", SCHEDULES)
        assert kept is not None
        data: Any = dict(kept.data)
        for each in data["instigators"].values():
            each["on_since"] = (kept.at - timedelta(hours=hours)).isoformat()
        at = world.core.services.clock.now()
        if await watching.keep(Look("prod", SCHEDULES, kept.version, at, data)):
            return


async def test_a_schedule_without_ticks_is_told_and_its_return_too(watched: World) -> None:
    location = await core(watched)
    await set_back(watched, 9)
    location.ticks["hourly"] = [Tick(time.time() - 4 * HOUR)]
    says = "schedule hourly in core on prod is on and has no ticks"
    card = await watched.card(says, number=1)
    assert "two of its times have passed" in card.text
    location.ticks["hourly"] = [Tick(time.time())]
    card = await watched.card("schedule hourly in core on prod ticks again, after", number=1)
    await watched.reply(card, "schedule hourly in core ticks again. It was silent for")
    assert len(await watched.cards()) == 2


async def test_a_sensor_that_fails_each_tick_is_told_with_its_error(watched: World) -> None:
    location = await core(watched)
    now = time.time()
    location.ticks["bucket"] = [Tick(now - n, "FAILURE", "OSError: no bucket\n") for n in range(3)]
    card = await watched.card("sensor bucket in core on prod is on, and its last 3", number=1)
    assert "OSError: no bucket" in card.shown
    location.accept(contents(sensor=False), at=now, new_version=False)
    report = contents(sensor=False)
    location.report = report
    card = await watched.card("sensor bucket in core on prod was switched off", number=1)
    await watched.reply(card, "sensor bucket in core was switched off")


UNREACHED = (
    "dagster._core.errors.DagsterUserCodeUnreachableError: Unable to reach the user code server"
    " for sensor bucket. Sensor will resume execution once the server is available.\n"
)


async def dead(world: World) -> tuple[CodeLocation, SeenMessage]:
    """A loaded location whose code server has died, and the message about it."""
    location = await core(world)
    now = time.time()
    location.ticks["bucket"] = [Tick(now + n, "FAILURE", UNREACHED) for n in (0.2, 0.1, 0)]
    says = "The code server of core on prod can't be reached, though core counts as loaded"
    return location, await world.card(says, button="command.run:redeploy", number=1)


async def test_a_code_server_that_died_under_a_loaded_location_is_told(watched: World) -> None:
    location, card = await dead(watched)
    assert "no tick of its schedules and sensors has reached it since" in card.text
    answer = await watched.asks("ada", "/dagster status")
    assert "1 code server down" in answer.shown
    only = await watched.asks("ada", "/dagster status --state server-down")
    assert "*core*: code server down" in only.shown

    location.ticks["bucket"] = [Tick(time.time() + 10, "SKIPPED"), *location.ticks["bucket"]]
    card = await watched.card("The code server of core on prod answers again, after", number=1)
    await watched.reply(card, "The code server of core answers again. It was away for")
    assert len(await watched.cards()) == 2, "nothing is said of the sensor by itself"


async def test_a_code_server_that_died_is_started_anew_by_a_button(watched: World) -> None:
    _, card = await dead(watched)
    await watched.clicks("ada", card, "command.run:redeploy")
    await watched.card("core is live on prod", number=2)
    await watched.card("The code server of core on prod answers again, after", number=1)


async def test_what_a_deploy_switches_off_is_told_with_who_deployed(watched: World) -> None:
    location = await core(watched)
    location.accept(contents(schedule=False), at=time.time())
    card = await watched.card("was on before core was loaded, and is off now", number=1)
    assert "was not put there by the bot." in card.shown
    location.report = contents()
    card = await watched.card("schedule hourly in core on prod is on again", number=1)


async def test_a_queue_in_which_nothing_begins_is_told(watched: World) -> None:
    await core(watched)
    runs = watched.dagster.plane.deployment("prod").runs
    waiting = Run("core")
    waiting.created_at = time.time() - 300
    runs.append(waiting)
    card = await watched.card("1 run has waited on prod for more than 1 min", number=1)
    assert "none is in progress" in card.text
    waiting.set_status("STARTED")
    card = await watched.card("Runs of prod begin again after", number=1)
    await watched.reply(card, "The run queue moves again.")


async def test_it_can_be_switched_off(tmp_path: Path, projects: dict[str, Path]) -> None:
    off = {**FAST, "watch": {**FAST["watch"], "schedules": False}}
    async with open_world(tmp_path, projects, **off) as world:
        waiting = Run("core")
        waiting.created_at = time.time() - 300
        world.dagster.plane.deployment("prod").runs.append(waiting)
        await loaded(world, "core")
        assert await world.core.store.watching.last("prod", SCHEDULES) is None
