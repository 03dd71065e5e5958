"""A person's path through Slack's page: commands, the form, the card, its buttons, its thread."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.page import card, choose, open_page, type_command
from tests.e2e.world import World
from tests.support.chromium import needs_chromium

pytestmark = [
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.asyncio(loop_scope="session"),
]

LOAD_MS = 180_000


@pytest_asyncio.fixture(loop_scope="session")
async def page(world: World) -> AsyncIterator[Page]:
    async with open_page(world.report["slack_page"]) as opened:
        yield opened


async def test_a_typed_command_is_followed_to_live_and_verified(page: Page, world: World) -> None:
    await type_command(page, '/dagster deploy quickstart@v1 --why "seen in a browser"')
    found = card(page, "seen in a browser")
    await found.get_by_role("button", name="Cancel").wait_for()
    title = found.get_by_role("heading", name="quickstart on prod: live and verified")
    await title.wait_for(timeout=LOAD_MS)
    await found.get_by_text("(edited)").wait_for()
    await expect(found.get_by_role("button", name="Cancel")).to_have_count(0)
    await found.get_by_role("button", name="1 reply").click()
    thread = page.get_by_label("Thread", exact=True)
    await thread.get_by_text("quickstart is live on prod at").wait_for()
    await world.is_live("quickstart", await world.commit("quickstart", "v1"))


async def test_the_form_is_filled_refused_mended_and_submitted(page: Page, world: World) -> None:
    await type_command(page, "/dagster deploy")
    form = page.get_by_role("dialog", name="Deploy code locations")
    submit = form.get_by_role("button", name="Deploy", exact=True)
    await choose(page, "Code locations", "core")
    await form.get_by_label("Branch, tag or commit").fill("not a ref")
    await submit.click()
    await form.get_by_role("alert").filter(has_text="can't be the name of a branch").wait_for()
    await form.get_by_label("Branch, tag or commit").fill("v2")
    await form.get_by_label("Reason").fill("with the form")
    await submit.click()
    await expect(form).to_have_count(0)
    found = card(page, "with the form")
    title = found.get_by_role("heading", name="core on prod: live and verified")
    await title.wait_for(timeout=LOAD_MS)
    await world.is_live("core", await world.commit("monorepo", "v2"))


async def test_cancel_is_pressed_and_says_by_whom(page: Page, world: World) -> None:
    await type_command(page, '/dagster deploy ml to staging --why "a second thought"')
    found = card(page, "a second thought")
    await found.get_by_text("nothing happens until").wait_for()
    await found.get_by_role("button", name="Cancel").click()
    await found.get_by_role("heading", name="ml on staging: cancelled").wait_for()
    await found.get_by_text("Cancel pressed by @ada").wait_for()
    await expect(found.get_by_role("button", name="Confirm")).to_have_count(0)
    assert await world.location("ml", "staging") is None


async def test_a_failed_load_is_explained_and_its_thread_has_the_trace(
    page: Page, world: World
) -> None:
    v1 = await world.commit("quickstart", "v1")
    await world.end(await world.deploy('quickstart@v1 --why "good before bad"', by="grace"))
    await type_command(page, '/dagster deploy quickstart@broken --why "in euro"')
    found = card(page, "in euro")
    await found.get_by_role("heading", name="quickstart on prod: rolled back").wait_for(
        timeout=LOAD_MS
    )
    for words in (
        "ModuleNotFoundError: No module named 'forex_feed'",
        "quickstart/pricing/rates.py:6",
        "Likely cause:",
        "Next step:",
        "live and verified",
    ):
        await found.get_by_text(words).first.wait_for()
    await found.get_by_role("button", name="2 replies").click()
    thread = page.get_by_label("Thread", exact=True)
    await thread.get_by_role("button", name="View").click()
    await thread.get_by_text("RatesUnavailable").first.wait_for()

    await found.get_by_role("button", name="Full error").click()
    modal = page.get_by_role("dialog")
    await modal.get_by_text("RatesUnavailable").first.wait_for()
    await modal.get_by_role("button", name="Close").first.click()
    await expect(modal).to_have_count(0)
    await world.is_live("quickstart", v1)


async def test_who_may_not_deploy_is_told_privately(page: Page) -> None:
    await page.get_by_role("radio", name="Linus Torvalds").check()
    await expect(page.get_by_role("radio", name="Linus Torvalds")).to_be_checked()
    await type_command(page, "/dagster deploy core")
    note = page.get_by_role("article").filter(has_text="Only visible to you").last
    await note.get_by_text("not_allowed").wait_for()


async def test_a_typo_is_mended_with_one_click(page: Page) -> None:
    await type_command(page, "/dagster hlep status")
    note = page.get_by_role("article").filter(has_text="Did you mean").last
    await note.get_by_role("button", name="Run it").first.click()
    await page.get_by_text("Examples: status, status core").wait_for()
