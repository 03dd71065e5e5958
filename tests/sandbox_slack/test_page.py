"""The page in a real browser: a person types, clicks, fills a form, reads a thread."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import SlackSandbox
from sandbox.slack.client import Workspace
from tests.sandbox_slack.conftest import Connect
from tests.support.chromium import CHROMIUM, needs_chromium

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
pytestmark = [pytest.mark.browser, needs_chromium]
Json = dict[str, Any]
DEPLOYS = "C0DEPLOYS01"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


BUTTONS: Json = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": "back",
            "text": plain("Roll back"),
            "style": "danger",
            "confirm": {
                "title": plain("Roll back core?"),
                "text": {"type": "mrkdwn", "text": "This changes *prod*."},
                "confirm": plain("Yes, roll back"),
                "deny": plain("Keep it"),
            },
        }
    ],
}
MODAL: Json = {
    "type": "modal",
    "callback_id": "deploy",
    "title": plain("Deploy"),
    "submit": plain("Go"),
    "blocks": [
        {
            "type": "input",
            "block_id": "ref",
            "label": plain("Ref"),
            "element": {"type": "plain_text_input", "action_id": "ref"},
        },
        {
            "type": "input",
            "block_id": "location",
            "label": plain("Location"),
            "element": {"type": "external_select", "action_id": "location", "min_query_length": 0},
        },
    ],
}


@pytest.fixture
async def page(slack: SlackSandbox) -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        opened = await browser.new_page(viewport={"width": 1280, "height": 800})
        broken: list[str] = []
        opened.on("pageerror", lambda error: broken.append(str(error)))
        opened.set_default_timeout(60_000)
        await opened.goto(slack.page_url)
        yield opened
        await browser.close()
        assert broken == []


async def enter(page: Any, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    await box.fill(text)
    await box.press("Enter")


async def test_a_command_a_private_answer_and_another_person(
    page: Any, app: AsyncApp, connect: Connect
) -> None:
    @app.command("/dagster")
    async def dagster(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond("*Usage*: `/dagster deploy` <script>alert(1)</script>")

    await connect(app)
    await enter(page, "Message #deploys", "/dagster help")
    answer = page.get_by_role("article").filter(has_text="Only visible to you")
    await answer.get_by_text("Usage").wait_for()
    await page.get_by_role("radio", name="Grace Hopper").check()
    await page.get_by_text("Nothing here yet").wait_for()
    assert await answer.count() == 0


async def test_a_confirmed_click_and_an_edited_message(
    page: Any, app: AsyncApp, connect: Connect, bot: AsyncWebClient
) -> None:
    @app.action("back")
    async def back(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        who = body["user"]["id"]
        await client.chat_update(
            channel=DEPLOYS, ts=body["message"]["ts"], text=f"Rolled back by <@{who}>"
        )

    await connect(app)
    await bot.chat_postMessage(channel=DEPLOYS, text="card", blocks=[BUTTONS])
    button = page.get_by_role("button", name="Roll back", exact=True)
    await button.click()
    await page.get_by_role("button", name="Keep it").click()
    await button.click()
    await page.get_by_role("button", name="Yes, roll back").click()
    await page.get_by_text("Rolled back by @ada").wait_for()
    await page.get_by_text("(edited)").wait_for()
    assert await button.count() == 0


async def test_a_form_with_errors_and_typeahead(page: Any, app: AsyncApp, connect: Connect) -> None:
    @app.command("/dagster")
    async def dagster(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.options("location")
    async def options(ack: AsyncAck) -> None:
        await ack(options=[{"text": plain("core"), "value": "core"}])

    @app.view("deploy")
    async def submit(ack: AsyncAck, view: Json, client: AsyncWebClient) -> None:
        ref = view["state"]["values"]["ref"]["ref"]["value"]
        if ref != "main":
            await ack(response_action="errors", errors={"ref": f"There is no {ref}."})
            return
        await ack()
        await client.chat_postMessage(channel=DEPLOYS, text="Deploying `core`")

    await connect(app)
    await enter(page, "Message #deploys", "/dagster deploy")
    form = page.get_by_role("dialog", name="Deploy")
    await form.get_by_label("Ref").fill("nope")
    await form.get_by_label("Location").click()
    await page.get_by_role("option", name="core").click()
    await form.get_by_role("button", name="Go").click()
    await form.get_by_text("There is no nope.").wait_for()
    await form.get_by_label("Ref").fill("main")
    await form.get_by_role("button", name="Go").click()
    await page.get_by_text("Deploying core").wait_for()
    await form.wait_for(state="hidden")


async def test_threads_files_and_no_commands_in_threads(
    page: Any, bot: AsyncWebClient, workspace: Workspace
) -> None:
    posted = await bot.chat_postMessage(channel=DEPLOYS, text="card")
    await bot.files_upload_v2(
        channel=DEPLOYS, thread_ts=posted["ts"], content="Traceback", filename="error.txt"
    )
    await page.get_by_role("button", name="1 reply").click()
    await page.get_by_role("button", name="View").click()
    await page.get_by_text("Traceback").wait_for()
    await enter(page, "Reply to thread", "/dagster cancel")
    await page.get_by_text("can't be used in a thread").wait_for()
    await enter(page, "Reply to thread", "thanks @dagster")
    await workspace.wait_for_message(
        "#deploys", lambda each: "<@U0DAGSTER01>" in each.text, thread_ts=posted["ts"]
    )


async def test_a_failure_of_the_app_is_told_by_slack_itself(page: Any) -> None:
    await enter(page, "Message #deploys", "/dagster help")
    note = page.get_by_role("article").filter(has_text="Slackbot")
    await note.get_by_text("the app is not connected").wait_for()
