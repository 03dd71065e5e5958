"""A registry on loopback that has the tags it is given, and notes what it was asked."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class TaggedRegistry:
    """`tags` are those of every repository; `down` lets it answer with an error of its own."""

    tags: list[str]
    address: str = ""
    down: bool = False
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.down:
            return web.Response(status=503)
        if request.path.endswith("/tags/list"):
            return web.json_response({"tags": sorted(self.tags)})
        tag = request.path.rpartition("/")[2]
        if tag not in self.tags and not tag.startswith("sha256:"):
            return web.Response(status=404)
        digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
        named = tag if tag.startswith("sha256:") else digest
        return web.Response(headers={"Docker-Content-Digest": named})


@asynccontextmanager
async def tagged_registry(*tags: str) -> AsyncIterator[TaggedRegistry]:
    """Yield a running registry with these tags."""
    registry = TaggedRegistry(list(tags))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry.address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield registry
    finally:
        await runner.cleanup()
