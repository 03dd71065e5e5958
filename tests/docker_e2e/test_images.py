"""From a command in Slack to a container that an unmodified agent pulled by digest."""

import asyncio
import re
import uuid

import pytest

from tests.docker.world import until
from tests.docker_e2e.world import BROKEN, DOCKERFILE, PYTHON, WRONG, DockerWorld, good
from tests.e2e.world import CHANNEL

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1800),
]

LARGE_LAYER = (
    f'RUN ["{PYTHON}", "-c", "import os; open(\'/large\', \'wb\').write(os.urandom(96_000_000))"]\n'
)
"""Random bytes, which no compression makes smaller: their upload takes a while."""

MEETING = """\
import os, time
os.close(os.open('/meeting/{own}', os.O_CREAT))
until = time.monotonic() + 60
while not os.path.exists('/meeting/{other}'):
    assert time.monotonic() < until, 'the other build did not come'
    time.sleep(0.05)
"""
"""A step that ends only while the other build runs too."""


async def test_an_image_is_built_pushed_and_run_by_digest(world: DockerWorld) -> None:
    image = await world.make_live("shop")
    name = f"{world.registry.address}/team/shop"
    assert re.fullmatch(rf"{re.escape(name)}@sha256:[0-9a-f]{{64}}", image)
    await world.runs("shop", image)


async def test_an_update_runs_a_container_of_the_new_image(world: DockerWorld) -> None:
    old = await world.live("shop")
    new = await world.make_live("shop")
    assert new != old
    await world.runs("shop", new)


async def test_what_did_not_change_is_neither_built_nor_pushed(world: DockerWorld) -> None:
    image = await world.live("shop")
    built, pushed, changes = world.built(), world.pushed(), await world.changes()
    ended = await world.deploy("shop")
    assert "live and verified" in ended.shown, ended.shown
    assert "image built before, image in the registry" in ended.shown
    assert await world.changes() == changes + 1
    assert await world.image("shop") == image
    assert world.built() == built
    assert world.pushed() == pushed
    await world.runs("shop", image)


async def test_two_locations_are_built_at_once(world: DockerWorld) -> None:
    meeting = f"RUN --mount=type=cache,id={uuid.uuid4().hex},target=/meeting"
    files = {}
    for own, other in (("left", "right"), ("right", "left")):
        script = MEETING.format(own=own, other=other)
        files[f"{own}/meet.py"] = script
        files[f"{own}/Dockerfile"] = f"{DOCKERFILE}{meeting} {PYTHON} /code/meet.py\n"
        files[f"{own}/{own}/definitions.py"] = good()
    sha = world.commit("pair", files)
    ended = await world.deploy("left right")
    assert "2 live and verified" in ended.shown, ended.shown
    for location in ("left", "right"):
        await world.slack.is_live(location, sha)
        await world.runs(location, await world.image(location))


async def test_of_two_locations_the_one_that_changed_is_sent(world: DockerWorld) -> None:
    both = ("left", "right")
    world.commit("pair", {f"{one}/{one}/definitions.py": good() for one in both})
    world.commit("pair", {f"{one}/Dockerfile": DOCKERFILE for one in both})
    ended = await world.deploy("left right")
    assert "2 live and verified" in ended.shown, ended.shown
    image = await world.image("right")
    changes = await world.changes()

    sha = world.commit("pair", {"left/left/definitions.py": good()})
    ended = await world.deploy("left right")
    assert "1 live and verified, 1 unchanged" in ended.text, ended.text
    assert await world.changes() == changes + 1
    await world.slack.is_live("left", sha)
    assert await world.image("right") == image
    await world.runs("right", image)
    ada = world.slack.person()
    await ada.command(CHANNEL, "/dagster status right")
    said = await ada.wait_for_ephemeral(CHANNEL, lambda message: "right" in message.shown)
    assert "behind" not in said.shown, said.shown


async def test_an_image_that_does_not_load_is_put_back(world: DockerWorld) -> None:
    before = await world.live("shop")
    world.change("shop", BROKEN)
    ended = await world.deploy("shop")
    assert "No module named 'forex_feed'" in ended.text
    assert "Rolled back to" in ended.text
    assert "live and verified" in ended.text
    assert await world.image("shop") == before
    found = await world.slack.location("shop")
    assert found is not None
    assert (found["load_status"], found["load_error"]) == ("LOADED", None)
    await world.runs("shop", before)


async def test_a_build_that_fails_changes_nothing(world: DockerWorld) -> None:
    before = await world.live("shop")
    failing = "RUN echo first-canary; echo last-canary; exit 7"
    world.change("shop", good(), f"{DOCKERFILE}{failing}\n")
    pushed, changes = world.pushed(), await world.changes()
    ended = await world.deploy("shop")
    assert f"failed with exit code 7 at `{failing}`" in ended.shown
    assert "nothing was changed" in ended.shown.lower()
    told = await world.told(ended)
    assert told.index(failing) < told.index("first-canary\nlast-canary")
    assert world.pushed() == pushed
    assert await world.changes() == changes
    assert await world.image("shop") == before
    await world.runs("shop", before)


async def test_a_wrong_password_changes_nothing_and_is_not_shown(world: DockerWorld) -> None:
    world.change("locked", good())
    changes = await world.changes()
    ended = await world.deploy("locked")
    assert "refuses to let us push to `team/locked`" in ended.shown
    assert "verified" not in ended.text
    assert await world.changes() == changes
    assert await world.slack.location("locked") is None
    log = world.slack.bot.log.read_text("utf-8")
    assert WRONG not in f"{await world.told(ended)}{log}"


async def test_a_registry_that_stops_half_way_changes_nothing_and_retry_goes_on(
    world: DockerWorld,
) -> None:
    before = await world.live("shop")
    sha = world.change("shop", good(), f"{DOCKERFILE}{LARGE_LAYER}")
    changes = await world.changes()
    deploying = asyncio.create_task(world.deploy("shop"))
    try:
        await until(lambda: world.registry.receiving() > 1_000_000, 120)
        world.registry.kill()
        assert 1_000_000 < world.registry.receiving() < 96_000_000, "it was half way"
        ended = await deploying
    finally:
        deploying.cancel()
        world.registry = world.registry.again()
    assert f"{world.registry.address} can't be reached" in ended.shown
    assert "nothing was changed" in ended.shown.lower()
    assert await world.changes() == changes
    assert await world.image("shop") == before
    await world.runs("shop", before)
    built = world.built()
    retried = await world.retry(ended)
    assert "live and verified" in retried.shown, retried.shown
    assert world.built() == built, "the image was there: only pushed again"
    await world.slack.is_live("shop", sha)
    await world.runs("shop", await world.image("shop"))


async def test_an_image_that_is_gone_is_said_instead_of_put_back(world: DockerWorld) -> None:
    before = await world.live("shop")
    world.change("shop", BROKEN)
    await world.delete_from_registry(before)
    ended = await world.deploy("shop")
    assert "No module named 'forex_feed'" in ended.text
    assert "live and verified" not in ended.text
    assert f"{world.registry.address} has no image" in ended.shown
    assert await world.image("shop") != before
