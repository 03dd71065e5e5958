"""Everything real: Slack's sandbox, the bot, an engine that builds, a registry, and an agent that
pulls from it into an engine of its own."""

import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.slack.seen import SeenMessage
from tests.docker.engine import USER, DockerEngine, Registry
from tests.docker.world import until
from tests.docker_e2e.base_image import NAME as BASE
from tests.docker_e2e.base_image import make_dagster_base
from tests.e2e.guide import SHARED, Repositories, open_repositories
from tests.e2e.world import CHANNEL, World, is_card, open_world
from tests.sources.repository import Repository

WRONG = "wrong-canary-password"
DEPLOY_SECONDS = 150.0
REMOVED_SECONDS = 60.0
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

GOOD = """\
import dagster as dg


@dg.asset
def {asset}() -> int:
    return 1


defs = dg.Definitions(assets=[{asset}])
"""
BROKEN = "from forex_feed import latest_rates\n\n" + GOOD.format(asset="rates")
PYTHON = str(Path(sys.executable).resolve())
CORE = """\
  - location_name: core
    code_source: {package_name: core}
    build: {directory: ./core, registry: registry.example/core}
"""
"""What the guide's monorepo has at first; it is never deployed."""

DOCKERFILE = f"FROM {BASE}\nWORKDIR /code\nCOPY . /code\n"

Changed = dict[str, int]
"""Files with the time of their last change: what is written again differs, even if equal."""


@dataclass
class DockerWorld:
    """The world of the other deploys, with what images need."""

    slack: World
    builder: DockerEngine
    runner: DockerEngine
    registry: "KeptRegistry"
    projects: dict[str, Repository]
    guide: Repositories

    async def deploy(self, words: str) -> SeenMessage:
        """Deploy from Slack, wait for the end, and return the card."""
        card = await self.slack.deploy(f'{words} --why "{self.slack.unique()}"')
        return await self.slack.end(card, DEPLOY_SECONDS)

    async def retry(self, card: SeenMessage) -> SeenMessage:
        """Press Retry, wait for the end of the new deploy, and return its card."""
        before = {message.ts for message in await self.slack.workspace.messages(CHANNEL)}
        await self.slack.press(card, "deploy.retry")
        new = await self.slack.workspace.wait_for_message(
            CHANNEL, lambda message: message.ts not in before and is_card(message), within=30.0
        )
        return await self.slack.end(new, DEPLOY_SECONDS)

    async def told(self, card: SeenMessage) -> str:
        """Return all that a person reads: the card and its thread, with the files there."""
        replies = await self.slack.replies(card)
        files = [file for reply in replies for file in reply.files]
        texts = [await self.slack.workspace.file_text(file) for file in files]
        return "\n".join([card.shown, *(reply.shown for reply in replies), *texts])

    def commit(self, project: str, files: dict[str, str]) -> str:
        """Commit these files to the project and return the sha."""
        return self.projects[project].commit(f"Change {uuid.uuid4().hex[:8]}", files)

    def change(self, project: str, definitions: str, dockerfile: str = DOCKERFILE) -> str:
        """Commit a version of the project's one code location and return the sha."""
        files = {"Dockerfile": dockerfile, f"{project}/definitions.py": definitions}
        return self.commit(project, files)

    async def make_live(self, project: str) -> str:
        """Deploy a new good version and return its image by digest."""
        sha = self.change(project, good())
        ended = await self.deploy(project)
        assert "live and verified" in ended.shown, ended.shown
        await self.slack.is_live(project, sha)
        return await self.image(project)

    async def live(self, project: str) -> str:
        """Return the image of a good version that is live; one is deployed if there is none."""
        found = await self.slack.location(project)
        sound = found is not None and found["load_status"] == "LOADED" and not found["load_error"]
        return await self.image(project) if sound else await self.make_live(project)

    async def image(self, location: str) -> str:
        """Return the image in the control plane's document."""
        found = await self.slack.location(location)
        assert found is not None
        image: str = found["document"]["image"]
        return image

    async def changes(self) -> int:
        """Return how many changes the control plane was asked for by the bot."""
        state = (await self.slack.dagster.get("/sandbox/state")).json()
        return sum(request["kind"] == "mutation" for request in state["requests"])

    async def runs(self, location: str, image: str) -> None:
        """Check that the agent's engine runs one container of the location, from the image that
        the registry gave by this digest. What ran before is ended a little later."""
        await until(lambda: len(self._containers(location)) == 1, REMOVED_SECONDS)
        (container,) = self._containers(location)
        (ran,) = self.runner.client("inspect", "--format", "{{.Image}}", container).split()
        known = self.runner.client("image", "inspect", "--format", "{{json .RepoDigests}}", ran)
        assert image in json.loads(known)

    def _containers(self, location: str) -> list[str]:
        named = ("--filter", f"name=^{location}-prod-")
        return self.runner.client("ps", "--quiet", "--no-trunc", *named).split()

    def pushed(self) -> Changed:
        """Return every file of the registry: a push writes some, even of what is there."""
        return _files(self.registry.folder / "data")

    def built(self) -> Changed:
        """Return the log of every build."""
        return _files(self._builds / "logs")

    def build_folders(self) -> list[Path]:
        """Return the private folders that builds have now."""
        return list((self._builds / "work").glob("*"))

    @property
    def _builds(self) -> Path:
        return self.slack.home / "bot" / "work" / "builds"

    async def delete_from_registry(self, image: str) -> None:
        """Delete an image by its digest."""
        repository, _, digest = image.partition("@")
        host, _, name = repository.partition("/")
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            url = f"http://{host}/v2/{name}/manifests/{digest}"
            (await http.delete(url)).raise_for_status()
            assert (await http.head(url, headers={"Accept": MANIFEST_TYPE})).status_code == 404


def good() -> str:
    """Return definitions that load and that no other test has."""
    return GOOD.format(asset=f"orders_{uuid.uuid4().hex[:8]}")


def _files(folder: Path) -> Changed:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


class KeptRegistry(Registry):
    """A registry that can be started again with its data and its port."""

    def __init__(self, folder: Path, *, password: bool = False, port: int = 0) -> None:
        self.folder = folder
        super().__init__(folder, password=password, port=port)

    def again(self) -> "KeptRegistry":
        """Start it again after it was stopped."""
        return KeptRegistry(self.folder, port=int(self.address.rpartition(":")[2]))

    def receiving(self) -> int:
        """Return how many bytes of unfinished uploads there are."""
        return sum(path.stat().st_size for path in self.folder.glob("data/**/_uploads/*/data"))


@asynccontextmanager
async def open_docker_world(home: Path, builder: DockerEngine) -> AsyncIterator[DockerWorld]:
    """Start everything but the engine that builds; its base image is made here, once."""
    async with AsyncExitStack() as stack:
        make_dagster_base(builder)
        runner = DockerEngine(home / "runner")
        stack.callback(runner.stop)
        registry = KeptRegistry(home / "registry")
        stack.callback(registry.stop)
        locked = KeptRegistry(home / "locked", password=True)
        stack.callback(locked.stop)
        network = f"chatops-{uuid.uuid4().hex[:8]}"
        gateway = _network(runner, network)
        stack.callback(runner.client, "network", "rm", network)
        stack.callback(_remove_containers, runner)
        projects = {
            "shop": _project(home / "shop", registry, {"shop": "."}),
            "locked": _project(home / "locked-project", locked, {"locked": "."}),
            "pair": _project(home / "pair", registry, {"left": "left", "right": "right"}),
        }
        arguments = ["--agent-host", gateway, "--docker-engine", runner.host]
        arguments += ["--docker-network", network]
        guide = await stack.enter_async_context(open_repositories(home / "hosts", CORE))
        changes = _bot_changes(home, projects, builder, locked)
        # The images of the monorepo are built from its root, because of the shared package.
        shared = {"shared": SHARED, "build": {"context": "/"}}
        more = guide.changes(shared, artifact="docker")
        changes = {**more, **changes, "projects": {**changes["projects"], **more["projects"]}}
        slack = await stack.enter_async_context(
            open_world(home / "world", *arguments, changes=changes)
        )
        world = DockerWorld(slack, builder, runner, registry, projects, guide)
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


def _project(folder: Path, registry: Registry, locations: dict[str, str]) -> Repository:
    """Make a repository with these locations, each built in its folder."""
    repository = Repository(folder)
    text = "locations:\n" + "".join(
        f"  - location_name: {name}\n"
        f"    code_source: {{module_name: {name}.definitions}}\n"
        f"    build: {{directory: {directory}, registry: {registry.address}/team/{name}}}\n"
        for name, directory in locations.items()
    )
    files = {"dagster_cloud.yaml": text}
    for name, directory in locations.items():
        files |= {
            f"{directory}/Dockerfile": DOCKERFILE,
            f"{directory}/{name}/__init__.py": "",
            f"{directory}/{name}/definitions.py": GOOD.format(asset="orders"),
        }
    repository.commit("Begin", files)
    return repository


def _bot_changes(
    home: Path, projects: dict[str, Repository], builder: DockerEngine, locked: Registry
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
            "config_folder": str(home / "no-docker-config"),
        },
    }
