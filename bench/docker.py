"""Deploys of images, beside the `dagster-cloud` command line: one run, the same engine, registry
and unmodified agent with the Docker launcher, in turns.

Ours is timed from the command in Slack to the card that says "verified". The peer is timed as its
users run it in CI: `ci init`, `docker build` and `docker push`, `ci set-build-output`, `ci deploy`;
and `deployment add-location` for an image that is there already. It waits until the location is
loaded and verifies nothing.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.bot_process import environment_of
from tests.docker.engine import DockerEngine, Registry
from tests.docker_e2e.base_image import NAME as BASE
from tests.docker_e2e.base_image import make_dagster_base
from tests.e2e.world import World, open_world
from tests.sources.repository import Repository

ROUNDS = 3
LOCATIONS = ("orders", "stock", "people")
THEIRS = tuple(f"{name}_ci" for name in LOCATIONS)
"""The peer's own: it leaves tags behind, which ours would have to replace by digests each time."""

DOCKER = "/usr/bin/docker"
LIMIT_SECONDS = 300.0
DOCKERFILE = f"FROM {BASE}\nWORKDIR /code\nCOPY . /code\n"
DEFINITIONS = "import dagster as dg\n\n\n@dg.asset\ndef {name}() -> int:\n    return 1\n\n\n"
DEFINITIONS += "defs = dg.Definitions(assets=[{name}])\n"


@dataclass
class Bench:
    """The running parts; `repository` has three locations that are built, and one of CI's."""

    world: World
    builder: DockerEngine
    registry: Registry
    repository: Repository
    folder: Path

    async def ours(self, words: str, *, last_word: str = "verified") -> float:
        """Deploy from Slack; return the seconds from the command to the card's last word."""
        began = time.monotonic()
        why = uuid.uuid4().hex[:8]
        card = await self.world.deploy(f'{words} --why "{why}"')
        await self.world.until(card, last_word, LIMIT_SECONDS)
        took = time.monotonic() - began
        await self.world.end(card, LIMIT_SECONDS)
        return took

    async def theirs(self, *commands: list[str]) -> float:
        """Run these commands one after the other; return the seconds that all took."""
        programs = str(Path(sys.executable).parent)
        environment = {
            **environment_of(self.world.report),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DAGSTER_CLOUD_DEPLOYMENT": "prod",
            "DAGSTER_CLOUD_URL": self.world.report["dagster_url"],
            "DAGSTER_BUILD_STATEDIR": str(self.folder / "state"),
            "DOCKER_HOST": self.builder.host,
            "DOCKER_BUILDKIT": "1",
        }
        began = time.monotonic()
        for command in commands:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                cwd=self.repository.folder,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            assert process.returncode == 0, f"{command}: {said.decode()[-3000:]}"
        return time.monotonic() - began

    def change(self, location: str) -> str:
        """Commit another version of a location; return the sha."""
        text = DEFINITIONS.format(name=f"{location}_{uuid.uuid4().hex[:8]}")
        return self.repository.commit("Change", {f"{location}/{location}/definitions.py": text})

    def image(self, location: str) -> str:
        return f"{self.registry.address}/team/{location}"

    async def is_loaded(self, location: str, commit: str) -> None:
        """See that the control plane has this version loaded."""
        await self.world.is_live(location, commit)


async def prebuilt(bench: Bench) -> tuple[list[float], list[float]]:
    """An image that CI has pushed: both take the two images in turn."""
    name = bench.image("ready")
    for tag in ("v1", "v2"):
        text = DOCKERFILE + f"RUN echo {tag} > /version\n"
        (bench.folder / "Dockerfile").write_text(text)
        build = [DOCKER, "build", "-t", f"{name}:{tag}", "-f", str(bench.folder / "Dockerfile")]
        context = str(bench.folder / "ready" / "ready")
        await bench.theirs([*build, context], [DOCKER, "push", f"{name}:{tag}"])
        await bench.ours(f"ready --image :{tag}")  # the agent's engine has both
    ours, theirs = [], []
    add = ["dagster-cloud", "deployment", "add-location", "ready"]
    add += ["--module-name", "ready.definitions"]
    for _ in range(ROUNDS):
        ours.append(await bench.ours("ready --image :v1"))
        theirs.append(await bench.theirs([*add, "--image", f"{name}:v2"]))
    return ours, theirs


async def one(bench: Bench) -> tuple[list[float], list[float]]:
    """One location, changed each time: built, pushed, deployed."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        sha = bench.change(LOCATIONS[0])
        ours.append(await bench.ours(f"{LOCATIONS[0]}@main"))
        await bench.is_loaded(LOCATIONS[0], sha)
        sha = bench.change(LOCATIONS[0])
        theirs.append(await bench.theirs(*_ci(bench, sha, LOCATIONS[:1])))
        await bench.is_loaded(LOCATIONS[0], sha)
    return ours, theirs


async def three(bench: Bench) -> tuple[list[float], list[float]]:
    """Three locations, of which one has changed since the deploy before, for either side."""
    ours, theirs = [], []
    everything = f"{' '.join(LOCATIONS)}@main"
    await bench.ours(everything, last_word="are live on")
    await bench.theirs(*_ci(bench, bench.change(THEIRS[1]), THEIRS))
    for _ in range(ROUNDS):
        sha = bench.change(LOCATIONS[1])
        ours.append(await bench.ours(everything, last_word="are live on"))
        await bench.is_loaded(LOCATIONS[1], sha)
        sha = bench.change(THEIRS[1])
        theirs.append(await bench.theirs(*_ci(bench, sha, THEIRS)))
        await bench.is_loaded(THEIRS[1], sha)
    return ours, theirs


def _ci(bench: Bench, sha: str, locations: tuple[str, ...]) -> list[list[str]]:
    """Return the steps of the official workflow for images of these locations."""
    chosen = [word for name in locations for word in ("--location-name", name)]
    commands = [["dagster-cloud", "ci", "init", "--commit-hash", sha, *chosen]]
    for name in locations:
        image = f"{bench.image(name)}:{sha[:7]}"
        commands += [[DOCKER, "build", "--tag", image, name], [DOCKER, "push", image]]
    commands.append(["dagster-cloud", "ci", "set-build-output", f"--image-tag={sha[:7]}"])
    return [*commands, ["dagster-cloud", "ci", "deploy"]]


CASES = {
    "1: an image that is there": prebuilt,
    "2: build, push, deploy": one,
    "3: three locations, one changed": three,
}


async def run(home: Path) -> list[str]:
    """Return the table's lines: medians, and the ratio of the two."""
    lines = [
        "| | dagster-chatops, verified | `dagster-cloud` | ratio |",
        "|---|---|---|---|",
    ]
    async with open_bench(home) as bench:
        for name, case in CASES.items():
            ours, theirs = await case(bench)
            lines.append(
                f"| {name} | {_shown(ours)} | {_shown(theirs)} "
                f"| {_median(theirs) / _median(ours):.2f} × |"
            )
    return lines


def _median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _shown(times: list[float]) -> str:
    return f"{_median(times):.1f} s ({min(times):.1f}-{max(times):.1f})"


@asynccontextmanager
async def open_bench(home: Path) -> AsyncIterator[Bench]:
    """Start everything; no part is a double but Dagster+'s control plane and Slack."""
    async with AsyncExitStack() as stack:
        builder = DockerEngine(home / "builder")
        stack.callback(builder.stop)
        runner = DockerEngine(home / "runner")
        stack.callback(runner.stop)
        make_dagster_base(builder)
        registry = Registry(home / "registry")
        stack.callback(registry.stop)
        network = f"bench-{uuid.uuid4().hex[:8]}"
        runner.client("network", "create", network)
        stack.callback(runner.client, "network", "rm", network)
        stack.callback(_remove_containers, runner)
        (found,) = json.loads(runner.client("network", "inspect", network))
        arguments = ["--agent-host", found["IPAM"]["Config"][0]["Gateway"]]
        arguments += ["--docker-engine", runner.host, "--docker-network", network]
        repository = _repository(home / "project", registry)
        ready = _repository(home / "ready", registry, ("ready",))
        changes: dict[str, Any] = {
            "projects": {
                "built": {"git": str(repository.folder), "artifact": "docker"},
                "ready": {"git": str(ready.folder), "artifact": "prebuilt"},
            },
            "docker": {
                "builders": {"one": {"host": builder.host, "parallel": 4}},
                "config_folder": str(home / "no-docker-config"),
            },
        }
        world = await stack.enter_async_context(
            open_world(home / "world", *arguments, changes=changes)
        )
        yield Bench(world, builder, registry, repository, home)


def _remove_containers(engine: DockerEngine) -> None:
    if found := engine.client("ps", "--all", "--quiet").split():
        engine.client("rm", "--force", *found)


def _repository(
    folder: Path, registry: Registry, locations: tuple[str, ...] = LOCATIONS + THEIRS
) -> Repository:
    repository = Repository(folder)
    file = {
        "locations": [
            {
                "location_name": name,
                "code_source": {"module_name": f"{name}.definitions"},
                "build": {"directory": name, "registry": f"{registry.address}/team/{name}"},
            }
            for name in locations
        ]
    }
    files = {"dagster_cloud.yaml": yaml.safe_dump(file)}
    for name in locations:
        files |= {
            f"{name}/Dockerfile": DOCKERFILE,
            f"{name}/{name}/__init__.py": "",
            f"{name}/{name}/definitions.py": DEFINITIONS.format(name=name),
        }
    repository.commit("Begin", files)
    return repository
