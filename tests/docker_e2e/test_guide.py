"""Dagster's guide for code locations, step by step from Slack, on Hybrid: each step ends with a
container that an unmodified agent has started."""

import pytest

from tests.docker_e2e.world import DEPLOY_SECONDS, DOCKERFILE, DockerWorld
from tests.e2e.guide import fill_the_form, loaded, make_the_repository, open_and_merge
from tests.scaffold.projects import write

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1800),
]

QUICKSTART = """\
import dagster as dg


@dg.asset
def quickstart_example() -> str:
    return "{text}"


defs = dg.Definitions(assets=[quickstart_example])
"""
FORM = {"name": "quickstart", "source_kind": "module_name", "source": "quickstart.definitions"}


def push(world: DockerWorld, text: str) -> str:
    """Build the guide's quickstart by hand and push it; return its image, whose tag moves."""
    image = f"{world.registry.address}/hooli/quickstart:latest"
    files = {"Dockerfile": DOCKERFILE, "quickstart/definitions.py": QUICKSTART.format(text=text)}
    folder = write(files, world.builder.folder / "quickstart")
    world.builder.client("build", "--quiet", "--tag", image, str(folder))
    world.builder.client("push", "--quiet", image)
    return image


async def is_live(world: DockerWorld, location: str) -> str:
    """Check that the agent runs what Dagster+ was told; return the image."""
    document = await loaded(world.slack, location)
    image: str = document["image"]
    await world.runs(location, image)
    return image


async def test_add_a_new_code_location_manually(world: DockerWorld) -> None:
    image = push(world, "first")
    card = await fill_the_form(world.slack, {**FORM, "image": image})
    ended = await world.slack.end(card, DEPLOY_SECONDS)
    assert "live and verified" in ended.shown, ended.shown
    first = await is_live(world, "quickstart")

    # "Running the command multiple times with the same location name will *update* it."
    push(world, "second")
    card = await fill_the_form(world.slack, {**FORM, "image": image})
    await world.slack.until(card, "The plan to update quickstart on prod")
    await world.slack.press(card, "deploy.confirm")
    ended = await world.slack.end(card, DEPLOY_SECONDS)
    assert "live and verified" in ended.shown, ended.shown
    assert await is_live(world, "quickstart") != first


async def test_adding_a_code_location_in_a_new_git_repository(world: DockerWorld) -> None:
    image = f"{world.registry.address}/hooli/metrics"
    where = f"--image {image} --registry dockerhub"  # its address doesn't tell of which kind it is
    await make_the_repository(world.slack, f"{where} --push {world.guide.empty}")
    ended = await world.deploy("metrics")
    assert "live and verified" in ended.shown, ended.shown
    assert (await is_live(world, "metrics")).startswith(f"{image}@sha256:")


async def test_adding_a_new_code_location_to_a_git_monorepo(world: DockerWorld) -> None:
    image = f"{world.registry.address}/hooli/forecasts"
    host = world.guide.host
    command = f"/dagster add-location forecasts --in monorepo --new --registry {image}"
    card = await open_and_merge(world.slack, host, command)
    ended = await world.slack.end(card, DEPLOY_SECONDS)
    assert "live and verified" in ended.shown, ended.shown
    assert (await is_live(world, "forecasts")).startswith(f"{image}@sha256:")
    commit = await host.repository.branch("main")
    await world.slack.is_live("forecasts", str(commit))
    # The package that all projects share was installed with it.
    assert "COPY shared shared" in await host.repository.show("main", "forecasts/Dockerfile")
