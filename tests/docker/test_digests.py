"""The digest is read back after the push, and compared: a registry may have lost or swapped it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from deploy_core.model.errors import DigestMismatch, DigestMissing
from tests.docker.engine import Registry
from tests.docker.world import BASE, World

OTHER = f"sha256:{'0' * 64}"


class Forgetful:
    """Passes everything on to a real registry, but lies to us about manifests once `says` is set:
    the digest that it gives, or "" for none."""

    def __init__(self, real: str) -> None:
        self.says: str | None = None
        self.address = ""
        self._http = httpx.AsyncClient(base_url=f"http://{real}", trust_env=False, timeout=60)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=2**28)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._http.aclose()

    async def _handle(self, request: web.Request) -> web.Response:
        ours = request.headers.get("User-Agent", "").startswith("python-httpx")
        if ours and self.says is not None and "/manifests/" in request.path:
            if not self.says:
                return web.Response(status=404)
            return web.Response(headers={"Docker-Content-Digest": self.says})
        # The registry makes its addresses from the host that it was asked as.
        sent = {k: v for k, v in request.headers.items() if k != "Transfer-Encoding"}
        answer = await self._http.request(
            request.method, request.path_qs, headers=sent, content=await request.read()
        )
        left_out = {"content-length", "transfer-encoding"}
        back = {k: v for k, v in answer.headers.items() if k not in left_out}
        return web.Response(status=answer.status_code, headers=back, body=answer.content)


@pytest.fixture
async def forgetful(world: World, registry: Registry) -> AsyncIterator[Forgetful]:
    """A registry before the world's; the location is built for it."""
    made = Forgetful(registry.address)
    await made.start()
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
    yield made
    await made.stop()


@pytest.mark.parametrize(("says", "error"), [("", DigestMissing), (OTHER, DigestMismatch)])
async def test_a_push_that_the_registry_does_not_have_as_pushed_is_no_success(
    world: World, forgetful: Forgetful, says: str, error: type[Exception]
) -> None:
    real, world.registry.address = world.registry.address, forgetful.address
    try:
        built = await world.build(world.recipe())
        forgetful.says = says
        with pytest.raises(error, match=forgetful.address):
            await world.artifacts.push(built, world.progress)
        forgetful.says = None
        assert (await world.artifacts.push(built, world.progress)).image is not None
    finally:
        world.registry.address = real
