"""A workspace on a free port, its people, and a real Bolt app on a real socket."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import SlackSandbox, start_slack
from sandbox.slack.client import Workspace


class Connect(Protocol):
    """Connects an app; it looks at its connection so often, and gives one up that hasn't answered
    four pings, so seldom is what a busy machine needs."""

    async def __call__(
        self, app: AsyncApp, *, ping_seconds: float = 3.0
    ) -> AsyncSocketModeHandler: ...


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackSandbox]:
    sandbox = await start_slack(0, tmp_path)
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def workspace(slack: SlackSandbox) -> AsyncIterator[Workspace]:
    async with Workspace(slack.page_url) as seen:
        yield seen


@pytest.fixture
def bot(slack: SlackSandbox) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def app(bot: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=bot, process_before_response=True)


@pytest.fixture
async def connect(slack: SlackSandbox, workspace: Workspace) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connected(app: AsyncApp, *, ping_seconds: float = 3.0) -> AsyncSocketModeHandler:
            own = AsyncWebClient(slack.app_token, base_url=slack.api_url)
            handler = AsyncSocketModeHandler(
                app, slack.app_token, web_client=own, ping_interval=ping_seconds
            )
            stack.push_async_callback(handler.close_async)
            before = (await workspace.state())["sockets"]["open"]
            await handler.connect_async()  # type: ignore[no-untyped-call]
            await workspace.wait_for_sockets(before + 1)
            return handler

        yield connected
