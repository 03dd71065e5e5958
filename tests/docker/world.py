"""A repository, an engine and a registry, and the deploys that a test plays with them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from deploy_core.artifacts.build_recipe import Recipe, content_key, object_ids, recipe_for
from deploy_core.artifacts.docker_artifacts import Built, DockerArtifacts
from deploy_core.clock import Clock
from deploy_core.settings import BuildOptions, DockerSettings, ProjectSettings
from tests.docker.engine import DockerEngine, Registry
from tests.sources.repository import Repository

BASE = "chatops-test-base:1"


class Progress:
    """Notes every step that is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, str]] = []

    def __call__(self, step: int, of: int, text: str) -> None:
        self.seen.append((step, of, text))


class World:
    """Builds locations of one repository."""

    def __init__(
        self,
        engine: DockerEngine,
        registry: Registry,
        folder: Path,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        buildkit: bool,
    ) -> None:
        self.engine = engine
        self.registry = registry
        self.folder = folder
        self.buildkit = buildkit
        self.repository = Repository(folder / "project")
        self.name = f"team/{uuid.uuid4().hex[:12]}"
        self.progress = Progress()
        self.logs: list[str] = []
        self._http = http
        self._clock = clock
        self.environment = dict(os.environ)
        self._all: list[DockerArtifacts] = []
        self.artifacts = self.make()

    def make(self, **settings: Any) -> DockerArtifacts:
        """Return artifacts with other settings; the engine is the same."""
        given = {
            "builders": {"one": {"host": self.engine.host, "parallel": 4}},
            "buildkit": self.buildkit,
            "config_folder": str(self.folder / "no-docker-config"),
            "push_tries": 1,
            **settings,
        }
        self.artifacts = DockerArtifacts(
            DockerSettings.model_validate(given),
            work_folder=self.folder / "var",
            clock=self._clock,
            http=self._http,
            environment=self.environment,
        )
        self._all.append(self.artifacts)
        return self.artifacts

    def recipe(self, location: str = "core", directory: str = ".", **options: Any) -> Recipe:
        project = ProjectSettings(
            git=str(self.repository.folder), build=BuildOptions.model_validate(options)
        )
        registry = f"{self.registry.address}/{self.name}"
        return recipe_for(location, directory, registry, project)

    def checkout(self, sha: str) -> Path:
        """Return a folder with the files of the commit and nothing of git."""
        folder = self.folder / "checkouts" / sha
        folder.mkdir(parents=True, exist_ok=True)
        index = {**os.environ, "GIT_INDEX_FILE": str(folder.with_suffix(".index"))}
        where = [f"--git-dir={self.repository.folder}/.git", f"--work-tree={folder}"]
        subprocess.run(["git", *where, "read-tree", "--reset", "-u", sha], check=True, env=index)
        return folder

    async def build(self, recipe: Recipe, *, rebuild: bool = False) -> Built:
        sha = self.repository.git("rev-parse", "HEAD")
        ids = await object_ids(self.repository.folder / ".git", sha, recipe.paths)
        return await self.artifacts.build(
            recipe,
            checkout=self.checkout(sha),
            sha=sha,
            key=content_key(recipe, ids),
            on_progress=self.progress,
            on_log=self._keep_log,
            rebuild=rebuild,
        )

    async def _keep_log(self, text: str) -> None:
        self.logs.append(text)

    async def deploy(self, recipe: Recipe, *, rebuild: bool = False) -> Built:
        return await self.artifacts.push(await self.build(recipe, rebuild=rebuild), self.progress)

    async def close(self) -> None:
        for artifacts in self._all:
            await artifacts.close()


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for the condition."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # nothing tells of another program's processes
            await asyncio.sleep(0.02)


def text_of(path: str | None) -> str:
    assert path is not None
    return Path(path).read_text()


def runs(words: str) -> bool:
    """Return whether a process of the machine has these words in its command line."""
    return bool(_with(words))


def kill(words: str) -> None:
    """End the processes that have these words, which only this test uses, in their command line."""
    for pid in _with(words):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _with(words: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if words.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found
