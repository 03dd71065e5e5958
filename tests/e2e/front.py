"""One address for two: what is asked about runs goes to the webserver, the rest to the sandbox."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from aiohttp import web

from deploy_core.dagster_plus import documents
from deploy_core.dagster_plus.documents import Operation

OF_RUNS = {
    each.name
    for each in (
        documents.RUNS,
        documents.RUN_EVENTS,
        documents.REEXECUTE_RUN,
        documents.RUN_ASSETS,
        documents.OWNERS,
        documents.SCHEDULES,
    )
}
WAIT_SECONDS = 120.0
_KEPT = ("content-type", "dagster-cloud-api-token", "dagster-cloud-deployment")


@dataclass
class Front:
    """`asked` counts what the webserver of `prod` was asked, by operation."""

    sandbox: str
    webserver: str
    http: httpx.AsyncClient
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has_asked(self, operation: Operation, times: int) -> None:
        """Wait until the webserver was asked this so many times more."""
        wanted = self.asked[operation.name] + times
        async with asyncio.timeout(WAIT_SECONDS), self._news:
            await self._news.wait_for(lambda: self.asked[operation.name] >= wanted)

    async def answer(self, request: web.Request) -> web.Response:
        """Pass a request on, and the answer back."""
        body = await request.read()
        url = f"{self.sandbox}{request.path_qs}"
        if request.path == "/prod/graphql":
            operation = json.loads(body)["operationName"]
            if operation in OF_RUNS:
                await self._count(operation)
                url = f"{self.webserver}/graphql"
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        found = await self.http.request(request.method, url, content=body, headers=headers)
        return web.Response(
            status=found.status_code,
            body=found.content,
            headers={"Content-Type": found.headers.get("Content-Type", "text/plain")},
        )

    async def _count(self, operation: str) -> None:
        async with self._news:
            self.asked[operation] += 1
            self._news.notify_all()


@asynccontextmanager
async def opened(sandbox: str, webserver: str) -> AsyncIterator[Front]:
    """Stand before a sandbox's control plane and before the webserver of `prod`."""
    async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
        front = Front(sandbox, webserver, http)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", front.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            front.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield front
        finally:
            await runner.cleanup()
