"""A tag names another image tomorrow: what is put back is held by its digest before that."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from deploy_core.model.errors import ImageNotFound
from deploy_core.model.states import TargetState
from tests.engine.world import World

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


class Registry:
    """Knows which digest each tag has; anything else isn't there."""

    def __init__(self) -> None:
        self.tags = {"stable": OLD, "next": NEW}
        self.address = ""

    async def manifest(self, request: web.Request) -> web.Response:
        asked = request.match_info["reference"]
        digest = asked if asked in (OLD, NEW) else self.tags.get(asked)
        if digest is None:
            return web.Response(status=404)
        return web.Response(headers={"Docker-Content-Digest": digest})

    async def tag_list(self, _: web.Request) -> web.Response:
        return web.json_response({"name": "shop", "tags": list(self.tags)})


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    registry = Registry()
    app = web.Application()
    app.router.add_get("/v2/shop/manifests/{reference}", registry.manifest)
    app.router.add_get("/v2/shop/tags/list", registry.tag_list)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    registry.address = f"127.0.0.1:{port}"
    yield registry
    await runner.cleanup()


async def live_with(world: World, image: str) -> None:
    """Somebody else has put the location live with this image, and it has loaded."""
    await world.change("shop", image=image, code_source={"module_name": "shop"})

    async def loaded() -> bool:
        state = (await world.services.dagster.location_states("prod")).get("shop")
        return state is not None and not state.loading and not state.failed

    await world.eventually(loaded)


async def test_a_tag_that_moved_does_not_bring_back_another_image(
    world: World, registry: Registry
) -> None:
    await live_with(world, f"{registry.address}/shop:stable")
    world.load_fault("shop", "error", times=1)
    deploy = await world.start("shop", image=f"{registry.address}/shop:next")
    await world.asked("mutation")
    registry.tags["stable"] = NEW
    target = (await world.ended(deploy.id)).targets[0]
    assert target.state is TargetState.PUT_BACK, (target.failure, target.put_back_failure)
    assert world.live("shop")["image"] == f"{registry.address}/shop@{OLD}"


async def test_an_image_that_the_registry_does_not_have_is_not_put_back(
    world: World, registry: Registry
) -> None:
    await live_with(world, f"{registry.address}/shop:gone")
    world.load_fault("shop", "error", times=1)
    target = (await world.deploy("shop", image=f"{registry.address}/shop:next")).targets[0]
    assert target.state is TargetState.FAILED
    assert target.put_back_failure is not None
    assert target.put_back_failure.reason == ImageNotFound.reason
