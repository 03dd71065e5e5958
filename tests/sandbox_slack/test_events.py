"""Events: mentions, direct messages, retries; and Socket Mode's bad days."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import SlackSandbox
from sandbox.slack.client import Workspace
from tests.sandbox_slack.conftest import Connect

Json = dict[str, Any]


@pytest.fixture
async def events(app: AsyncApp) -> "asyncio.Queue[Json]":
    seen: asyncio.Queue[Json] = asyncio.Queue()

    @app.event("app_mention")
    async def mention(body: Json, request: AsyncBoltRequest) -> None:
        headers = {key: value[0] for key, value in request.headers.items()}
        await seen.put({**body["event"], "event_id": body["event_id"], "headers": headers})

    @app.event("message")
    async def message(event: Json) -> None:
        await seen.put(event)

    return seen


async def test_mentions_in_channel_and_thread(
    app: AsyncApp, events: "asyncio.Queue[Json]", connect: Connect, workspace: Workspace
) -> None:
    await connect(app)
    ada = workspace.person("ada")
    parent = await ada.mention("#deploys", "status & <all>")
    first = await events.get()
    assert first["text"] == "<@U0DAGSTER01> status &amp; &lt;all&gt;"
    await ada.mention("#deploys", "cancel", thread_ts=parent)
    assert (await events.get())["thread_ts"] == parent


async def test_no_mention_where_the_bot_is_not(
    app: AsyncApp, events: "asyncio.Queue[Json]", connect: Connect, workspace: Workspace
) -> None:
    await connect(app)
    ada = workspace.person("ada")
    await ada.mention("#random", "hello")
    await ada.say("dm", "status")
    got = await events.get()
    assert (got["channel_type"], got["text"]) == ("im", "status")
    assert events.empty()


async def test_slack_says_how_to_invite_the_bot(
    app: AsyncApp, events: "asyncio.Queue[Json]", connect: Connect, workspace: Workspace
) -> None:
    await connect(app)
    ada = workspace.person("ada")
    await ada.mention("#random", "hello")
    assert [each["reason"] for each in await ada.notices()] == ["not_in_channel"]
    await ada.command("#random", "/invite @dagster")
    await ada.mention("#random", "hello again")
    assert (await events.get())["text"].endswith("hello again")


async def test_an_event_is_retried_until_it_is_acked(
    app: AsyncApp, events: "asyncio.Queue[Json]", connect: Connect, workspace: Workspace
) -> None:
    await workspace.settings(ack_seconds=0.05, event_retry_seconds=[0, 0, 0])
    await workspace.delivery_fault("events_api", lose=True, times=2)
    await connect(app)
    await workspace.person("ada").mention("#deploys", "status")
    got = await events.get()
    assert got["headers"]["x-slack-retry-num"] == "2"
    assert got["headers"]["x-slack-retry-reason"] == "timeout"


async def test_copies_have_the_same_event_id(
    app: AsyncApp, events: "asyncio.Queue[Json]", connect: Connect, workspace: Workspace
) -> None:
    await workspace.delivery_fault("events_api", copies=2)
    await connect(app)
    await workspace.person("ada").mention("#deploys", "status")
    ids = {(await events.get())["event_id"] for _ in range(3)}
    assert len(ids) == 1


@pytest.mark.parametrize("how", ["refresh_requested", "close", "reset"])
async def test_the_client_comes_back(
    how: str,
    app: AsyncApp,
    events: "asyncio.Queue[Json]",
    connect: Connect,
    workspace: Workspace,
) -> None:
    await connect(app, ping_seconds=0.1)
    await workspace.control("sockets", do=how)

    async def again() -> bool | None:
        sockets = (await workspace.state())["sockets"]
        return (sockets["opened"] == 2 and sockets["open"] == 1) or None

    await workspace.wait_for(again)
    await workspace.person("ada").mention("#deploys", "status")
    assert (await events.get())["text"].endswith("status")


async def test_a_socket_without_pongs_is_given_up(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    handler = await connect(app, ping_seconds=0.1)
    await workspace.control("sockets", do="deafen", pongs=False, hears=True)

    async def again() -> bool | None:
        return (await workspace.state())["sockets"]["opened"] >= 2 or None

    assert await workspace.wait_for(again)
    assert handler.client is not None


async def test_a_deaf_socket_swallows_payloads(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    await connect(app)
    await workspace.settings(ack_seconds=0.05)
    await workspace.control("sockets", do="deafen", pongs=True, hears=False)
    outcome = await workspace.person("ada").command("#deploys", "/dagster")
    assert outcome.reason == "operation_timeout"


async def test_each_payload_goes_to_one_connection(
    connect: Connect, workspace: Workspace, bot: AsyncWebClient
) -> None:
    took: list[int] = []

    def replica(number: int) -> AsyncApp:
        app = AsyncApp(client=bot, process_before_response=True)

        @app.command("/dagster")
        async def command(ack: AsyncAck) -> None:
            took.append(number)
            await ack()

        return app

    await connect(replica(0))
    await connect(replica(1))
    for _ in range(4):
        assert (await workspace.person("ada").command("#deploys", "/dagster")).acked
    assert sorted(took) == [0, 0, 1, 1]


async def test_the_eleventh_connection_is_sent_away(slack: SlackSandbox) -> None:
    kept = []
    async with aiohttp.ClientSession() as session:
        own = AsyncWebClient(slack.app_token, base_url=slack.api_url)
        for number in range(11):
            url = (await own.apps_connections_open(app_token=slack.app_token))["url"]
            socket = await session.ws_connect(url)
            kept.append(socket)
            first = await socket.receive_json()
            assert first["type"] == ("hello" if number < 10 else "disconnect")
