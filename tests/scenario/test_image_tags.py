"""The images that CI has pushed: offered in the form, named by their tag, and near misses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from handlers import modals
from tests.scenario.world import World, open_world
from tests.sources.repository import Repository
from tests.support.registry import TaggedRegistry, tagged_registry


@pytest.fixture
async def registry() -> AsyncIterator[TaggedRegistry]:
    async with tagged_registry("v1.9", "v1.10", "chatops-0011223344556677") as running:
        yield running


@pytest.fixture
def repository(registry: TaggedRegistry, tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "project")
    location = {
        "location_name": "core",
        "code_source": {"module_name": "core"},
        "build": {"registry": f"{registry.address}/team/core"},
    }
    text = yaml.safe_dump({"locations": [location]})
    for subject in ("Begin", "Go on"):
        registry.tags.append(made.commit(subject, {"dagster_cloud.yaml": text})[:7])
    return made


@pytest.fixture
async def world(repository: Repository, tmp_path: Path) -> AsyncIterator[World]:
    project = {"git": str(repository.folder), "artifact": "prebuilt", "image_tag": "{short_sha}"}
    async with open_world(tmp_path / "world", {}, projects={"one": project}) as opened:
        await opened.core.catalog.refresh()
        assert await opened.core.tags.refresh() == {}
        yield opened


async def test_the_form_offers_the_newest_first_and_deploys_the_chosen_one(
    world: World, registry: TaggedRegistry, repository: Repository
) -> None:
    await world.types("ada", "/dagster deploy")
    ada = world.person("ada")
    view = await ada.wait_for_view()
    assert (await ada.type_into(view, modals.IMAGE, "")).options == []
    registry.asked.clear()
    found = await ada.type_into(view, modals.IMAGE, "", filled={modals.LOCATIONS: ["core"]})
    old, new = registry.tags[-2:]
    shown = [option["text"]["text"] for option in found.options]
    assert shown == [new, old, "v1.10", "v1.9"]
    assert registry.asked == [], "a picker answers from the cache"
    image = f"{registry.address}/team/core:v1.9"
    await ada.submit({modals.LOCATIONS: ["core"], modals.IMAGE: image})
    await world.card("verified")
    live = world.dagster.plane.deployments["prod"].locations["core"].document["image"]
    assert str(live).startswith(f"{registry.address}/team/core@sha256:")
    assert "/v2/team/core/manifests/v1.9" in registry.asked


async def test_a_tag_alone_is_of_the_locations_repository(
    world: World, registry: TaggedRegistry
) -> None:
    await world.types("ada", "/dagster deploy core --image :v1.10")
    await world.card("verified")
    assert "/v2/team/core/manifests/v1.10" in registry.asked
    await world.types("ada", "/dagster deploy core --image :v1.11")
    answer = await world.private("ada", "v1.11")
    assert "`image_not_found`" in answer.shown
    assert "v1.10" in answer.shown


async def test_what_was_known_stays_while_the_registry_is_away(
    world: World, registry: TaggedRegistry
) -> None:
    before = world.core.tags.known(["core"])
    registry.down = True
    failed = await world.core.tags.refresh()
    assert [error.reason for error in failed.values()] == ["registry_unreachable"]
    assert world.core.tags.known(["core"]) == world.core.tags.known(["one:core"]) == before
    assert len(before) == 4
