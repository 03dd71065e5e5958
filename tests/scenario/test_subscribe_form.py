"""`/dagster subscribe` alone: the form by which a channel is subscribed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from handlers.modals import DEPLOYMENT
from handlers.subscribe_form import (
    CHANNEL,
    DIGEST,
    EVENTS,
    ONLY,
    QUIET_FROM,
    QUIET_TO,
    ZONE,
)
from sandbox.slack.seen import SeenView
from tests.scenario.test_subscriptions import DATA, DATA_ID, breaks
from tests.scenario.test_watch import CONFIG, loaded, looked
from tests.scenario.world import World, open_world


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        yield opened


async def form(world: World, who: str = "linus", channel: str = DATA) -> SeenView:
    await world.types(who, "/dagster subscribe", channel)
    return await world.person(who).wait_for_view(lambda view: "Only for" in view.shown)


async def subscribed(world: World) -> list[dict[str, Any]]:
    kept = await world.core.store.subscriptions.all()
    return [each.subscription.model_dump(mode="json", exclude_defaults=True) for each in kept]


async def test_a_channel_is_subscribed_by_a_form_and_told(watched: World) -> None:
    before = await loaded(watched, "core", "marts")
    await form(watched)
    outcome = await watched.person("linus").submit({EVENTS: ["failures"], ONLY: "mar*"})
    assert outcome.errors == {}
    said = await watched.card("has subscribed this channel to code locations that", channel=DATA)
    assert "for `mar*`" in said.shown
    assert "Just now 1 code location fits." in said.shown
    breaks(watched, "marts")
    await watched.card("marts on prod fails to load", number=before)
    await watched.card("marts on prod fails to load", channel=DATA, number=1)


async def test_all_of_the_form_is_kept(watched: World) -> None:
    view = await form(watched, "ada", "#deploys")
    ada = watched.person("ada")
    found = await ada.type_into(view, ZONE, "berl")
    assert [each["value"] for each in found.options] == ["Europe/Berlin"]
    outcome = await ada.submit(
        {
            CHANNEL: DATA_ID,
            EVENTS: ["runs", "deploys"],
            ONLY: "tag:team=data",
            DEPLOYMENT: "prod",
            QUIET_FROM: "22:00",
            QUIET_TO: "07:00",
            DIGEST: "weekly mon",
            ZONE: "Europe/Berlin",
        }
    )
    assert outcome.errors == {}
    done = await watched.private("ada", f"Subscription 1: <#{DATA_ID}> is told of")
    assert "a digest `weekly mon 09:00 Europe/Berlin`" in done.shown
    assert await subscribed(watched) == [
        {
            "channel": DATA_ID,
            "events": ["runs", "deploys"],
            "only": ["tag:team=data"],
            "deployment": "prod",
            "quiet": "22:00-07:00 Europe/Berlin",
            "digest": "weekly mon 09:00 Europe/Berlin",
        }
    ]


async def test_what_is_wrong_is_said_under_its_field_and_nothing_is_lost(watched: World) -> None:
    await form(watched)
    linus = watched.person("linus")
    outcome = await linus.submit({EVENTS: ["runs"], ONLY: "core in prod", QUIET_FROM: "22:00"})
    assert set(outcome.errors) == {ONLY, QUIET_TO}
    outcome = await linus.submit({ONLY: "tag:team", QUIET_TO: "22:00"})
    assert outcome.errors == {QUIET_TO: "Quiet hours end at another time than they begin."}
    outcome = await linus.submit({QUIET_TO: "06:00"})
    assert outcome.errors == {}
    await watched.card("subscribed this channel to runs that fail", channel=DATA)
    [kept] = await subscribed(watched)
    assert (kept["only"], kept["quiet"]) == (["tag:team"], "22:00-06:00 UTC")


async def test_who_may_not_is_told_under_the_channel(watched: World) -> None:
    await form(watched, "linus", "#general")
    outcome = await watched.person("linus").submit({CHANNEL: DATA_ID})
    assert "You may not deploy to prod." in outcome.errors[CHANNEL]
    assert await subscribed(watched) == []


async def test_a_channel_of_the_file_is_refused_under_its_field(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    fixed = [{"channel": DATA_ID, "events": ["failures"]}]
    async with open_world(tmp_path, projects, **CONFIG, subscriptions=fixed) as world:
        await form(world, "ada")
        outcome = await world.person("ada").submit({EVENTS: ["runs"]})
        assert "The configuration file says what this channel" in outcome.errors[CHANNEL]
        listed = await world.asks("ada", "/dagster subscriptions", DATA)
        assert "Subscribe…" not in listed.shown


async def test_a_name_that_nothing_has_can_be_mended_in_the_same_form(watched: World) -> None:
    await loaded(watched, "core")
    await form(watched)
    linus = watched.person("linus")
    outcome = await linus.submit({EVENTS: ["runs"], ONLY: "cor", QUIET_FROM: "1:00"})
    assert set(outcome.errors) == {QUIET_TO}
    outcome = await linus.submit({QUIET_TO: "02:00", QUIET_FROM: "01:00"})
    assert outcome.errors == {}
    refused = await watched.private("linus", "is called cor.", channel=DATA)
    await watched.clicks("linus", refused, "form.again")
    await linus.wait_for_view(lambda view: "is called cor." in view.shown)
    outcome = await linus.submit({ONLY: "core"})
    assert outcome.errors == {}
    await watched.card("runs that fail, for `core`; quiet `01:00-02:00 UTC`", channel=DATA)


async def test_it_is_opened_by_buttons_and_after_a_mention(watched: World) -> None:
    await looked(watched)
    linus = watched.person("linus")
    listed = await watched.asks("linus", "/dagster subscriptions", DATA)
    await linus.click(listed, "command.try:subscribe")
    await linus.wait_for_view(lambda view: "Only for" in view.shown)
    outcome = await linus.submit({EVENTS: ["runs"]})
    assert outcome.errors == {}
    await watched.card("subscribed this channel to runs that fail", channel=DATA)
    await linus.mention(DATA, "subscribe")
    answer = await watched.private("linus", "is chosen in a form", channel=DATA)
    await watched.clicks("linus", answer, "form.open")
    await linus.wait_for_view(lambda view: "Only for" in view.shown)


async def test_on_the_home_tab_the_channel_is_chosen(watched: World) -> None:
    ada = watched.person("ada")
    await ada.open_home()
    home = await ada.wait_for_home(lambda home: "Nothing that you have subscribed" in home.shown)
    await ada.click(home, "command.try:subscribe")
    await ada.wait_for_view(lambda view: "Only for" in view.shown)
    outcome = await ada.submit({EVENTS: ["agents"], CHANNEL: DATA_ID})
    assert outcome.errors == {}
    await watched.card("subscribed this channel to agents that are gone", channel=DATA)
    await watched.card("Subscription 1", channel="@ada")
    await ada.wait_for_home(lambda home: f"*1* · <#{DATA_ID}>" in home.shown)
