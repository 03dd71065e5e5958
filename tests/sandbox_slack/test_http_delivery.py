"""Delivery by signed HTTP POST, to a real Bolt app behind aiohttp."""

from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import SlackSandbox
from sandbox.slack.client import Workspace


@pytest.fixture
async def signed_app(
    slack: SlackSandbox, bot: AsyncWebClient, workspace: Workspace
) -> AsyncIterator[AsyncApp]:
    app = AsyncApp(client=bot, signing_secret=slack.signing_secret, process_before_response=True)

    async def events(request: web.Request) -> web.Response:
        headers: dict[str, str | Sequence[str]] = {
            key: [value] for key, value in request.headers.items()
        }
        asked = AsyncBoltRequest(body=await request.text(), headers=headers)
        answer = await app.async_dispatch(asked)
        return web.Response(status=answer.status, text=answer.body, content_type="application/json")

    server = web.Application()
    server.router.add_post("/slack/events", events)
    runner = web.AppRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    await workspace.settings(request_url=f"http://127.0.0.1:{port}/slack/events")
    yield app
    await runner.cleanup()


async def test_a_signed_command_is_taken_and_answered(
    signed_app: AsyncApp, workspace: Workspace
) -> None:
    @signed_app.command("/dagster")
    async def dagster(ack: AsyncAck, command: dict[str, str]) -> None:
        await ack(f"got {command['text']}")

    ada = workspace.person("ada")
    outcome = await ada.command("#deploys", "/dagster status & more")
    assert outcome.acked
    assert (await ada.ephemerals("#deploys"))[0].text == "got status &amp; more"


async def test_an_unhandled_command_is_a_failure_for_the_person(
    signed_app: AsyncApp, workspace: Workspace
) -> None:
    outcome = await workspace.person("ada").command("#deploys", "/unknown")
    assert outcome.reason == "http_status_404"


async def test_mentions_are_posted_as_json(signed_app: AsyncApp, workspace: Workspace) -> None:
    @signed_app.event("app_mention")
    async def mention(event: dict[str, str], client: AsyncWebClient) -> None:
        await client.chat_postMessage(channel=event["channel"], text=f"heard {event['text']}")

    await workspace.person("ada").mention("#deploys", "hello")
    await workspace.wait_for_message("#deploys", lambda each: each.text.startswith("heard"))
