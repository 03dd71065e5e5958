"""A repository that means harm, through the planner: refused, quickly, with nothing changed."""

import asyncio
from pathlib import Path

import pytest

from deploy_core.model.errors import DeployError, FileInvalid, FileNotFound, UnsafePath
from deploy_core.model.states import TargetState
from deploy_core.settings import ProjectSettings
from tests.engine.world import World, open_world
from tests.sources.repository import Repository

SHOP = "locations:\n- location_name: shop\n  code_source: {module_name: shop}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
FILES: dict[str, tuple[str, type[DeployError]]] = {
    "bomb": (BOMB + SHOP + "  attribute: *i\n", FileInvalid),
    "deep": ("a: " + "[" * 5_000 + "]" * 5_000 + "\n" + SHOP, FileInvalid),
    "python object": (SHOP + "  x: !!python/object/apply:os.system [id]\n", FileInvalid),
    "not utf-8 text": (SHOP + "  x: \x00\n", FileInvalid),
    "up and out": (SHOP + "  build: {directory: ../../../etc}\n", UnsafePath),
    "absolute": (SHOP + "  working_directory: /etc\n", UnsafePath),
    "twice": (SHOP + SHOP.partition("\n")[2], FileInvalid),
}


async def planned(folder: Path, repository: Repository) -> World:
    projects = {"shop": ProjectSettings(git=str(repository.folder), artifact="source")}
    async with open_world(folder, {}, projects=projects) as world:
        try:
            async with asyncio.timeout(30):  # what means harm would take hours
                await world.start("shop:shop")
        finally:
            assert await world.requests("mutation") == []
            assert await world.store.deploys.recent() == []
    return world


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_means_harm_is_refused(tmp_path: Path, name: str) -> None:
    text, kind = FILES[name]
    repository = Repository(tmp_path / "shop")
    repository.commit("Come in", {"dagster_cloud.yaml": text})
    with pytest.raises(kind) as refused:
        await planned(tmp_path, repository)
    assert refused.value.next_step


async def test_a_file_of_ten_megabytes_is_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop")
    repository.commit("Come in", {"dagster_cloud.yaml": SHOP + "# x\n" * 2_600_000})
    with pytest.raises(FileInvalid):
        await planned(tmp_path, repository)


async def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop")
    (repository.folder / "dagster_cloud.yaml").symlink_to("/etc/passwd")
    repository.commit("Come in")
    with pytest.raises((FileInvalid, FileNotFound, UnsafePath)):
        await planned(tmp_path, repository)


async def test_a_link_that_leads_out_of_the_checkout_ends_the_deploy(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop")
    (repository.folder / "data").symlink_to("/etc")
    repository.commit("Come in", {"dagster_cloud.yaml": SHOP})
    projects = {"shop": ProjectSettings(git=str(repository.folder), artifact="source")}
    async with open_world(tmp_path, {}, projects=projects) as world:
        target = (await world.deploy("shop")).targets[0]
        assert target.state is TargetState.FAILED
        assert target.failure is not None
        assert target.failure.reason == "unsafe_path"
        assert await world.requests("mutation") == []
