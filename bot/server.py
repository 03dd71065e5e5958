"""The HTTP server of the process: `/livez`, `/readyz`, `/metrics`, and in HTTP mode Slack's own
path."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what isn't, in words."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST_BODY = 1_000_000
"""Bytes; Slack's payloads are far smaller (a view holds at most 250 kB)."""


class Server:
    """Serves until closed; `checks` are what readiness means, by name."""

    def __init__(self, host: str, port: int, checks: dict[str, Check]) -> None:
        self._host, self._port = host, port
        self._checks = checks
        self._app = web.Application(client_max_size=LARGEST_BODY)
        self._runner: web.AppRunner | None = None
        self.add("GET", "/livez", self._live)
        self.add("GET", "/readyz", self._ready)

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Serve one more path; only before `start`."""
        self._app.router.add_route(method, path, handler)

    async def start(self) -> int:
        """Listen, and return the port."""
        self._runner = web.AppRunner(self._app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening; answers that are under way are finished."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        found = {name: await check() for name, check in self._checks.items()}
        bad = {name: said for name, said in found.items() if said is not None}
        body = {"ready": not bad, "checks": {name: found[name] or "ok" for name in found}}
        return web.json_response(body, status=503 if bad else 200)
