"""Channels say what they are told; what is held back comes when its time has come."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_core.store.tables import posts
from tests.scenario.test_failed_runs import fails
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.test_watch import CONFIG, loaded, looked
from tests.scenario.world import CHANNEL, World, open_world

DATA = "#data-platform"
DATA_ID = "C0DATAPLAT1"


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        yield opened


def breaks(world: World, name: str) -> None:
    world.break_code(image=f"registry.example/{name}:bad")
    somebody_deploys(world, document(name, image=f"registry.example/{name}:bad"))


def mends(world: World, name: str) -> None:
    somebody_deploys(world, document(name, image=f"registry.example/{name}:good"))


async def held(world: World, count: int) -> None:
    """Wait until so many messages are held back."""

    async def look() -> bool | None:
        async with world.core.store.database.read() as connection:
            query = posts.select().where(posts.c.held_until.is_not(None))
            return len((await connection.execute(query)).all()) == count or None

    await world.workspace.wait_for(look, 20.0, f"{count} messages that are held back")


async def time_comes(world: World) -> None:
    """Let what is held back have waited long enough."""
    async with world.core.store.database.write() as connection:
        now = datetime.now(UTC)
        held_back = posts.c.held_until.is_not(None)
        await connection.execute(posts.update().where(held_back).values(held_until=now))


async def test_a_channel_is_told_of_what_it_has_subscribed_to(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    await watched.types("linus", "/dagster subscribe failures for mar*", DATA)
    said = await watched.card("has subscribed this channel to code locations that", channel=DATA)
    assert "for `mar*`" in said.shown
    assert "Just now 1 code location fits." in said.shown
    breaks(watched, "core")
    await watched.card("core on prod fails to load", number=before)
    breaks(watched, "marts")
    await watched.card("marts on prod fails to load", number=before + 1)
    card = await watched.card("marts on prod fails to load", channel=DATA, number=1)
    mends(watched, "marts")
    card = await watched.card("marts on prod loads again", channel=DATA, number=1)
    await watched.reply(card, "marts loads again. It was down for")
    await watched.types("linus", "/dagster unsubscribe 1", DATA)
    await watched.private("linus", "Subscription 1 has ended", channel=DATA)
    fails(watched, location="marts")
    await watched.card("failed alike", number=before + 2)
    assert len(await watched.cards(DATA)) == 2


async def test_runs_are_told_by_their_tags(watched: World) -> None:
    await looked(watched)
    await watched.types("linus", "/dagster subscribe runs for tag:team=data", DATA)
    await watched.card("subscribed", channel=DATA)
    fails(watched, tags={"team": "ml"})
    await watched.card("1 run of daily in core")
    assert len(await watched.cards(DATA)) == 1
    fails(watched, tags={"team": "data"})
    card = await watched.card(
        "2 runs of daily in core on prod failed alike", channel=DATA, number=1
    )
    assert "KeyError" in card.shown
    fails(watched, tags={"team": "data"})
    await watched.card("3 runs of daily", channel=DATA, number=1)
    assert len(await watched.cards(DATA)) == 2


async def test_a_channel_is_told_how_deploys_have_ended_once(watched: World) -> None:
    await looked(watched)
    await watched.types("linus", "/dagster subscribe deploys for quickstart", DATA)
    await watched.card("subscribed this channel to deploys that have ended", channel=DATA)
    await watched.types("ada", "/dagster deploy marts")
    await watched.ended(1)
    await watched.types("ada", '/dagster deploy quickstart@v1 --why "new rates"')
    card = await watched.card("quickstart is live on prod", number=1)
    told = await watched.card("quickstart is live on prod", channel=DATA, number=1)
    assert "Deploy 2 by <@U0ADA000001> · “new rates”" in told.shown
    assert "its message>" in told.shown
    await watched.types("ada", "/dagster deploy quickstart@v1", DATA)
    await watched.ended(3)
    await looked(watched, 3)
    assert len(await watched.cards(DATA)) == 3, "the deploy's own message is there"
    assert len(await watched.cards()) == 2, card.text


async def test_who_may_say_what_a_channel_is_told(watched: World) -> None:
    refused = await watched.asks("linus", "/dagster subscribe runs")
    assert "You may not deploy to prod." in refused.shown, "it is prod's own channel"
    refused = await watched.asks("linus", f"/dagster subscribe {DATA} runs", "#general")
    assert "You may not deploy to prod." in refused.shown
    refused = await watched.asks("linus", "/dagster subscribe runs", "#random")
    assert "I can't post in that channel." in refused.shown
    assert "Invite the bot to the channel." in refused.shown
    refused = await watched.asks("linus", "/dagster subscribe runs for nowhere", "#general")
    assert "No code location, project or deployment is called nowhere." in refused.shown
    done = await watched.asks("ada", f"/dagster subscribe {DATA} runs")
    assert f"Subscription 1: <#{DATA_ID}> is told of runs that fail" in done.shown
    await watched.card("<@U0ADA000001> has subscribed this channel", channel=DATA)
    again = await watched.asks("linus", "/dagster subscribe runs", DATA)
    assert "is told of that already, by subscription 1." in again.shown


async def test_subscriptions_are_listed_and_ended_by_a_button(watched: World) -> None:
    nothing = await watched.asks("linus", "/dagster subscriptions", DATA)
    assert "isn't subscribed to anything" in nothing.shown
    await watched.types("linus", "/dagster subscribe runs quiet 22:00-07:00 Europe/Berlin", DATA)
    await watched.card("subscribed", channel=DATA)
    await watched.types("linus", "/dagster subscribe digest daily 09:00", DATA)
    await watched.card("a digest `daily 09:00 UTC`, for everything", channel=DATA, number=1)
    listed = await watched.asks("linus", "/dagster subscriptions", DATA)
    assert "*1* · runs that fail, for everything; quiet `22:00-07:00 Europe/Berlin`" in listed.shown
    own = await watched.asks("linus", "/dagster subscriptions")
    assert "It is the own channel of prod" in own.shown
    several = await watched.asks("linus", "/dagster unsubscribe", DATA)
    assert "has 2 subscriptions." in several.shown
    await watched.person("linus").click(listed, "command.try:unsubscribe", value="unsubscribe 2")
    await watched.private("linus", "Subscription 2 has ended", channel=DATA)
    assert [each.id for each in await watched.core.store.subscriptions.all()] == [1]


async def test_the_configuration_file_wins(tmp_path: Path, projects: dict[str, Path]) -> None:
    fixed = [{"channel": DATA_ID, "events": ["failures"], "only": ["marts"]}]
    async with open_world(tmp_path, projects, **CONFIG, subscriptions=fixed) as world:
        refused = await world.asks("ada", "/dagster subscribe runs", DATA)
        assert (
            "The configuration file says what this channel is told, and it wins." in refused.shown
        )
        listed = await world.asks("linus", "/dagster subscriptions", DATA)
        assert "for `marts` (the configuration file)" in listed.shown
        await loaded(world, "core", "marts")
        breaks(world, "marts")
        await world.card("marts on prod fails to load", channel=DATA)


async def test_quiet_hours_hold_back_and_then_say_what_is_still_so(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=1):%H}:00-{now + timedelta(hours=5):%H}:00"
    await watched.types("linus", f"/dagster subscribe failures quiet {hours} UTC", DATA)
    await watched.card("subscribed", channel=DATA)
    breaks(watched, "core")
    await watched.card("core on prod fails to load", number=before)
    breaks(watched, "marts")
    await watched.card("marts on prod fails to load", number=before + 1)
    mends(watched, "marts")
    await watched.card("marts on prod loads again", number=before + 1)
    await held(watched, 2)
    assert len(await watched.cards(DATA)) == 1
    await time_comes(watched)
    await watched.workspace.wait_for_message(
        DATA, lambda message: "core on prod fails to load" in message.text
    )
    over = await watched.workspace.wait_for_message(
        DATA, lambda message: "While this channel was quiet" in message.text
    )
    assert "*marts* failed to load, for" in over.shown
    assert len(await watched.cards(DATA)) == 3


async def test_a_mute_is_said_and_holds_back(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    refused = await watched.asks("linus", "/dagster mute 1h")
    assert "You may not deploy to prod." in refused.shown
    await watched.types("ada", "/dagster mute 1h for core")
    said = await watched.card("<@U0ADA000001> has muted this channel", number=before)
    assert "for `core`" in said.shown
    breaks(watched, "core")
    await held(watched, 1)
    breaks(watched, "marts")
    await watched.card("marts on prod fails to load", number=before + 1)
    await time_comes(watched)
    await watched.card("core on prod fails to load", number=before + 2)
    await watched.types("ada", "/dagster mute off")
    await watched.card("has ended the muting of this channel", number=before + 3)
    none = await watched.asks("ada", "/dagster mute off")
    assert "isn't muted." in none.shown


async def test_a_subscribed_channel_that_is_closed_is_told_to_a_person(watched: World) -> None:
    await loaded(watched, "core")
    await watched.types("linus", "/dagster subscribe failures", DATA)
    await watched.card("subscribed", channel=DATA)
    await watched.workspace.control("channel", name="data-platform", archived=True)
    breaks(watched, "core")
    told = await watched.card("core on prod fails to load", channel="@ada")
    assert f"This belongs to <#{DATA_ID}>, where I can't post" in told.shown
    mends(watched, "core")
    await watched.card("core on prod loads again", channel="@ada")


async def test_channels_that_cannot_be_posted_to_are_reported_at_the_start_once(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod: dict[str, Any] = {**CONFIG["deployments"]["prod"], "watch_channel": "C0RANDOM001"}
    async with open_world(tmp_path, projects, **{**CONFIG, "deployments": {"prod": prod}}) as world:
        told = await world.card("I can't post in <#C0RANDOM001>", channel="@ada")
        assert "which is told of prod" in told.shown
        await world.stop_bot()
        await world.start_bot()
        await looked(world)
        await world.asks("ada", "/dagster help", CHANNEL)
        assert len(await world.cards("@ada")) == 1


OWNERS: dict[str, Any] = {
    **CONFIG,
    "owners": {"ada@acme.com": "U0ADA000001", "team:data": "S0DATATEAM1"},
    "location_owners": {"mar*": ["team:data", "U0GRACE0001"]},
    "subscriptions": [{"channel": DATA_ID}],
}


async def test_owners_are_mentioned_once(tmp_path: Path, projects: dict[str, Path]) -> None:
    async with open_world(tmp_path, projects, **OWNERS) as world:
        before = await loaded(world, "core", "marts")
        breaks(world, "marts")
        here = await world.card("marts on prod fails to load", number=before)
        there = await world.card("marts on prod fails to load", channel=DATA, number=before)
        line = "Owned by <!subteam^S0DATATEAM1>, <@U0GRACE0001>"
        assert [line in each.shown for each in (here, there)].count(True) == 1
        breaks(world, "core")
        card = await world.card("core on prod fails to load", number=before + 1)
        assert "Owned by" not in card.shown


async def test_the_owners_of_a_job_and_its_assets_are_mentioned(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **{**OWNERS, "subscriptions": []}) as world:
        await looked(world)
        assets = {"raw/orders": ["team:data", "team:unknown"]}
        fails(world, owners=["ada@acme.com"], assets=assets)
        card = await world.card("1 run of daily in core")
        assert "Owned by <@U0ADA000001>, <!subteam^S0DATATEAM1>" in card.shown
        assert card.shown.count("Owned by") == 1
        fails(world, "OSError: gone\n")
        card = await world.card("OSError: gone", number=1)
        assert "Owned by" not in card.shown
