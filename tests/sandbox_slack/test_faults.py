"""Faults on demand, rate limits, late and doubled payloads."""

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import RefusedActionError, Workspace
from tests.sandbox_slack.conftest import Connect

DEPLOYS = "C0DEPLOYS01"


async def test_an_error_for_the_next_calls_only(bot: AsyncWebClient, workspace: Workspace) -> None:
    await workspace.fault("chat.postMessage", error="fatal_error", times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await bot.chat_postMessage(channel=DEPLOYS, text="x")
    await bot.chat_postMessage(channel=DEPLOYS, text="x")
    calls = await workspace.calls("chat.postMessage")
    assert [each["answer"]["ok"] for each in calls] == [False, False, True]


async def test_429_with_retry_after(bot: AsyncWebClient, workspace: Workspace) -> None:
    await workspace.fault("chat.update", retry_after=7)
    with pytest.raises(SlackApiError) as error:
        await bot.chat_update(channel=DEPLOYS, ts="1.000000", text="x")
    assert error.value.response.status_code == 429
    assert error.value.response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("after", 1)])
async def test_a_connection_cut_before_or_after_it_was_done(
    when: str, applied: int, bot: AsyncWebClient, workspace: Workspace
) -> None:
    await workspace.fault("chat.postMessage", drop=when)
    with pytest.raises(aiohttp.ClientConnectionError):
        await bot.chat_postMessage(channel=DEPLOYS, text="x")
    assert len(await workspace.messages("#deploys")) == applied


async def test_unknown_faults_are_refused(workspace: Workspace) -> None:
    with pytest.raises(RefusedActionError, match="unknown"):
        await workspace.fault("chat.update", eror="x")


async def test_tiers_hold_where_they_are_switched_on(
    bot: AsyncWebClient, workspace: Workspace
) -> None:
    await workspace.settings(rate_limits=True)
    for _ in range(20):
        await bot.conversations_list()
    with pytest.raises(SlackApiError, match="ratelimited") as error:
        await bot.conversations_list()
    wait = int(error.value.response.headers["Retry-After"])
    await workspace.advance(wait)
    await bot.conversations_list()


async def test_one_post_a_second_and_channel_after_a_burst(
    bot: AsyncWebClient, workspace: Workspace
) -> None:
    await workspace.settings(rate_limits=True)
    for _ in range(5):
        await bot.chat_postMessage(channel=DEPLOYS, text="x")
    with pytest.raises(SlackApiError, match="ratelimited"):
        await bot.chat_postMessage(channel=DEPLOYS, text="x")
    await bot.chat_postMessage(channel="C0GENERAL01", text="x")
    await workspace.advance(1)
    await bot.chat_postMessage(channel=DEPLOYS, text="x")


async def test_a_late_command_fails_for_the_person_and_still_arrives(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    @app.command("/dagster")
    async def dagster(ack: AsyncAck, client: AsyncWebClient) -> None:
        await ack()
        await client.chat_postMessage(channel=DEPLOYS, text="late but here")

    await connect(app)
    await workspace.settings(ack_seconds=0.05)
    await workspace.delivery_fault("slash_commands", hold=True)
    outcome = await workspace.person("ada").command("#deploys", "/dagster")
    assert outcome.reason == "operation_timeout"
    assert await workspace.messages("#deploys") == []
    await workspace.release()
    await workspace.wait_for_message("#deploys", lambda each: each.text == "late but here")
