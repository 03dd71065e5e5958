"""`check` and housekeeping with real engines and registries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bot.cli.check_images import images
from bot.housekeeping import Housekeeping
from bot.settings import load_settings
from bot.wiring import Core, open_core
from tests.docker.engine import PASSWORD, USER, DockerEngine, Registry
from tests.docker.world import BASE, World
from tests.sources.repository import Repository

ENVIRONMENT = {"DAGSTER_CLOUD_ORGANIZATION": "acme", "DAGSTER_CLOUD_API_TOKEN": "user:acme:x"}
WRONG = "wrong-canary-password"


@asynccontextmanager
async def opened(
    folder: Path, registry: Registry, docker: dict[str, Any], artifact: str = "docker"
) -> AsyncIterator[Core]:
    """Yield the core of a bot with one project, whose location is in the registry."""
    repository = Repository(folder / "project")
    build = {"directory": ".", "registry": f"{registry.address}/team/core"}
    location = {"location_name": "core", "code_source": {"module_name": "core"}, "build": build}
    repository.commit("Begin", {"dagster_cloud.yaml": yaml.safe_dump({"locations": [location]})})
    config = {
        "deployments": {"prod": {}},
        "projects": {"one": {"git": str(repository.folder), "artifact": artifact}},
        "docker": {"config_folder": "nothing", **docker},
    }
    path = folder / "dagster-chatops.yaml"
    path.write_text(yaml.safe_dump(config))
    async with open_core(load_settings(path, ENVIRONMENT), kind="cli") as core:
        yield core


async def found(core: Core) -> dict[str, tuple[str, str | None]]:
    return {finding.what: (finding.good, finding.bad) async for finding in images(core)}


async def test_check_names_the_engine_and_the_repository(
    engine: DockerEngine, registry: Registry, tmp_path: Path
) -> None:
    builders = {"builders": {"one": {"host": engine.host}}}
    async with opened(tmp_path, registry, builders) as core:
        said = await found(core)
    version = engine.client("version", "--format", "{{.Server.Version}}")
    assert said == {
        "Docker engine one": (f"version {version}; builds with BuildKit (/usr/bin/docker)", None),
        f"Registry {registry.address}/team/core": ("the bot may push there", None),
    }
    # The upload that was begun is given up; the registry keeps only a file of its own about it.
    left = {path.name for path in (tmp_path / "registry/data").rglob("*") if path.is_file()}
    assert left <= {"0"}


async def test_check_says_what_to_do_about_each(locked_registry: Registry, tmp_path: Path) -> None:
    docker = {
        "builders": {"far": {"host": f"unix://{tmp_path}/nothing.sock"}},
        "buildkit": False,
        "registries": {locked_registry.address: {"username": USER, "password": WRONG}},
    }
    async with opened(tmp_path, locked_registry, docker) as core:
        said = await found(core)
    engine = said["Docker engine far"][1] or ""
    assert "The Docker engine `far` doesn't answer." in engine
    assert "Check that the Docker engine runs" in engine
    registry = said[f"Registry {locked_registry.address}/team/core"][1] or ""
    assert f"{locked_registry.address} refuses our credential." in registry
    assert "Check the registry's credential" in registry
    assert WRONG not in str(said)


async def test_without_builds_no_engine_is_asked_and_reading_is_enough(
    locked_registry: Registry, tmp_path: Path
) -> None:
    docker = {"registries": {locked_registry.address: {"username": USER, "password": PASSWORD}}}
    async with opened(tmp_path, locked_registry, docker, artifact="prebuilt") as core:
        said = await found(core)
    name = f"Registry {locked_registry.address}/team/core"
    assert said == {name: ("the bot may read it", None)}


async def test_housekeeping_collects_what_is_older_than_the_settings_say(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
    built = await world.build(world.recipe())
    docker = {"builders": {"one": {"host": world.engine.host}}}
    for hours, there in ((48, True), (0.000001, False)):
        folder = world.folder / str(hours)
        folder.mkdir()
        settings = {**docker, "keep_images_hours": hours}
        async with opened(folder, world.registry, settings) as core:
            await Housekeeping(core).collect_builds()
        ids = world.engine.client("images", "--quiet", "--no-trunc").split()
        assert (built.image_id in ids) is there
