"""Takes the README's screenshots: `python -m tests.browser.make_screenshots [NAME …]`.

With names (`good`, `location-form-hybrid`, …) only those are written, and only the worlds that they
are taken in are played. Everything on the pictures really happened.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from sandbox.demo_trouble import CHANNEL_ID, ERROR
from tests.browser.location_form import (
    SERVERLESS,
    FormWorld,
    field,
    fill,
    fill_hybrid,
    open_form,
    open_form_world,
)
from tests.browser.page import card, choose, go_to, open_page, type_command
from tests.e2e.world import World, open_world

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LOAD_MS = 60_000
MOST_BYTES = 300_000
DATA_ID = "C0DATAPLAT1"
DIGEST_AFTER = timedelta(minutes=4)
"""By then everything has happened that the digest tells of."""


async def make_screenshots(names: Collection[str]) -> None:
    """Play what the pictures show, and write them. SystemExit for a name that there isn't."""
    known = {name for pictures in WORLDS.values() for name in pictures}
    if unknown := set(names) - known:
        raise SystemExit(f"There is no {min(unknown)}; there are {', '.join(sorted(known))}.")
    for play, pictures in WORLDS.items():
        wanted = [name for name in pictures if name in names or not names]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as home:
            made = Path(home) / "made"
            await asyncio.to_thread(made.mkdir)
            await play(Path(home) / "world", made)
            for name in wanted:
                await asyncio.to_thread(shutil.copy, made / f"{name}.png", IMAGES)


async def _deploys(home: Path, folder: Path) -> None:
    async with open_world(home) as world:
        async with open_page(world.report["slack_page"], width=1180, height=640) as page:
            await _good(world, page, folder / "good.png")
            await _form(page, folder / "form.png")
        async with open_page(world.report["slack_page"], width=1400, height=860) as page:
            await _rolled_back(page, folder / "rolled-back.png")
        async with open_page(world.report["slack_page"], width=1180, height=640) as page:
            await _status(world, page, folder / "status.png")


async def _location_forms(home: Path, folder: Path) -> None:
    async with (
        open_form_world(home) as world,
        open_page(world.slack.report["slack_page"], width=760, height=1240) as page,
    ):
        await _hybrid_form(world, page, folder / "location-form-hybrid.png")
        await _serverless_form(page, folder / "location-form-serverless.png")


async def _watching(home: Path, folder: Path) -> None:
    due = datetime.now(UTC) + DIGEST_AFTER
    async with (
        open_world(home, changes=_watched(due)) as world,
        open_page(world.report["slack_page"], width=1400, height=760) as page,
    ):
        await _failed_runs(world, page, folder / "failed-runs.png")
        await _home(world, page, folder / "home.png")
        await _digest(page, folder / "digest.png")


WORLDS = {
    _deploys: ("good", "form", "rolled-back", "status"),
    _location_forms: ("location-form-hybrid", "location-form-serverless"),
    _watching: ("failed-runs", "home", "digest"),
}


def _watched(due: datetime) -> dict[str, Any]:
    """Return the changes of the configuration: what breaks is told, and a digest comes when due."""
    digest = {"cron": f"{due.minute} {due.hour} * * *", "channel": DATA_ID}
    prod = {
        "may_deploy": ["U0ADA000001", "U0GRACE0001"],
        "watch_channel": CHANNEL_ID,
        "digest": digest,
    }
    return {"deployments": {"prod": prod}, "watch": {"seconds": 1.0}}


async def _good(world: World, page: Page, to: Path) -> None:
    await world.end(await world.deploy("quickstart@v1"))
    await type_command(
        page, '/dagster deploy quickstart --why "best customers for the Monday mail"'
    )
    found = card(page, "best customers for the Monday mail")
    await found.get_by_text("live and verified").first.wait_for(timeout=LOAD_MS)
    await found.get_by_role("button", name="reply").wait_for()
    await _shoot(page, to)


async def _form(page: Page, to: Path) -> None:
    await type_command(page, "/dagster deploy")
    form = page.get_by_role("dialog")
    await form.get_by_text("Deploy code locations").wait_for()
    for location in ("core", "marts"):
        await choose(page, "Code locations", location)
    await form.get_by_label("Branch, tag or commit").fill("v2")
    await form.get_by_label("Reason").fill("Clicks by week for the team of marts")
    await _shoot(page, to)
    await form.get_by_role("button", name="Close", exact=True).first.click()


async def _rolled_back(page: Page, to: Path) -> None:
    await type_command(page, "/dagster deploy quickstart@broken")
    found = card(page, "forex_feed")
    await found.get_by_text("Rolled back to").first.wait_for(timeout=LOAD_MS)
    opener = found.get_by_role("button", name="replies").last
    await opener.wait_for()
    await opener.click()
    thread = page.locator("#thread")
    await thread.get_by_text("The full error of quickstart").first.wait_for()
    await found.evaluate("card => card.scrollIntoView({block: 'start'})")
    await _shoot(page, to)


async def _status(world: World, page: Page, to: Path) -> None:
    await world.end(await world.deploy("marts@marts-broken"))
    await world.end(await world.deploy("core"))
    await type_command(page, "/dagster status")
    await page.get_by_text("As Dagster+ says now.").last.wait_for(timeout=LOAD_MS)
    await _shoot(page, to)


async def _hybrid_form(world: FormWorld, page: Page, to: Path) -> None:
    form = await open_form(page)
    await fill_hybrid(form, world)
    await fill(form, {"Image": "registry.example/acme/forecasts:2026.11"})
    image = field(form, "Image")
    await image.evaluate("image => image.parentElement.scrollIntoView({block: 'start'})")
    await _shoot(page, to)
    await form.get_by_role("button", name="Close", exact=True).first.click()


async def _serverless_form(page: Page, to: Path) -> None:
    form = await open_form(page)
    await fill(form, {label: each for label, each in SERVERLESS.items() if label != "Base image"})
    await form.locator(".modal-body").evaluate("body => body.scrollTo(0, 0)")
    await _shoot(page, to)
    await form.get_by_role("button", name="Close", exact=True).first.click()


async def _failed_runs(world: World, page: Page, to: Path) -> None:
    for words in ("quickstart@v1", "core marts", "quickstart"):
        await world.end(await world.deploy(words))
    run = {"deployment": "prod", "location": "quickstart", "job": "daily", "step": "convert"}
    for _ in range(3):
        await _tell(world, "run", {**run, "error": ERROR})
    found = card(page, "failed alike")
    await found.get_by_text("3 runs").first.wait_for(timeout=LOAD_MS)
    await found.get_by_role("button", name="Show trace").click()
    await found.get_by_role("button", name="repl").last.click()
    await page.locator("#thread").get_by_text("Traceback").first.wait_for()
    await _shoot(page, to)
    await page.get_by_role("button", name="Close thread").click()


async def _home(world: World, page: Page, to: Path) -> None:
    await type_command(page, "/dagster subscribe failures for mar*", place="#deploys")
    await page.get_by_text("has subscribed this channel").first.wait_for(timeout=LOAD_MS)
    await world.end(await world.deploy("marts@marts-broken"))
    location = await world.location("core")
    assert location is not None
    bad = {**location["document"], "code_source": {"module_name": "core_gone"}}
    bad.pop("python_file", None)
    await _tell(world, "change_location", {"deployment": "prod", "document": bad})
    await card(page, "core on prod fails to load").wait_for(timeout=LOAD_MS)
    await go_to(page, "dagster")
    await page.locator("#home").get_by_text("core").first.wait_for(timeout=LOAD_MS)
    await _shoot(page, to)


async def _digest(page: Page, to: Path) -> None:
    await go_to(page, "data-platform")
    within = (DIGEST_AFTER + timedelta(minutes=1)).total_seconds() * 1000
    await page.locator(".chart").first.wait_for(timeout=within)
    await _shoot(page, to)


async def _tell(world: World, what: str, body: dict[str, Any]) -> None:
    answer = await world.dagster.post(f"/sandbox/{what}", json=body)
    assert answer.is_success, answer.text


async def _shoot(page: Page, to: Path) -> None:
    await page.mouse.move(0, 0)
    await page.screenshot(path=to)
    size = (await asyncio.to_thread(to.stat)).st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{to.name} has {size:,} bytes; {MOST_BYTES:,} are the most.")


if __name__ == "__main__":
    asyncio.run(make_screenshots(sys.argv[1:]))
