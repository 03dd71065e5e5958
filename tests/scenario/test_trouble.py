"""Slack in trouble: the deploy goes on, and its end is told."""

from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.scenario.world import World, open_world

FAULTS: dict[str, dict[str, Any]] = {
    "rate-limited": {"retry_after": 1},
    "server-error": {"status": 500},
    "token-revoked": {"error": "token_revoked"},
    "cut-off": {"drop": "before", "times": 2},
}


@pytest.mark.parametrize("name", FAULTS)
async def test_edits_that_fail_for_a_while_are_made_later(world: World, name: str) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("waiting for the agent")
    await world.workspace.fault("chat.update", **FAULTS[name])
    world.let_load()
    card = await world.card("live on prod")
    await world.reply(card, "<@U0ADA000001>")
    assert len(await world.cards()) == 1


async def test_a_deleted_card_is_posted_again(world: World) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card("waiting for the agent")
    client = AsyncWebClient(world.slack.bot_token, base_url=world.slack.api_url)
    await client.chat_delete(channel=card.channel, ts=card.ts)
    world.let_load()
    again = await world.card("live on prod")
    assert again.ts != card.ts


async def test_an_archived_channel_s_deploy_is_told_to_its_author(world: World) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("waiting for the agent")
    await world.workspace.control("channel", name="deploys", archived=True)
    world.let_load()
    card = await world.card("live on prod", channel="@ada")
    await world.reply(card, "<@U0ADA000001>")


async def test_a_channel_without_the_bot_s_deploy_goes_home(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    deployments = {"prod": {"may_deploy": ["U0ADA000001"], "home_channel": "C0DEPLOYS01"}}
    async with open_world(tmp_path, projects, deployments=deployments) as world:
        await world.workspace.control("channel", name="team", with_bot=True)
        world.hold_loading("quickstart")
        await world.types("ada", "/dagster deploy quickstart", "#team")
        await world.card("waiting for the agent", channel="#team")
        await world.workspace.control("channel", name="team", with_bot=False)
        await world.workspace.fault("chat.update", error="not_in_channel")
        world.let_load()
        await world.card("live on prod")


async def test_blocks_that_slack_refuses_are_said_in_words(world: World) -> None:
    await world.workspace.fault("chat.postMessage", error="invalid_blocks")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card("live on prod")
    assert await world.cards() == [card]


async def test_closed_sockets_are_opened_again_and_what_runs_goes_on(world: World) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("waiting for the agent")
    await world.workspace.control("sockets", do="reset")
    world.let_load()
    await world.card("live on prod")
    await world.workspace.wait_for_sockets(1)
    assert "live and verified" in (await world.asks("ada", "/dagster deploys")).shown


async def test_a_limit_on_looking_at_the_channel_does_not_move_the_card(world: World) -> None:
    await world.workspace.fault("conversations.info", retry_after=1)
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("live on prod")
