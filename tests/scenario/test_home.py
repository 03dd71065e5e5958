"""The Home tab follows what happens, for those who have opened it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.dagster_plus.faults import Faults, RequestFault
from tests.scenario.test_subscriptions import DATA, breaks, mends
from tests.scenario.test_watch import CONFIG, loaded
from tests.scenario.world import World, open_world


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        yield opened


async def test_it_is_shown_when_it_is_opened_and_follows_what_breaks(watched: World) -> None:
    await loaded(watched, "core", "marts")
    linus = watched.person("linus")
    await linus.open_home()
    await linus.wait_for_home(lambda home: "*prod*: 2 loaded" in home.shown)
    breaks(watched, "marts")
    await linus.wait_for_home(lambda home: "1 failed to load, 1 loaded" in home.shown)
    home = await linus.wait_for_home(lambda home: ":x: *marts*: failed to load" in home.shown)
    assert "No module named 'rates'" in home.shown
    mends(watched, "marts")
    await linus.wait_for_home(lambda home: "*prod*: 2 loaded" in home.shown)
    assert await watched.person("ada").home() is None, "nobody else has opened it"


async def test_a_plan_that_waits_can_be_confirmed_there(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {**CONFIG["deployments"]["prod"], "protected": True}
    async with open_world(tmp_path, projects, **{**CONFIG, "deployments": {"prod": prod}}) as world:
        ada = world.person("ada")
        await ada.open_home()
        await ada.wait_for_home(lambda home: "No deploy is running." in home.shown)
        await world.types("ada", "/dagster deploy quickstart")
        home = await ada.wait_for_home(lambda home: "*Waits for you*" in home.shown)
        assert "*1* · quickstart on prod" in home.shown
        await ada.click(home, "deploy.confirm")
        await world.card("live on prod")
        await ada.wait_for_home(
            lambda home: "No deploy is running." in home.shown and "1 loaded" in home.shown
        )


async def test_its_buttons_answer_in_direct_messages(watched: World) -> None:
    await loaded(watched, "core")
    await watched.types("linus", "/dagster subscribe runs", DATA)
    await watched.card("subscribed", channel=DATA)
    linus = watched.person("linus")
    await linus.open_home()
    home = await linus.wait_for_home(lambda home: "*1* · <#C0DATAPLAT1>" in home.shown)
    await linus.click(home, "command.show:status")
    status = await watched.card("prod: 1 loaded", channel="@linus")
    assert "*core*: loaded" in status.shown
    await linus.click(home, "command.try:unsubscribe")
    await watched.card("Subscription 1 has ended", channel="@linus", number=1)
    await linus.wait_for_home(lambda home: "Nothing that you have subscribed" in home.shown)
    home = await linus.wait_for_home()
    await linus.click(home, "form.open")
    await linus.wait_for_view()
    await linus.close(everything=True)
    await linus.click(home, "command.try:add")
    await linus.wait_for_view(lambda view: view.raw["callback_id"] == "location_form")


async def test_dagster_away_is_said_there(watched: World) -> None:
    await loaded(watched, "core")
    fault = RequestFault(operation="query", kind="status", times=None)
    watched.dagster.plane.faults.add(Faults(requests=[fault]))
    await watched.stop_bot()
    await watched.start_bot()
    linus = watched.person("linus")
    await linus.open_home()
    await linus.wait_for_home(lambda home: ":warning: *prod*:" in home.shown)
    watched.dagster.plane.faults.clear()
    await linus.wait_for_home(lambda home: "*prod*: 1 loaded" in home.shown)
