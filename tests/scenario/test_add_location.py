"""`/dagster add-location`: a code location of no project, from a line of text to loaded."""

import asyncio
import getpass
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.world import World, open_world
from tests.support.registry import TaggedRegistry, tagged_registry

IN = "--module shop.definitions"


@pytest.fixture
async def registry() -> AsyncIterator[TaggedRegistry]:
    async with tagged_registry("1.4", "1.5") as running:
        yield running


def live(world: World, location: str = "shop", at: str = "prod") -> dict[str, Any] | None:
    known = world.dagster.plane.deployments[at].locations
    return known[location].document if location in known else None


async def test_a_new_location_is_added_and_verified(world: World, registry: TaggedRegistry) -> None:
    image = f"{registry.address}/acme/shop:1.4"
    await world.types(
        "ada",
        f"/dagster add-location shop {IN} --image {image} --attribute defs --executable /bin/python"
        ' --working-directory src to prod --why "a first try"',
    )
    card = await world.card("shop is live on prod at shop@")
    assert "first deploy" in card.shown
    assert "“a first try”" in card.shown
    found = live(world)
    assert found is not None
    assert str(found["image"]).startswith(f"{registry.address}/acme/shop@sha256:")
    assert found["code_source"]["module_name"] == "shop.definitions"
    assert (found["attribute"], found["executable_path"]) == ("defs", "/bin/python")
    assert found["working_directory"] == "src"


async def test_a_location_without_an_image_is_added_with_a_warning(world: World) -> None:
    await world.types("ada", f"/dagster add-location shop {IN} to staging")
    card = await world.card("The plan to add shop to staging")
    assert "No image is named" in card.shown
    await world.clicks("ada", card, "deploy.confirm")
    await world.card("shop is live on staging")


async def test_a_name_that_exists_is_updated_after_its_author_has_seen_how(world: World) -> None:
    await world.types("ada", f"/dagster add-location shop {IN} --attribute defs")
    await world.card("verified")
    await world.types("ada", "/dagster add-location shop --package shop --attribute main")
    card = await world.card("The plan to update shop on prod", number=1)
    assert "shop exists on prod, so this updates it" in card.shown
    assert "`attribute`: from `defs` to `main`" in card.shown
    assert "`code_source.module_name` is removed" in card.shown
    found = live(world)
    assert found is not None
    assert found["attribute"] == "defs", "nothing happens before the Confirm"
    await world.clicks("grace", card, "deploy.confirm")
    await world.private("grace", "Only the person who started this deploy can confirm it.")
    await world.clicks("ada", card, "deploy.confirm")
    card = await world.card("verified", number=1, button="deploy.roll_back")
    found = live(world)
    assert found is not None
    assert (found["attribute"], found["code_source"]["package_name"]) == ("main", "shop")
    await world.clicks("ada", card, "deploy.roll_back")
    await world.ended(3)
    found = live(world)
    assert found is not None
    assert found["attribute"] == "defs"


async def test_an_update_that_does_not_load_is_rolled_back(
    world: World, registry: TaggedRegistry
) -> None:
    repository = f"{registry.address}/acme/shop"
    await world.types("ada", f"/dagster add-location shop {IN} --image {repository}:1.4")
    await world.card("verified")
    before = live(world)
    broken = hashlib.sha256(b"1.5").hexdigest()
    world.break_code(image=f"{repository}@sha256:{broken}")
    await world.types("ada", f"/dagster add-location shop {IN} --image :1.5 --queue gpu")
    card = await world.card("The plan to update shop", number=1)
    world.set_agent(queues=[None, "gpu"])
    await world.clicks("ada", card, "deploy.confirm")
    card = await world.card("shop didn't load on prod", number=1)
    await world.ended(2)
    assert live(world) == before


async def test_the_same_again_needs_no_confirm(world: World) -> None:
    for number in (0, 1):
        await world.types("ada", f"/dagster add-location shop {IN} --why {number}")
        await world.card("verified", number=number)


async def test_what_does_not_load_is_explained_and_can_be_tried_again(world: World) -> None:
    world.break_code(location="shop")
    await world.types("ada", f"/dagster add-location shop {IN}")
    card = await world.card("shop didn't load on prod", button="deploy.retry")
    assert "No module named 'rates'" in card.shown
    assert "this was its first deploy" in card.shown
    world.set_agent(broken=[])
    await world.clicks("ada", card, "deploy.retry")
    await world.card("verified", number=1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('add-location "my shop" --module shop', "location_name_invalid"),
        ("add-location a/b --module shop", "location_name_invalid"),
        ("add-location .. --module shop", "location_name_invalid"),
        ("add-location shop --module a --file b.py", "code_source_invalid"),
        ("add-location shop --module a --image https://ghcr.io/a", "image_name_invalid"),
        ("add-location shop --module a --image :1", "image_missing"),
        ("add-location shop --module a to nowhere", "unknown_deployment"),
    ],
)
async def test_what_can_not_be_added_is_refused(world: World, text: str, reason: str) -> None:
    answer = await world.asks("ada", f"/dagster {text}")
    assert f"`{reason}`" in answer.shown
    assert await world.core.store.deploys.recent() == []


async def test_an_image_that_is_not_there_is_refused_with_those_that_are(
    world: World, registry: TaggedRegistry
) -> None:
    image = f"{registry.address}/acme/shop:1.6"
    answer = await world.asks("ada", f"/dagster add-location shop {IN} --image {image}")
    assert "`image_not_found`" in answer.shown
    assert "`1.5`" in answer.shown


async def test_a_queue_that_no_agent_serves_is_refused_before_anything_is_sent(
    world: World,
) -> None:
    world.dagster.plane.agents.by_id["instant-agent"].metadata["queues"] = json.dumps(["cpu"])
    await world.types("ada", f"/dagster add-location shop {IN} --queue gpu")
    await world.card("No running agent serves the queue gpu")
    assert live(world) is None


async def test_only_who_may_deploy_there_may_add(world: World) -> None:
    answer = await world.asks("linus", f"/dagster add-location shop {IN}")
    assert "`not_allowed`" in answer.shown


async def test_a_location_of_a_project_is_warned_of(world: World) -> None:
    await world.core.catalog.refresh()
    await world.types("ada", "/dagster add-location quickstart --module quickstart to staging")
    card = await world.card("waits for Confirm")
    assert "The project quickstart has quickstart too" in card.shown


async def test_what_somebody_else_has_added_meanwhile_is_not_overwritten(world: World) -> None:
    world.dagster.plane.faults.agents = "none"
    world.core.services.settings = world.core.services.settings.model_copy(
        update={"no_agent_grace": 60.0}
    )
    await world.types("ada", f"/dagster add-location shop {IN}")
    await world.card("reading what is live", button="deploy.cancel")
    await world.core.services.dagster.put_location(
        "prod", {"location_name": "shop", "code_source": {"module_name": "theirs"}}
    )
    world.dagster.plane.faults.agents = None
    await world.card("shop failed on prod")
    found = live(world)
    assert found is not None
    assert found["code_source"]["module_name"] == "theirs"


async def test_an_unknown_location_offers_the_form(world: World) -> None:
    answer = await world.asks("ada", "/dagster deploy shop")
    assert "/dagster add-location NAME" in answer.shown
    await world.clicks("ada", answer, "form.open")
    await world.person("ada").wait_for_view(lambda view: "Looking up" not in view.shown)


async def in_terminal(world: World, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run `dagster-chatops` beside the bot, with its configuration."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        "--config",
        str(folder / "dagster-chatops.yaml"),
        env={
            **os.environ,
            "DAGSTER_CLOUD_ORGANIZATION": "sandbox",
            "DAGSTER_CLOUD_API_TOKEN": world.dagster.tokens.user,
            "DAGSTER_CLOUD_URL": world.dagster.url,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_a_location_is_added_and_updated_from_a_terminal(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {"may_deploy": [f"cli:{getpass.getuser()}"], "load_deadline": 1}
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        add = ("add-location", "shop", "--attribute")
        code, said = await in_terminal(world, tmp_path, *add, "defs", "--module", "shop")
        assert (code, "shop" in said) == (0, True), said
        code, said = await in_terminal(world, tmp_path, *add, "main", "--package", "shop")
        assert code == 4, said
        assert "`--yes` confirms" in said
        code, said = await in_terminal(world, tmp_path, *add, "main", "--package", "shop", "--yes")
        assert code == 0, said
        found = live(world)
        assert found is not None
        assert (found["attribute"], found["code_source"]["package_name"]) == ("main", "shop")
        code, said = await in_terminal(world, tmp_path, *add, "main")
        assert code == 2, said
        assert "code_source_invalid" in said
