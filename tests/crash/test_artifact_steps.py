"""Fault 1 for the steps that make an artifact: `kill -9` of the real bot at every border of
building, pushing and uploading, and in the middle of each, with a real Docker engine and registry,
and with Dagster's real PEX builder."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy_core.crash import crash_places
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from sandbox.projects.minimal import DEFINITIONS, REQUIREMENTS, minimal_project
from tests.crash.killing import Killing, Kind
from tests.crash.world import World, eventually, killed, open_world
from tests.docker.engine import DockerEngine, Registry
from tests.docker.world import BASE, runs
from tests.sources.repository import Repository
from tests.support.pex import build_environment, keep_dependencies, lend_dependencies

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

GOOD = Kind(("deploy shop",), TargetState.VERIFIED, "verified", 1)
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

DOCKERFILE = f"FROM {BASE}\nCOPY version.txt /version.txt\nRUN cat /version.txt > /built.txt\n"
HANGS_ONCE = f"""\
FROM {BASE}
RUN --mount=type=cache,id={{marker}},target=/seen \\
    test -e /seen/once || {{{{ touch /seen/once; sleep {{marker}}; }}}}
"""
"""A build that never ends; begun for the second time it ends at once."""

SETUP_HANGS_ONCE = """\
import os, time
from setuptools import setup
if not os.path.exists({seen!r}):
    open({seen!r}, "w").close()
    time.sleep(9000)
setup(name="shop", version="1", packages=["shop"], install_requires={requirements!r})
"""


def places(*steps: StepName) -> list[tuple[str, Kind]]:
    """Every place in these steps, the last ones of a deploy first."""
    found = [each for each in crash_places() if each.partition(":")[0] in steps]
    return [(place, GOOD) for place in reversed(found)]


def built_before(place: str, build: StepName) -> bool:
    """Whether the build had finished when the bot was killed there."""
    step, _, phase = place.partition(":")
    return step != build or phase in {"worked", "ended"}


# -- images --


@dataclass
class Images:
    """A project whose location is an image; `built` are the logs of its builds as they were when
    the bot was killed."""

    world: World
    repository: Repository
    engine: DockerEngine
    registry: Registry
    built: dict[str, int] = field(default_factory=dict)

    async def change(self) -> None:
        """Commit what makes another image."""
        version = uuid.uuid4().hex
        await asyncio.to_thread(self.repository.commit, version, {"version.txt": version})

    async def note(self, place: str) -> None:
        """Note what is built."""
        self.built = _times(self._folder / "logs")

    async def holds(self, place: str) -> None:
        """Nothing is built twice, nothing is left, and what is live is in the registry."""
        if built_before(place, StepName.BUILD):
            assert _times(self._folder / "logs") == self.built, f"{place}: it was built again"
        await self.nothing_is_left()
        state = (await self.world.dagster.get("/sandbox/state")).json()
        image = state["deployments"]["prod"]["shop"]["document"]["image"]
        repository, _, digest = image.partition("@")
        host, _, name = repository.partition("/")
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            url = f"http://{host}/v2/{name}/manifests/{digest}"
            assert (await http.head(url, headers={"Accept": MANIFEST_TYPE})).is_success

    async def nothing_is_left(self) -> None:
        """No container and no folder of a build is left."""

        async def look() -> bool:
            containers = await asyncio.to_thread(self.engine.client, "ps", "--all", "--quiet")
            return not containers and not _folders(self._folder)

        await eventually(look, 90, "an engine without containers, and no folder of a build")

    @property
    def _folder(self) -> Path:
        return self.world.home / "work" / "builds"


@asynccontextmanager
async def images(
    home: Path, engine: DockerEngine, *, buildkit: bool, dockerfile: str = DOCKERFILE
) -> AsyncIterator[Images]:
    """A registry, a project, and a world whose bots build it."""
    await asyncio.to_thread(engine.make_base)
    registry = await asyncio.to_thread(Registry, home / "registry")
    try:
        location = {
            "location_name": "shop",
            "code_source": {"module_name": "shop"},
            "build": {"directory": ".", "registry": f"{registry.address}/team/shop"},
        }
        file = yaml.safe_dump({"locations": [location]})
        repository = Repository(home / "project")
        repository.commit("Begin", {"dagster_cloud.yaml": file, "Dockerfile": dockerfile})
        changes: dict[str, Any] = {
            "projects": {"shop": {"git": str(repository.folder), "artifact": "docker"}},
            "docker": {
                "builders": {"one": {"host": engine.host}},
                "buildkit": buildkit,
                "push_tries": 1,
                "config_folder": str(home / "no-docker-config"),
            },
        }
        async with open_world(home / "world", **changes) as world:
            made = Images(world, repository, engine, registry)
            await made.change()
            yield made
    finally:
        await asyncio.to_thread(registry.stop)


@pytest.mark.parametrize(
    ("buildkit", "steps"),
    [(True, (StepName.BUILD, StepName.PUSH)), (False, (StepName.BUILD,))],
    ids=["buildkit", "classic"],
)
async def test_killed_anywhere_an_image_is_built_and_pushed_once(
    tmp_path: Path, docker_engine: DockerEngine, buildkit: bool, steps: tuple[StepName, ...]
) -> None:
    async with images(tmp_path, docker_engine, buildkit=buildkit) as made:
        killing = Killing(made.world, before=made.change, at_kill=made.note, after=made.holds)
        await killing.begin("deploy shop")
        await killing.play(places(*steps))


async def test_a_build_ends_with_its_bot_and_the_next_one_clears_up(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    marker = str(uuid.uuid4().int % 10**6 + 10**6)
    dockerfile = HANGS_ONCE.format(marker=marker)
    async with images(tmp_path, docker_engine, buildkit=True, dockerfile=dockerfile) as made:
        bot = await made.world.start()
        await made.world.connected(bot)
        await made.world.types("deploy shop")

        async def builds() -> bool:
            return await asyncio.to_thread(runs, f"sleep\0{marker}")

        async def ended() -> bool:
            return not await builds()

        await eventually(builds, 60, "the build")
        bot.signal(signal.SIGKILL)
        await killed(bot)
        await eventually(ended, 60, "the end of the build")
        await made.world.start()
        await eventually(lambda: made.world.told(1), 90, "the end of the deploy")
        deploy = await made.world.store.deploys.get(1)
        assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0]
        await made.nothing_is_left()


# -- PEX files --


@dataclass
class PexFiles:
    """A project whose location is PEX files; `built` are those on the bot's disk when it was
    killed, and `sent` what had been uploaded then."""

    world: World
    repository: Repository
    built: dict[str, int] = field(default_factory=dict)
    sent: int = 0

    async def change(self) -> None:
        """Commit what makes another source."""
        name = f"asset_{uuid.uuid4().hex}"
        more = f"@dg.asset\ndef {name}() -> int:\n    return 2\n\n\ndefs = "
        files = {"shop/definitions.py": DEFINITIONS.replace("defs = ", more)}
        await asyncio.to_thread(self.repository.commit, name, files)

    async def note(self, place: str) -> None:
        """Note what is built, and what was uploaded."""
        self.built = {path.name: path.stat().st_ino for path in self._folder.glob("files/*")}
        self.sent = await self._uploads()

    async def holds(self, place: str) -> None:
        """Nothing is built or uploaded twice, and nothing is left."""
        if built_before(place, StepName.BUILD_PEX):
            now = {path.name: path.stat().st_ino for path in self._folder.glob("files/*")}
            assert now == self.built, f"{place}: it was built again"
        if place in {f"{StepName.UPLOAD_PEX}:worked", f"{StepName.UPLOAD_PEX}:ended"}:
            assert await self._uploads() == self.sent, f"{place}: it was uploaded again"
        await self.nothing_is_left()

    async def nothing_is_left(self) -> None:
        """No builder, no folder of one, and no half of an upload is left."""

        async def look() -> bool:
            left = [*_folders(self._folder), *(self.world.home / "sandbox").glob("*.part")]
            return not left and not await asyncio.to_thread(lambda: list(self.builders()))

        await eventually(look, 90, "no builder, no folder of one, no half of an upload")

    def builders(self) -> Iterator[Path]:
        """The processes that work in a folder of a build."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").readlink().is_relative_to(self._folder / "work"):
                    yield process
            except OSError:
                continue

    async def _uploads(self) -> int:
        state = (await self.world.dagster.get("/sandbox/state")).json()
        return sum(one["method"] == "PUT" for one in state["pex"]["transfers"])

    @property
    def _folder(self) -> Path:
        return self.world.home / "work" / "pex"


@asynccontextmanager
async def pex_files(home: Path, more: dict[str, str] | None = None) -> AsyncIterator[PexFiles]:
    """A project, and a world whose `prod` is Serverless. Dependencies that an earlier test has
    built are lent: they take half a minute."""
    repository = Repository(home / "project")
    location = {"location_name": "shop", "code_source": {"module_name": "shop.definitions"}}
    file = yaml.safe_dump({"locations": [location]})
    repository.commit("Begin", {"dagster_cloud.yaml": file, **minimal_project(), **(more or {})})
    work = home / "world" / "work"
    lend_dependencies(work)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in build_environment().items():
            environment.setenv(name, value)
        projects = {"shop": {"git": str(repository.folder)}}
        async with open_world(
            home / "world", arguments=("--serverless", "prod"), projects=projects
        ) as world:
            yield PexFiles(world, repository)
    keep_dependencies(work)


async def test_killed_anywhere_pex_files_are_built_and_uploaded_once(tmp_path: Path) -> None:
    async with pex_files(tmp_path) as made:
        killing = Killing(made.world, before=made.change, at_kill=made.note, after=made.holds)
        await killing.begin("deploy shop")
        await killing.play(places(StepName.BUILD_PEX, StepName.UPLOAD_PEX))


async def test_a_pex_builder_ends_with_its_bot_and_the_next_one_clears_up(tmp_path: Path) -> None:
    setup = SETUP_HANGS_ONCE.format(
        seen=str(tmp_path / "seen"), requirements=REQUIREMENTS.splitlines()
    )
    async with pex_files(tmp_path, {"setup.py": setup}) as made:
        bot = await made.world.start()
        await made.world.connected(bot)
        await made.world.types("deploy shop")

        async def builds() -> bool:
            return await asyncio.to_thread((tmp_path / "seen").exists)

        async def ended() -> bool:
            return not await asyncio.to_thread(lambda: list(made.builders()))

        await eventually(builds, 60, "the build")
        bot.signal(signal.SIGKILL)
        await killed(bot)
        await eventually(ended, 60, "the end of the builder")
        await made.world.start()
        await eventually(lambda: made.world.told(1), 300, "the end of the deploy")
        deploy = await made.world.store.deploys.get(1)
        assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0]
        await made.nothing_is_left()


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*")}


def _folders(builds: Path) -> list[Path]:
    return list((builds / "work").glob("*"))
