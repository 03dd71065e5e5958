"""The digest is read back after the push, and compared: a registry may have lost or swapped it."""

from pathlib import Path

import httpx
import pytest

from deploy_core.model.errors import DigestMismatch, DigestMissing
from tests.docker.engine import DockerEngine, Registry
from tests.docker.world import BASE, World
from tests.sources.repository import MovedClock

OTHER = f"sha256:{'0' * 64}"


class Forgetful(httpx.AsyncHTTPTransport):
    """Our way to a real registry, which lies about manifests once `says` is set: the digest that
    it gives, or "" for none. The engine has a way of its own."""

    says: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.says is None or "/manifests/" not in request.url.path:
            return await super().handle_async_request(request)
        if not self.says:
            return httpx.Response(404)
        return httpx.Response(200, headers={"Docker-Content-Digest": self.says})


@pytest.mark.parametrize(("says", "error"), [("", DigestMissing), (OTHER, DigestMismatch)])
async def test_a_push_that_the_registry_does_not_have_as_pushed_is_no_success(
    engine: DockerEngine, registry: Registry, tmp_path: Path, says: str, error: type[Exception]
) -> None:
    way = Forgetful()
    async with httpx.AsyncClient(transport=way) as http:
        world = World(engine, registry, tmp_path, http, MovedClock(), buildkit=True)
        world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
        built = await world.build(world.recipe())
        way.says = says
        with pytest.raises(error, match=registry.address):
            await world.artifacts.push(built, world.progress)
        way.says = None
        assert (await world.artifacts.push(built, world.progress)).image is not None
        await world.close()
