"""From a command in Slack to a container that an unmodified agent pulled by digest."""

import re

import pytest

from tests.docker_e2e.world import BROKEN, DOCKERFILE, GOOD, WRONG, DockerWorld

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
]


async def test_an_image_is_built_pushed_and_run_by_digest(world: DockerWorld) -> None:
    image = await world.make_live("shop")
    name = f"{world.registry.address}/team/shop"
    assert re.fullmatch(rf"{re.escape(name)}@sha256:[0-9a-f]{{64}}", image)
    world.runs(image)
    (digest,) = world.runner.client("images", "--digests", "--format", "{{.Digest}}", name).split()
    assert image.endswith(digest), "the agent's engine has it from the registry"


async def test_an_update_runs_a_container_of_the_new_image(world: DockerWorld) -> None:
    old = await world.make_live("shop")
    new = await world.make_live("shop")
    assert new != old
    world.runs(new)


async def test_what_did_not_change_is_neither_built_nor_pushed(world: DockerWorld) -> None:
    image = await world.make_live("shop")
    built, pushed = world.built(), world.in_registry()
    ended = await world.deploy("shop")
    assert "verified" in ended.text, ended.shown
    assert await world.image("shop") == image
    assert world.built() == built
    assert world.in_registry() == pushed


async def test_an_image_that_does_not_load_is_put_back(world: DockerWorld) -> None:
    good = await world.make_live("shop")
    world.commit("shop", BROKEN)
    ended = await world.deploy("shop")
    assert "No module named 'forex_feed'" in ended.text
    assert "live and verified" in ended.text
    assert await world.image("shop") == good
    world.runs(good)


async def test_a_build_that_fails_changes_nothing(world: DockerWorld) -> None:
    good = await world.make_live("shop")
    world.commit("shop", GOOD.format(asset="x"), f"{DOCKERFILE}RUN echo last-canary; exit 7\n")
    pushed = world.in_registry()
    ended = await world.deploy("shop")
    told = "\n".join(reply.text for reply in await world.slack.replies(ended))
    assert "verified" not in ended.text
    assert "last-canary" in f"{ended.shown}\n{told}"
    assert world.in_registry() == pushed
    assert await world.image("shop") == good
    world.runs(good)


async def test_a_wrong_password_changes_nothing_and_is_not_shown(world: DockerWorld) -> None:
    world.commit("locked", GOOD.format(asset="secret_orders"))
    ended = await world.deploy("locked")
    told = "\n".join(reply.text for reply in await world.slack.replies(ended))
    assert "verified" not in ended.text
    assert "refuses to let us push to `team/locked`" in ended.shown
    assert await world.slack.location("locked") is None
    log = world.slack.bot.log.read_text("utf-8")
    assert WRONG not in f"{ended.shown}{told}{log}"


async def test_a_registry_that_is_down_changes_nothing(world: DockerWorld) -> None:
    good = await world.make_live("shop")
    world.commit("shop", GOOD.format(asset="later_orders"))
    world.registry.stop()
    try:
        ended = await world.deploy("shop")
    finally:
        world.registry = world.registry.again()
    assert "verified" not in ended.text
    assert world.registry.address in ended.shown
    assert await world.image("shop") == good
    world.runs(good)


async def test_an_image_that_is_gone_is_said_instead_of_put_back(world: DockerWorld) -> None:
    good = await world.make_live("shop")
    world.commit("shop", BROKEN)
    await world.delete_from_registry(good)
    ended = await world.deploy("shop")
    assert "No module named 'forex_feed'" in ended.text
    assert "live and verified" not in ended.text
    assert f"{world.registry.address} has no image" in ended.shown
    assert await world.image("shop") != good
