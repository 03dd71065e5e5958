"""`/livez` and `/readyz`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what isn't, in words."""


class HealthServer:
    """Serves the two paths; `checks` are what readiness means, by name."""

    def __init__(self, host: str, port: int, checks: dict[str, Check]) -> None:
        self._host, self._port = host, port
        self._checks = checks
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen, and return the port."""
        app = web.Application()
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        found = {name: await check() for name, check in self._checks.items()}
        bad = {name: said for name, said in found.items() if said is not None}
        body = {"ready": not bad, "checks": {name: found[name] or "ok" for name in found}}
        return web.json_response(body, status=503 if bad else 200)
