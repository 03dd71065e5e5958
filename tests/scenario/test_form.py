"""`/dagster deploy` without a location: the form."""

import pytest

from handlers import modals
from tests.scenario.world import World


@pytest.fixture
async def world(world: World) -> World:
    """With the names that the picker offers read already, as they are a moment after the start."""
    await world.core.catalog.refresh()
    return world


async def test_the_form_deploys(world: World) -> None:
    await world.types("ada", "/dagster deploy to prod")
    ada = world.person("ada")
    view = await ada.wait_for_view()
    found = await ada.type_into(view, modals.LOCATIONS, "quick")
    assert [option["value"] for option in found.options] == ["quickstart"]
    outcome = await ada.submit(
        {modals.LOCATIONS: ["quickstart"], modals.REF: "v1", modals.WHY: "the first try"}
    )
    assert outcome.acked
    assert outcome.errors == {}
    card = await world.card("verified")
    assert "“the first try”" in card.shown


async def test_an_unknown_ref_is_answered_privately_after_the_form(world: World) -> None:
    await world.types("ada", "/dagster deploy")
    ada = world.person("ada")
    view = await ada.wait_for_view()
    await ada.type_into(view, modals.LOCATIONS, "quick")
    await ada.submit({modals.LOCATIONS: ["quickstart"], modals.REF: "nowhere"})
    answer = await world.private("ada", "nowhere")
    assert "`unknown_ref`" in answer.shown


async def test_what_can_not_be_a_ref_stays_in_the_form(world: World) -> None:
    await world.types("ada", "/dagster deploy")
    ada = world.person("ada")
    view = await ada.wait_for_view()
    await ada.type_into(view, modals.LOCATIONS, "quick")
    outcome = await ada.submit({modals.LOCATIONS: ["quickstart"], modals.REF: "two words"})
    assert list(outcome.errors) == [modals.REF]
    assert await ada.view() is not None
    assert await world.core.store.deploys.recent() == []


async def test_a_closed_form_can_be_opened_again_at_once(world: World) -> None:
    ada = world.person("ada")
    for _ in range(2):
        await world.types("ada", "/dagster deploy")
        await ada.wait_for_view()
        await ada.close()


async def test_a_mention_offers_a_button_that_opens_the_form(world: World) -> None:
    ada = world.person("ada")
    await ada.mention("#deploys", "deploy")
    answer = await world.private("ada", "Open the form")
    await world.clicks("ada", answer, "form.open")
    await ada.wait_for_view()
