"""`/dagster remove-location` and `restore-location`: a location goes, and comes back as it was."""

import getpass
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy_core.model.errors import UnknownLocation
from deploy_core.model.people import Actor
from handlers.remove_form import NAME
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.dagster_plus.locations import RepositoryContents, Schedule, Sensor
from sandbox.dagster_plus.runs import Run
from sandbox.slack.client import SlackPerson
from sandbox.slack.seen import SeenView
from tests.scenario.test_add_location import in_terminal
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.test_watch import CONFIG, looked
from tests.scenario.world import World, open_world

SHOP = document(
    "shop", container_context={"k8s": {"namespace": "shop", "labels": {"team": "shop"}}}
)


def is_there(world: World) -> bool:
    return "shop" in world.dagster.plane.deployments["prod"].locations


async def deletions(world: World) -> int:
    async with httpx.AsyncClient(base_url=world.dagster.url, timeout=60) as http:
        asked = (await http.get("/sandbox/state")).json()["requests"]
    return sum(each["operation"] == "ChatopsDeleteLocation" for each in asked)


async def shop(world: World) -> None:
    """A location that somebody has added by hand."""
    somebody_deploys(world, SHOP)

    async def loaded() -> bool:
        found = world.dagster.plane.deployments["prod"].locations["shop"]
        return found.load_status == "LOADED"

    await world.workspace.wait_for(loaded, what="the location loaded")


async def form(world: World, who: str = "ada", text: str = "shop from prod") -> SeenView:
    await world.types(who, f"/dagster remove-location {text}")
    return await world.person(who).wait_for_view(lambda view: "Looking up" not in view.shown)


async def test_what_would_go_is_shown_and_goes_after_its_name_was_typed(world: World) -> None:
    await shop(world)
    found = world.dagster.plane.deployments["prod"].locations["shop"]
    assert found.report is not None
    contents = RepositoryContents(
        "__repository__",
        jobs=("nightly", "hourly"),
        schedules=(Schedule("at_night", "0 3 * * *", running=True), Schedule("off", "0 4 * * *")),
        sensors=(Sensor("new_files", running=True),),
        assets=("orders", "clicks"),
    )
    found.report = replace(found.report, repositories=(contents,))
    run = Run("shop")
    world.dagster.plane.deployment("prod").runs.append(run)
    run.set_status("STARTED")
    view = await form(world)
    for said in (
        "*shop* goes from *prod*",
        "*Assets:* 2",
        "*Jobs:* nightly, hourly",
        "*Schedules that are on:* at_night",
        "*Sensors that are on:* new_files",
        "*Runs in flight:* 1",
    ):
        assert said in view.shown
    ada = world.person("ada")
    outcome = await ada.submit({NAME: "shopp"})
    assert list(outcome.errors) == [NAME]
    assert is_there(world)
    outcome = await ada.submit({NAME: " shop "})
    assert outcome.errors == {}
    message = await world.card("shop was removed from prod by <@U0ADA000001>")
    assert not is_there(world)
    assert await deletions(world) == 1
    await world.clicks("grace", message, "command.run:restore")
    card = await world.card("shop is live on prod", number=1)
    assert "brought back after it was removed" in card.shown
    assert world.dagster.plane.deployments["prod"].locations["shop"].document == SHOP


async def test_a_name_that_could_not_be_added_can_be_brought_back(world: World) -> None:
    somebody_deploys(world, document("my shop"))
    await form(world, text='"my shop"')
    await world.person("ada").submit({NAME: "my shop"})
    await world.card("my shop was removed")
    await world.types("ada", '/dagster restore-location "my shop"')
    await world.card("my shop is live on prod", number=1)


@pytest.mark.parametrize(("kind", "sent"), [("drop_after_change", 1), ("drop_before_change", 2)])
async def test_a_lost_answer_is_read_back_and_never_done_twice(
    world: World, kind: Any, sent: int
) -> None:
    await shop(world)
    await form(world)
    lost = RequestFault(operation="ChatopsDeleteLocation", kind=kind)
    world.dagster.plane.faults.add(Faults(requests=[lost]))
    await world.person("ada").submit({NAME: "shop"})
    await world.card("shop was removed from prod")
    assert not is_there(world)
    assert await deletions(world) == sent


async def test_after_a_crash_what_was_done_is_not_done_again(world: World) -> None:
    await shop(world)
    by = Actor(kind="slack", id="U0ADA000001")
    engine = world.core.engine
    shown = (await engine.going("prod", "shop", by)).shown
    for _ in range(2):
        await engine.remove("prod", "shop", by, shown=shown, origin="form:1")
    assert await deletions(world) == 1
    with pytest.raises(UnknownLocation):
        await engine.remove("prod", "shop", by, shown=shown, origin="form:2")


async def test_what_dagster_plus_refuses_is_said_and_nothing_is_removed(world: World) -> None:
    await shop(world)
    await form(world)
    fails = RequestFault(operation="ChatopsDeleteLocation", kind="errors")
    world.dagster.plane.faults.add(Faults(requests=[fails]))
    await world.person("ada").submit({NAME: "shop"})
    await world.private("ada", "Reason:")
    assert is_there(world)
    assert await world.cards() == []


async def test_what_was_changed_since_it_was_shown_is_not_removed(world: World) -> None:
    await shop(world)
    await form(world)
    somebody_deploys(world, {**SHOP, "image": "registry.example/shop:2"})
    await world.person("ada").submit({NAME: "shop"})
    await world.private("ada", "`plan_changed`")
    assert is_there(world)


async def test_only_who_may_deploy_there_may_remove_and_restore(world: World) -> None:
    await shop(world)
    for verb in ("remove-location", "restore-location"):
        answer = await world.asks("linus", f"/dagster {verb} shop")
        assert "`not_allowed`" in answer.shown
    assert await world.person("linus").view() is None


async def test_what_is_being_deployed_is_not_removed(world: World) -> None:
    await shop(world)
    world.hold_loading("shop")
    await world.types("ada", "/dagster redeploy shop")
    await world.card("waiting for the agent to load it")
    view = await form(world)
    assert "Deploy 1 of shop has not ended" in view.shown
    world.let_load()
    await world.ended(1)


async def test_an_unknown_location_is_said_in_the_form(world: World) -> None:
    view = await form(world, text="shop")
    assert "prod has no code location shop" in view.shown


async def test_there_is_nothing_to_bring_back(world: World) -> None:
    answer = await world.asks("ada", "/dagster restore-location shop")
    assert "`nothing_to_go_back_to`" in answer.shown
    await shop(world)
    answer = await world.asks("ada", "/dagster restore-location shop to prod")
    assert "shop is on prod, so there is nothing to bring back" in answer.shown


async def test_a_mention_offers_a_button_that_opens_the_form(world: World) -> None:
    await shop(world)
    ada = world.person("ada")
    await ada.mention("#deploys", "remove-location shop")
    answer = await world.private("ada", "is shown in a form")
    await world.clicks("ada", answer, "form.open")
    await ada.wait_for_view(lambda view: "*shop* goes from *prod*" in view.shown)


async def after_a_failed_load(world: World, button: str) -> SlackPerson:
    """Add a location that doesn't load, and press this button of its card."""
    world.break_code(location="shop")
    await world.types("ada", "/dagster add-location shop --module shop")
    card = await world.card("shop didn't load", button=button)
    await world.clicks("ada", card, button)
    return world.person("ada")


async def test_what_was_added_and_never_loaded_is_removed_from_its_card(world: World) -> None:
    ada = await after_a_failed_load(world, "command.try:remove")
    await ada.wait_for_view(lambda view: "It isn't loaded" in view.shown)
    await ada.submit({NAME: "shop"})
    await world.card("shop was removed from prod", number=1)
    assert not is_there(world)


async def test_what_was_added_and_never_loaded_is_mended_from_its_card(world: World) -> None:
    ada = await after_a_failed_load(world, "command.try:edit")
    await ada.wait_for_view(lambda view: "shop on prod." in view.shown)
    world.set_agent(broken=[])
    await ada.submit({"source": "store"})
    plan = await world.card("The plan to update shop on prod", number=1)
    await world.clicks("ada", plan, "deploy.confirm")
    await world.card("shop is live on prod", number=1)


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        yield opened


async def test_the_watcher_does_not_call_it_a_change_from_outside(watched: World) -> None:
    await looked(watched)
    await shop(watched)
    await watched.card("added")
    await looked(watched)
    before = len(await watched.cards())
    await form(watched)
    await watched.person("ada").submit({NAME: "shop"})
    await watched.card("shop was removed from prod by", number=before)
    await looked(watched, 4)
    assert len(await watched.cards()) == before + 1


async def test_from_a_terminal_it_goes_and_comes_back(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {"may_deploy": [f"cli:{getpass.getuser()}"], "load_deadline": 1}
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        await shop(world)
        before = world.dagster.plane.deployments["prod"].locations["shop"].document
        code, said = await in_terminal(world, tmp_path, "remove-location", "shop")
        assert (code, is_there(world)) == (4, True), said
        assert "Schedules that are on" in said
        wrong = ("remove-location", "shop", "--confirm", "shopp")
        code, said = await in_terminal(world, tmp_path, *wrong)
        assert (code, is_there(world)) == (4, True), said
        code, said = await in_terminal(
            world, tmp_path, "remove-location", "shop", "--confirm", "shop"
        )
        assert (code, is_there(world)) == (0, False), said
        code, said = await in_terminal(world, tmp_path, "restore-location", "shop")
        assert (code, is_there(world)) == (0, True), said
        after = world.dagster.plane.deployments["prod"].locations["shop"].document
        assert after == before
        code, said = await in_terminal(world, tmp_path, "restore-location", "shop")
        assert code == 2, said
        assert "nothing to bring back" in said
