"""The watcher: what breaks, recovers or is changed outside the bot is told once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_core.clock import SystemClock
from deploy_core.store.store import Store
from deploy_core.store.tables import slots
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.dagster_plus.locations import LoadReport
from sandbox.dagster_plus.runs import Run
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.world import CHANNEL, RATES, World, open_world

CHANNEL_ID = "C0DEPLOYS01"
CONFIG: dict[str, Any] = {
    "deployments": {
        "prod": {"may_deploy": ["U0ADA000001"], "watch_channel": CHANNEL_ID, "load_deadline": 1}
    },
    "watch": {"seconds": 0.25, "agent_work": 0.5, "agent_silence": 60},
}


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        yield opened


async def looked(world: World, times: int = 2) -> None:
    """Wait until the watcher has looked so many times more, and all that it saw was told."""
    first = await world.core.store.watching.last("prod", "locations")
    wanted = (first.version if first else 0) + times

    async def look() -> bool | None:
        kept = await world.core.store.watching.last("prod", "locations")
        if kept is None or kept.version < wanted:
            return None
        return True if (await world.core.store.outbox.waiting()).count == 0 else None

    await world.workspace.wait_for(look, what=f"{times} looks")


async def loaded(world: World, *names: str) -> int:
    """Somebody deploys these; return how many messages there are once that was told."""
    await looked(world)
    somebody_deploys(world, *(document(name) for name in names))
    await world.card("added")
    await looked(world)
    return len(await world.cards())


async def test_a_failure_is_told_once_and_followed_to_its_end(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    watched.break_code(image="registry.example/marts:bad")
    somebody_deploys(watched, document("marts", image="registry.example/marts:bad"))
    card = await watched.card("marts on prod fails to load", number=before)
    assert "ModuleNotFoundError: No module named 'rates'" in card.shown
    assert "revenue.py:3" in card.shown
    assert "`marts:bad` was put there outside the bot." in card.shown
    await looked(watched, 3)
    somebody_deploys(watched, document("marts", image="registry.example/marts:good"))
    card = await watched.card("marts on prod loads again after", number=before)
    await watched.reply(card, "marts loads again. It was down for")
    assert len(await watched.cards()) == before + 1


async def test_what_was_there_before_is_no_news(watched: World) -> None:
    await looked(watched)
    somebody_deploys(watched, document("core"))
    card = await watched.card("Changed outside the bot on prod: core was added")
    await looked(watched)
    somebody_deploys(watched, document("core", image="registry.example/core:2"))
    card = await watched.card("core was changed", number=1)
    assert "`core:2`" in card.shown
    watched.dagster.plane.delete(watched.dagster.plane.deployment("prod"), "core")
    await watched.card("core was removed", number=2)


async def test_a_deploy_of_ours_tells_of_itself(watched: World) -> None:
    await looked(watched)
    await watched.types("ada", "/dagster deploy quickstart@v1")
    await watched.card("live on prod")
    await watched.ended(1)
    await watched.types("ada", "/dagster deploy quickstart@broken")
    await looked(watched, 3)
    await watched.ended(2)
    await looked(watched, 3)
    assert len(await watched.cards()) == 2


async def test_a_failure_of_ours_that_stays_names_the_deploy(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {**CONFIG["deployments"]["prod"], "put_back": False}
    async with open_world(tmp_path, projects, **{**CONFIG, "deployments": {"prod": prod}}) as world:
        await looked(world)
        world.break_code(location="quickstart")
        await world.types("ada", "/dagster deploy quickstart")
        await world.ended(1)
        card = await world.card("quickstart on prod fails to load", number=1)
        assert "was put there just before, by <@U0ADA000001> with deploy 1." in card.shown
        await world.clicks("ada", card, "command.show:status")
        await world.private("ada", "quickstart on prod: failed to load")


async def test_many_that_break_at_once_are_one_message(watched: World) -> None:
    names = [f"team_{number:03}" for number in range(300)]
    before = await loaded(watched, *names)
    locations = watched.dagster.plane.deployment("prod").locations.values()
    for location in locations:
        location.accept(LoadReport(error=RATES.to_load_error()), at=location.updated_timestamp + 1)
    card = await watched.card("300 locations failed to load at once", number=before)
    assert "*300 with*" in card.shown or "*30 with*" in card.shown
    assert "No module named 'rates'" in card.shown
    assert len(card.blocks) <= 50
    for location in locations:
        location.accept(LoadReport(), at=location.updated_timestamp + 2)
    card = await watched.card("all load again", number=before)
    await watched.reply(card, "All 300 load again.")
    assert len(await watched.cards()) == before + 1


async def test_flapping_is_said_once(watched: World) -> None:
    before = await loaded(watched, "core")
    core = watched.dagster.plane.deployment("prod").locations["core"]
    for turn in range(5):
        core.accept(LoadReport(error=RATES.to_load_error()), at=core.updated_timestamp + 1)
        await looked(watched)
        if turn == 0:
            await watched.card("core on prod fails to load", number=before)
        core.accept(LoadReport(), at=core.updated_timestamp + 1)
        await looked(watched)
    card = await watched.card("has flapped, failed 5 times", number=before)
    await watched.reply(card, "core flaps: it failed 3 times")
    thread = await watched.workspace.messages(CHANNEL, thread_ts=card.ts)
    assert sum("flaps:" in each.shown for each in thread) == 1
    assert sum("again" in each.shown and each.ts != card.ts for each in thread) == 3


async def test_dagster_away_is_no_news_of_its_locations(watched: World) -> None:
    before = await loaded(watched, "core")
    for kind in ("status", "errors", "unknown_typename", "truncated", "maintenance"):
        fault = RequestFault(operation="query", kind=kind, times=6)
        watched.dagster.plane.faults.add(Faults(requests=[fault]))
    await looked(watched, 1)
    await looked(watched, 2)
    assert len(await watched.cards()) == before


async def test_a_restart_tells_nothing_twice_and_nothing_is_lost(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        before = await loaded(world, "core", "marts")
        world.break_code(location="marts")
        somebody_deploys(world, document("marts", image="registry.example/marts:bad"))
        await world.card("marts on prod fails to load", number=before)
        told = len(await world.cards())
        await world.stop_bot()
        await world.start_bot()
        await looked(world, 3)
        assert len(await world.cards()) == told
        world.set_agent(broken=[])
        somebody_deploys(world, document("marts", image="registry.example/marts:good"))
        await world.card("marts on prod loads again", number=before)
        assert len(await world.cards()) == told


async def test_a_silent_agent_is_an_alarm_when_work_shows_it(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    watched.dagster.plane.faults.add(Faults(agents="stale"))
    await looked(watched, 4)
    assert len(await watched.cards()) == before
    watched.hold_loading("marts")
    somebody_deploys(watched, document("marts", image="registry.example/marts:2"))
    card = await watched.card("No agent of prod is running", number=before + 1)
    assert "marts waits to be loaded" in card.shown
    assert "2 code locations hang on it: core, marts" in card.shown
    watched.let_load()
    card = await watched.card("An agent serves prod again", number=before + 1)
    await watched.reply(card, "An agent serves prod again. It was gone for")


async def test_runs_that_begin_make_it_a_note(watched: World) -> None:
    before = await loaded(watched, "core")
    run = Run("core")
    watched.dagster.plane.deployment("prod").runs.append(run)
    run.set_status("STARTED")
    watched.dagster.plane.faults.add(Faults(agents="stale"))
    await watched.card("Dagster+ says that no agent of prod is running, but", number=before)
    await looked(watched, 4)
    assert len(await watched.cards()) == before + 1


async def test_a_digest_that_a_restart_missed_comes_once_and_late(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    yesterday = datetime.now(UTC) - timedelta(hours=20)
    digest = {"cron": f"{yesterday.minute} {yesterday.hour} * * *", "timezone": "UTC"}
    prod = {**CONFIG["deployments"]["prod"], "digest": digest}
    async with open_world(tmp_path, projects, **{**CONFIG, "deployments": {"prod": prod}}) as world:
        await loaded(world, "core")
        before = len(await world.cards())
        await world.stop_bot()
        store = await Store.open(str(tmp_path / "bot.sqlite"), SystemClock())
        async with store.database.write() as connection:
            await connection.execute(slots.update().values(slot="2026-01-01T00:00"))
        await store.close()
        await world.start_bot()
        card = await world.card("Digest of prod:", number=before)
        assert "the bot wasn't running at its time" in card.shown
        await looked(world, 3)
        assert len(await world.cards()) == before + 1


async def test_a_channel_that_is_closed_does_not_swallow_what_broke(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        await looked(world)
        await world.workspace.control("channel", name="deploys", archived=True)
        somebody_deploys(world, document("core"))
        told = await world.card("core was added", channel="@ada")
        assert "This belongs to <#C0DEPLOYS01>, where I can't post" in told.shown
