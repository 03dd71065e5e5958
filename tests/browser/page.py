"""The sandbox's Slack page in headless Chromium, and a person in front of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Locator, Page, ViewportSize, async_playwright, expect

from tests.support.chromium import CHROMIUM

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOK_SECONDS = 180.0


@asynccontextmanager
async def open_page(
    url: str, *, width: int = 1280, height: int = 800, scale: float = 1.0
) -> AsyncIterator[Page]:
    """Yield the page as ada sees it in #deploys. AssertionError if its scripts failed."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        page = await browser.new_page(
            viewport=ViewportSize(width=width, height=height),
            device_scale_factor=scale,
            color_scheme="light",
            timezone_id="UTC",
        )
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.set_default_timeout(LOOK_SECONDS * 1000)
        expect.set_options(timeout=LOOK_SECONDS * 1000)
        await page.goto(url)
        try:
            yield page
        finally:
            await browser.close()
        assert broken == []


async def type_command(page: Page, text: str, *, place: str = "#deploys") -> None:
    """Type into the message box, and press Enter."""
    box = page.get_by_label(f"Message {place}", exact=True)
    await box.fill(text)
    await box.press("Enter")


async def go_to(page: Page, place: str) -> None:
    """Choose a channel, or the app, at the side."""
    await (
        page.get_by_role("complementary", name="Workspace")
        .get_by_role("button", name=place)
        .first.click()
    )


def card(page: Page, words: str) -> Locator:
    """Return the newest card of the channel that has these words."""
    messages = page.locator("#messages").get_by_role("article")
    return messages.filter(has=page.locator("h3"), has_text=words).last


async def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a form's list."""
    await page.get_by_role("dialog").get_by_label(label).select_option(option)
