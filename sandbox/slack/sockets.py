"""Socket Mode: tickets, connections, envelopes and their acks."""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack import limits
from sandbox.slack.errors import SlackError
from sandbox.slack.model import APP_ID, Json

_ACCEPTS_ANSWER = {"slash_commands", "interactive"}


@dataclass(eq=False)
class Connection:
    """One WebSocket of the app. `pongs` and `hears` are false where a test made it deaf."""

    socket: web.WebSocketResponse
    request: web.Request
    number: int
    pongs: bool = True
    hears: bool = True
    sent: int = 0


@dataclass
class Sockets:
    """All connections of the app, and the envelopes that wait for an ack."""

    on_change: Callable[[], None]
    connections: list[Connection] = field(default_factory=list)
    acks: list[Json] = field(default_factory=list)
    opened: int = 0
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    _turn: int = 0

    def new_url(self, base_url: str) -> str:
        """A WebSocket address that is good for one connection."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return f"{base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """The WebSocket endpoint."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="the ticket is unknown or was used")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.connections) >= limits.SOCKET_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self.opened += 1
        connection = Connection(socket, request, self.opened)
        self.connections.append(connection)
        try:
            await self._hello(connection)
            self.on_change()
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    async def _hello(self, connection: Connection) -> None:
        await connection.socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self.connections),
                "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP_ID},
            }
        )

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type == WSMsgType.PING and connection.pongs:
                await connection.socket.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self._acked(message.data)

    def _acked(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except json.JSONDecodeError:
            return
        if not isinstance(ack, dict) or "envelope_id" not in ack:
            return
        self.acks.append(ack)
        self.on_change()
        waiting = self._waiting.pop(str(ack["envelope_id"]), None)
        if waiting is not None and not waiting.done():
            payload = ack.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else {})

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            self.on_change()

    async def send(self, kind: str, payload: Json, retry: tuple[int, str] | None) -> Json:
        """Send to any one connection and wait for the ack, without end.

        The ack's payload comes back. Raises SlackError dispatch_failed if nobody is connected.
        """
        envelope: dict[str, Any] = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind in _ACCEPTS_ANSWER
            and payload.get("type") not in ("block_actions", "view_closed"),
        }
        if kind == "events_api":
            attempt, reason = retry or (0, "")
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        try:
            await self._to_one(envelope)
            return await answer
        finally:
            self._waiting.pop(envelope["envelope_id"], None)

    async def _to_one(self, envelope: Json) -> None:
        while self.connections:
            self._turn += 1
            connection = self.connections[self._turn % len(self.connections)]
            try:
                if connection.hears:
                    await connection.socket.send_json(envelope)
                connection.sent += 1
            except (ConnectionError, RuntimeError):
                self._forget(connection)
            else:
                return
        raise SlackError("dispatch_failed")

    async def ask_to_reconnect(self, reason: str) -> int:
        """Send `disconnect` (warning, refresh_requested, link_disabled) to all; how many."""
        told = list(self.connections)
        for each in told:
            await each.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
            )
            if reason == "link_disabled":
                await each.socket.close()
        return len(told)

    async def drop(self, how: str) -> int:
        """End all connections: by a close frame ("close") or without a word ("reset")."""
        ended = list(self.connections)
        for each in ended:
            self._forget(each)
            if how == "close":
                await each.socket.close()
            elif each.request.transport is not None:
                each.request.transport.abort()
        return len(ended)

    def deafen(self, *, pongs: bool, hears: bool) -> int:
        """From now on the open connections answer pings / get payloads, or don't; how many."""
        for each in self.connections:
            each.pongs, each.hears = pongs, hears
        return len(self.connections)
