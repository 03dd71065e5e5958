"""Keeps one Socket Mode connection alive: connects with retries, and rebuilds a dead one."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from deploy_core.clock import Clock

PING_SECONDS = 5.0
LOOK_SECONDS = 1.0

DEAD_AFTER_SECONDS = 30.0
"""A connection that isn't healthy for so long is thrown away. The client's own reconnection is
quicker in most cases, but has been seen to go deaf for good."""

QUIET_LOOK_SECONDS = 0.02

FIRST_RETRY_SECONDS, MOST_RETRY_SECONDS = 1.0, 30.0

Listener = Callable[[Any, Any], Coroutine[Any, Any, None]]

_log = structlog.get_logger()


class SlackConnection:
    """One connection at a time, for as long as `run` is running."""

    def __init__(self, app: AsyncApp, *, app_token: str, api_url: str, clock: Clock) -> None:
        self._app = app
        self._app_token = app_token
        self._api_url = api_url
        self._clock = clock
        self._handler: AsyncSocketModeHandler | None = None
        self._answering = 0
        self.rebuilt = 0

    async def connected(self) -> bool:
        """Return True when Slack can reach us now."""
        return self._handler is not None and await _client(self._handler).is_connected()

    async def run(self) -> None:
        """Connect, and stay connected until cancelled."""
        retry = FIRST_RETRY_SECONDS
        while True:
            try:
                await self._connect()
                retry = FIRST_RETRY_SECONDS
                await self._watch()
                self.rebuilt += 1
                _log.warning("slack_connection_dead", rebuilt=self.rebuilt)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the network does, we try again
                _log.warning("slack_connection_failed", error=str(error), retry_seconds=retry)
            finally:
                await self.close()
            await self._clock.sleep(retry)
            retry = min(retry * 2, MOST_RETRY_SECONDS)

    async def _connect(self) -> None:
        # The web client of its own: the handler's default one would send the bot token.
        web = AsyncWebClient(token=self._app_token, base_url=self._api_url)
        self._handler = AsyncSocketModeHandler(
            self._app, self._app_token, web_client=web, ping_interval=PING_SECONDS
        )
        client = _client(self._handler)
        client.socket_mode_request_listeners = [self._counted(self._handler.handle)]
        # Asked for here, because the client's own loop hides a refused token behind retries.
        client.wss_uri = await client.issue_new_wss_url()
        await self._handler.connect_async()  # type: ignore[no-untyped-call]
        _log.info("slack_connected")

    def _counted(self, listener: Listener) -> Listener:
        async def listen(client: Any, request: Any) -> None:
            self._answering += 1
            try:
                await listener(client, request)
            finally:
                self._answering -= 1

        return listen

    async def quiet(self, seconds: float) -> None:
        """Wait, for at most `seconds`, until all that Slack has sent is acknowledged: closed before
        that, the person who sent it is told that the command failed."""
        until = self._clock.monotonic() + seconds
        while self._clock.monotonic() < until and (self._answering or self._unread()):
            await self._clock.sleep(QUIET_LOOK_SECONDS)

    def _unread(self) -> bool:
        return self._handler is not None and not _client(self._handler).message_queue.empty()

    async def _watch(self) -> None:
        """Return when the connection has been dead for too long."""
        unwell_since: float | None = None
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            now = self._clock.monotonic()
            if await self.connected():
                unwell_since = None
            elif unwell_since is None:
                unwell_since = now
            elif now - unwell_since >= DEAD_AFTER_SECONDS:
                return

    async def close(self) -> None:
        """Take no more from Slack: it sends to other connections, if there are any."""
        handler, self._handler = self._handler, None
        if handler is not None:
            with suppress(Exception):
                await handler.close_async()  # type: ignore[no-untyped-call]


def _client(handler: AsyncSocketModeHandler) -> SocketModeClient:
    return handler.client
