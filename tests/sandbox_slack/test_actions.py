"""Buttons, menus and selects of messages, through a real Bolt app."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import RefusedActionError, SeenMessage, Workspace
from tests.sandbox_slack.conftest import Connect

Json = dict[str, Any]
DEPLOYS = "C0DEPLOYS01"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value.title()), "value": value}


CARD: list[Json] = [
    {
        "type": "actions",
        "block_id": "one",
        "elements": [
            {"type": "button", "action_id": "cancel", "text": plain("Cancel"), "value": "7"},
            {"type": "overflow", "action_id": "more", "options": [option("copy"), option("log")]},
            {"type": "static_select", "action_id": "pick", "options": [option("prod")]},
        ],
    },
    {
        "type": "actions",
        "block_id": "two",
        "elements": [
            {"type": "button", "action_id": "cancel", "text": plain("Cancel"), "value": "8"}
        ],
    },
]


@pytest.fixture
async def acted(app: AsyncApp, connect: Connect) -> list[Json]:
    seen: list[Json] = []

    for name in ("cancel", "more", "pick"):

        @app.action(name)
        async def keep(ack: AsyncAck, body: Json) -> None:
            seen.append(body)
            await ack()

    await connect(app)
    return seen


@pytest.fixture
async def card(bot: AsyncWebClient, workspace: Workspace) -> SeenMessage:
    await bot.chat_postMessage(channel=DEPLOYS, text="card", blocks=CARD)
    return await workspace.wait_for_message("#deploys")


async def test_a_button_carries_who_and_where(
    acted: list[Json], card: SeenMessage, workspace: Workspace
) -> None:
    await workspace.person("grace").click(card, "cancel", value="8")
    body = acted[0]
    assert body["user"]["name"] == "grace"
    assert (body["actions"][0]["block_id"], body["actions"][0]["value"]) == ("two", "8")
    assert body["container"] == {
        "type": "message",
        "message_ts": card.ts,
        "channel_id": DEPLOYS,
        "is_ephemeral": False,
    }
    assert body["message"]["text"] == "card"


async def test_menus_and_selects_carry_the_option(
    acted: list[Json], card: SeenMessage, workspace: Workspace
) -> None:
    ada = workspace.person("ada")
    await ada.click(card, "more", value="log")
    await ada.click(card, "pick", value="prod")
    chosen = [each["actions"][0]["selected_option"]["value"] for each in acted]
    assert chosen == ["log", "prod"]
    with pytest.raises(RefusedActionError, match="not_offered"):
        await ada.click(card, "pick", value="staging")


async def test_clicks_that_no_person_could_make_are_refused(
    acted: list[Json], card: SeenMessage, workspace: Workspace, bot: AsyncWebClient
) -> None:
    ada = workspace.person("ada")
    with pytest.raises(RefusedActionError, match="ambiguous_element"):
        await ada.click(card, "cancel")
    with pytest.raises(RefusedActionError, match="no_such_element"):
        await ada.click(card, "retry")
    await bot.chat_postEphemeral(channel=DEPLOYS, user="U0ADA000001", text="x", blocks=CARD)
    note = await ada.wait_for_ephemeral("#deploys")
    with pytest.raises(RefusedActionError, match="no_such_message"):
        await workspace.person("grace").click(note, "cancel", block_id="one")
    await ada.click(note, "cancel", block_id="one")
    assert "message" not in acted[-1], "Slack leaves an ephemeral message out"


async def test_a_click_without_ack_shows_slacks_own_trouble(
    app: AsyncApp, connect: Connect, card: SeenMessage, workspace: Workspace
) -> None:
    @app.action("cancel")
    async def silent() -> None:
        """Never acks."""

    await workspace.settings(ack_seconds=0.05)
    await connect(app)
    ada = workspace.person("ada")
    outcome = await ada.click(card, "cancel", block_id="one")
    assert outcome.reason == "operation_timeout"
    assert "Cancel" in (await ada.notices())[0]["text"]


async def test_respond_can_replace_and_delete_an_ephemeral(
    app: AsyncApp, connect: Connect, workspace: Workspace, bot: AsyncWebClient
) -> None:
    @app.action("cancel")
    async def replaces(ack: AsyncAck, respond: AsyncRespond, payload: Json) -> None:
        await ack()
        if payload["value"] == "7":
            await respond("gone soon", blocks=[CARD[1]], replace_original=True)
        else:
            await respond(delete_original=True)

    await connect(app)
    ada = workspace.person("ada")
    await bot.chat_postEphemeral(channel=DEPLOYS, user="U0ADA000001", text="x", blocks=CARD)
    note = await ada.wait_for_ephemeral("#deploys")
    await ada.click(note, "cancel", value="7")
    note = await ada.wait_for_ephemeral("#deploys", lambda each: each.text == "gone soon")
    await ada.click(note, "cancel", value="8")

    async def empty() -> bool | None:
        return (await ada.ephemerals("#deploys") == []) or None

    assert await workspace.wait_for(empty)
