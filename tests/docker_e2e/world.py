"""Everything real: Slack's sandbox, the bot, an engine that builds, a registry, and an agent that
pulls from it into an engine of its own."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.slack.seen import SeenMessage
from tests.docker.engine import USER, DockerEngine, Registry
from tests.docker_e2e.base_image import NAME as BASE
from tests.docker_e2e.base_image import make_dagster_base
from tests.e2e.world import World, open_world
from tests.sources.repository import Repository

WRONG = "wrong-canary-password"
DEPLOY_SECONDS = 90.0
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

GOOD = """\
import dagster as dg


@dg.asset
def {asset}() -> int:
    return 1


defs = dg.Definitions(assets=[{asset}])
"""
BROKEN = "from forex_feed import latest_rates\n\n" + GOOD.format(asset="rates")
DOCKERFILE = f"FROM {BASE}\nWORKDIR /code\nCOPY . /code\n"


@dataclass
class DockerWorld:
    """The world of the other deploys, with what images need."""

    slack: World
    builder: DockerEngine
    runner: DockerEngine
    registry: "KeptRegistry"
    projects: dict[str, Repository]

    async def deploy(self, words: str) -> SeenMessage:
        """Deploy from Slack, wait for the end, and return the card."""
        card = await self.slack.deploy(f'{words} --why "{self.slack.unique()}"')
        return await self.slack.end(card, DEPLOY_SECONDS)

    def commit(self, project: str, definitions: str, dockerfile: str = DOCKERFILE) -> str:
        """Commit a new version of the project's code location and return its sha."""
        repository = self.projects[project]
        files = {"Dockerfile": dockerfile, f"{project}/definitions.py": definitions}
        return repository.commit(f"Change {uuid.uuid4().hex[:8]}", files)

    async def make_live(self, project: str) -> str:
        """Deploy a new good version and return its image by digest."""
        asset = f"orders_{uuid.uuid4().hex[:8]}"
        sha = self.commit(project, GOOD.format(asset=asset))
        ended = await self.deploy(project)
        assert "verified" in ended.text, ended.shown
        await self.slack.is_live(project, sha)
        return await self.image(project)

    async def image(self, location: str) -> str:
        """Return the image in the control plane's document."""
        found = await self.slack.location(location)
        assert found is not None
        image: str = found["document"]["image"]
        return image

    def running(self) -> list[str]:
        """Return the images of the code servers in the agent's engine, the newest first."""
        ids = self.runner.client("ps", "--quiet").split()
        # `docker ps` leaves the digest out.
        asked = ("inspect", "--format", "{{.Config.Image}}", *ids)
        return self.runner.client(*asked).split() if ids else []

    def runs(self, image: str) -> None:
        """Check that the agent's newest container is of this image. It ends older ones later."""
        assert self.running()[:1] == [image]

    def in_registry(self) -> set[str]:
        """Return every file of the registry: a push adds some."""
        data = self.registry.folder / "data"
        return {str(path) for path in data.rglob("*") if path.is_file()}

    def built(self) -> set[str]:
        """Return the ids of all images of the engine that builds."""
        return set(self.builder.client("images", "--all", "--quiet", "--no-trunc").split())

    async def delete_from_registry(self, image: str) -> None:
        """Delete an image by its digest."""
        repository, _, digest = image.partition("@")
        host, _, name = repository.partition("/")
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"http://{host}/v2/{name}/manifests/{digest}"
            (await http.delete(url)).raise_for_status()
            assert (await http.head(url, headers={"Accept": MANIFEST_TYPE})).status_code == 404


class KeptRegistry(Registry):
    """A registry that can be started again with its data and its port."""

    def __init__(self, folder: Path, *, password: bool = False, port: int = 0) -> None:
        self.folder = folder
        super().__init__(folder, password=password, port=port)

    def again(self) -> "KeptRegistry":
        """Start it again after it was stopped."""
        return KeptRegistry(self.folder, port=int(self.address.rpartition(":")[2]))


@asynccontextmanager
async def open_docker_world(home: Path) -> AsyncIterator[DockerWorld]:
    """Start everything; the base image is made here, once."""
    async with AsyncExitStack() as stack:
        builder = DockerEngine(home / "builder")
        stack.callback(builder.stop)
        runner = DockerEngine(home / "runner")
        stack.callback(runner.stop)
        make_dagster_base(builder)
        registry = KeptRegistry(home / "registry")
        stack.callback(registry.stop)
        locked = KeptRegistry(home / "locked", password=True)
        stack.callback(locked.stop)
        network = f"chatops-{uuid.uuid4().hex[:8]}"
        gateway = _network(runner, network)
        stack.callback(runner.client, "network", "rm", network)
        stack.callback(_remove_containers, runner)
        projects = {
            "shop": _project(home / "shop", "shop", registry),
            "locked": _project(home / "locked-project", "locked", locked),
        }
        arguments = ["--agent-host", gateway, "--docker-engine", runner.host]
        arguments += ["--docker-network", network]
        changes = _bot_changes(projects, builder, locked)
        slack = await stack.enter_async_context(
            open_world(home / "world", *arguments, changes=changes)
        )
        world = DockerWorld(slack, builder, runner, registry, projects)
        try:
            yield world
        finally:
            world.registry.stop()


def _network(engine: DockerEngine, name: str) -> str:
    """Make a network and return the address by which its containers reach this machine."""
    engine.client("network", "create", name)
    (found,) = json.loads(engine.client("network", "inspect", name))
    gateway: str = found["IPAM"]["Config"][0]["Gateway"]
    return gateway


def _remove_containers(engine: DockerEngine) -> None:
    if found := engine.client("ps", "--all", "--quiet").split():
        engine.client("rm", "--force", *found)


def _project(folder: Path, name: str, registry: Registry) -> Repository:
    repository = Repository(folder)
    text = (
        f"locations:\n  - location_name: {name}\n"
        f"    code_source: {{module_name: {name}.definitions}}\n"
        f"    build: {{directory: ., registry: {registry.address}/team/{name}}}\n"
    )
    files = {
        "dagster_cloud.yaml": text,
        "Dockerfile": DOCKERFILE,
        f"{name}/__init__.py": "",
        f"{name}/definitions.py": GOOD.format(asset="orders"),
    }
    repository.commit("Begin", files)
    return repository


def _bot_changes(
    projects: dict[str, Repository], builder: DockerEngine, locked: Registry
) -> dict[str, Any]:
    return {
        "projects": {
            name: {"git": str(repository.folder), "artifact": "docker"}
            for name, repository in projects.items()
        },
        "docker": {
            "builders": {"one": {"host": builder.host}},
            "registries": {locked.address: {"username": USER, "password": WRONG}},
            "push_tries": 1,
            "config_folder": str(builder.folder / "no-docker-config"),
        },
    }
