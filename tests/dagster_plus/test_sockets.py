"""Real connections: refused, dropped, slow, cut off; and was the change made?"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from deploy_core.clock import SystemClock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.errors import AnswerLost, Unreachable
from tests.dagster_plus.support import DOCUMENT, NO_AGENTS, PUT_DONE, TOKEN

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A little Dagster+ that counts the changes it makes, connection by connection."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.changes = 0
        self.peers: set[object] = set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        if "mutation " in (await request.json())["query"]:
            self.changes += 1
        return await self.handler(request)


@contextlib.asynccontextmanager
async def serving(handler: Handler, port: int = 0) -> AsyncIterator[Server]:
    server = Server(handler)
    app = web.Application()
    app.router.add_post("/prod/graphql", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/prod"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def client_of(url: str, **options: Any) -> AsyncIterator[DagsterPlus]:
    client = DagsterPlus(
        organization="acme", token=SecretStr(TOKEN), url=url, clock=SystemClock(), **options
    )
    try:
        yield client
    finally:
        await client.close()


def _unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def _drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _never(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def _cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"data": ')
    assert request.transport is not None
    request.transport.abort()
    return response


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("handler", [_drop, _never, _cut_off, _drip])
async def test_a_change_without_an_answer_is_sent_once(handler: Handler) -> None:
    async with serving(handler) as server, client_of(server.url, mutation_timeout=2.0) as client:
        with pytest.raises(AnswerLost):
            await asyncio.wait_for(client.put_location("prod", DOCUMENT), 30)
        assert server.changes == 1


@pytest.mark.parametrize("handler", [_drop, _cut_off])
async def test_a_query_is_asked_again(handler: Handler) -> None:
    left = [handler]

    async def once_badly(request: web.Request) -> web.StreamResponse:
        if left:
            return await left.pop()(request)
        return web.json_response(NO_AGENTS)

    async with serving(once_badly) as server, client_of(server.url) as client:
        assert await client.agents("prod") == []


@pytest.mark.parametrize("handler", [_never, _drip])
async def test_a_query_ends_at_its_deadline(handler: Handler) -> None:
    async with (
        serving(handler) as server,
        client_of(server.url, read_timeout=0.1, read_deadline=0.4) as client,
    ):
        with pytest.raises(Unreachable):
            await asyncio.wait_for(client.agents("prod"), 30)


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{_unused_port()}"
    async with client_of(url, read_deadline=0.2, mutation_timeout=0.2) as client:
        with pytest.raises(Unreachable):
            await client.agents("prod")
        with pytest.raises(Unreachable):
            await client.put_location("prod", DOCUMENT)


async def test_a_change_waits_for_a_server_that_starts_late() -> None:
    async def done(request: web.Request) -> web.StreamResponse:
        return web.json_response(PUT_DONE)

    port = _unused_port()
    async with client_of(f"http://127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.put_location("prod", DOCUMENT))
        await asyncio.sleep(0)
        async with serving(done, port) as server:
            await call
            assert server.changes == 1


async def test_connections_are_kept() -> None:
    async def good(request: web.Request) -> web.StreamResponse:
        return web.json_response(NO_AGENTS)

    async with serving(good) as server, client_of(server.url) as client:
        for _ in range(5):
            await client.agents("prod")
        assert len(server.peers) == 1
