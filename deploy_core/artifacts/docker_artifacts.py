"""Docker images for code locations: found in the registry, or built and pushed to it."""

import asyncio
import contextlib
import difflib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

import httpx
from pydantic import BaseModel, ConfigDict
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from deploy_core.artifacts.build_folder import BuildFolder, last_lines, whole_log
from deploy_core.artifacts.build_order import LABEL, BuildBench, BuildOrder, make_order
from deploy_core.artifacts.build_output import BuildLog, OnProgress
from deploy_core.artifacts.build_recipe import Recipe
from deploy_core.artifacts.buildkit import build_with_client, find_client
from deploy_core.artifacts.classic_build import build_classic
from deploy_core.artifacts.credentials import Credential, RegistryCredentials
from deploy_core.artifacts.docker_images import collect_images, image_with_key, tag_image
from deploy_core.artifacts.engines import Engine, Engines
from deploy_core.artifacts.image_push import push_tag
from deploy_core.artifacts.image_ref import ImageRef, parse_image_ref, tag_text
from deploy_core.artifacts.registry import RegistryClient
from deploy_core.artifacts.registry_errors import engine_gone
from deploy_core.clock import Clock
from deploy_core.dagster_plus.values import ServerlessRegistry
from deploy_core.endings import all_of
from deploy_core.model.errors import (
    ArtifactError,
    BuildFailed,
    BuildTimedOut,
    DigestMismatch,
    DigestMissing,
    EngineGone,
    ImageNotFound,
    PushFailed,
    RegistryUnauthorised,
    RegistryUnreachable,
)
from deploy_core.settings import DockerSettings

T = TypeVar("T")

OnLog = Callable[[str], Awaitable[None]]
"""Given the log of a build that ended well or badly, without secrets."""

KEY_TAG = "chatops-"
"""An image's tag is this and its content key: by it we see that it was built before."""

MOST_TAGS = 5000

_THREADS = 32  # mostly waiting for an engine; more builds than this run nowhere at once


class Built(BaseModel):
    """An image that is there: in the registry if `digest` is set, else on the engine `builder`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str
    key: str
    tags: tuple[str, ...]  # all that will be pushed; the one with the key is the last
    digest: str | None = None
    builder: str | None = None
    image_id: str | None = None
    log_file: str | None = None

    @property
    def image(self) -> str | None:
        """The image by digest, as it goes into the document; None before it is pushed."""
        if self.digest is None:
            return None
        return str(parse_image_ref(self.repository).with_digest(self.digest))


class DockerArtifacts:
    """Finds, builds and pushes images.

    `find` and `tags` need no Docker engine. Every method may raise what `RegistryClient` raises.
    """

    def __init__(
        self,
        settings: DockerSettings,
        *,
        work_folder: Path,
        clock: Clock,
        http: httpx.AsyncClient,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._folder = BuildFolder(work_folder / "builds")
        self._clock = clock
        self._environment = environment
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._engines = Engines(settings, environment, self._executor)
        self._credentials = RegistryCredentials(settings, environment)
        self._registry = RegistryClient(self._credentials, http, clock)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._used: dict[str, float] = {}
        self._client: Path | None = None
        self._client_known = False

    def log_in(self, registry: ServerlessRegistry) -> None:
        """Use the log-in that Dagster+ gave for its registry, unless the settings have one."""
        password = registry.password.get_secret_value()
        self._credentials.lend(registry.url, Credential(registry.username, password))

    async def find(self, image: str) -> str:
        """Return the image by digest (`registry/repository@sha256:…`).

        A name without tag means `latest`. Raises `ImageNotFound` with close tags,
        `ImageNameInvalid`.
        """
        ref = parse_image_ref(image)
        digest = await self._registry.digest(ref)
        if digest is None:
            tags = await self._registry.tags(ref)
            close = difflib.get_close_matches(ref.tag or "latest", tags, n=5, cutoff=0.5)
            raise ImageNotFound(
                f"{ref.host} has no image `{ref}`.", choices=tuple(close) or tags[-5:]
            )
        return str(ref.with_digest(digest))

    async def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags in the repository, for pickers."""
        return await self._registry.tags(parse_image_ref(repository), MOST_TAGS)

    async def build(
        self,
        recipe: Recipe,
        *,
        checkout: Path,
        sha: str,
        key: str,
        on_progress: OnProgress,
        on_log: OnLog | None = None,
        rebuild: bool = False,
    ) -> Built:
        """Return the image for this content, built only if it is nowhere yet.

        `key` is `content_key` of the recipe at commit `sha`, of which `checkout` has the files.
        `rebuild` builds anyway and from nothing. Raises `BuildFailed` and the other kinds of
        `ArtifactError`, `UnsafePath`. If the caller is cancelled the build is ended first.
        """
        repository = parse_image_ref(recipe.repository)
        names = (f"{tag_text(recipe.location)}-{sha[:7]}-{key[:8]}", f"{KEY_TAG}{key}")
        self._used[key] = self._clock.monotonic()
        built = Built(repository=repository.name, key=key, tags=names)
        async with self._lock(f"{repository.name} {key}"):
            if not rebuild:
                found = await self._already(built, repository)
                if found is not None:
                    return found
            async with self._engines.least_busy() as engine:
                log = self._folder.log_file(names[0])
                labels = {LABEL: key, "org.opencontainers.image.revision": sha}
                tag = repository.with_tag(names[-1])
                async with self._order(recipe, checkout, tag, labels, rebuild) as order:
                    image_id = await self._logged(engine, order, log, on_progress, on_log)
            return built.model_copy(
                update={"builder": engine.name, "image_id": image_id, "log_file": str(log)}
            )

    async def push(self, built: Built, on_progress: OnProgress) -> Built:
        """Push the image unless the registry has it, and return it with its digest.

        What is transient is tried again. Raises `PushFailed`, `DigestMissing`, `DigestMismatch`,
        `EngineGone`, `DiskFull`, `RepositoryMissing`, `RegistryQuota`.
        """
        if built.digest is not None:
            return built
        if built.builder is None or built.image_id is None:
            raise PushFailed(f"The image for {built.repository} was never built.")
        self._used[built.key] = self._clock.monotonic()
        engine = self._engines.named(built.builder)
        await engine.connect()
        digest = ""
        limit = self._settings.push_timeout * 60
        try:
            async with asyncio.timeout(limit):
                for tag in built.tags:
                    ref = parse_image_ref(built.repository).with_tag(tag)
                    digest = await self._push(engine, built.image_id, ref, on_progress)
        except TimeoutError:
            raise RegistryUnreachable(
                f"The push to {built.repository} did not end within {limit / 60:g} minutes."
            ) from None
        return built.model_copy(update={"digest": digest})

    async def engine_versions(self) -> dict[str, str | EngineGone]:
        """Return each builder's version, or what keeps it from building."""
        engines = self._engines.all()
        found = await all_of(*(self._version(engine) for engine in engines))
        return {engine.name: said for engine, said in zip(engines, found, strict=True)}

    async def buildkit(self) -> Path | None:
        """Return the `docker` command with BuildKit, None where builds are classic.

        Raises `BuildKitNeeded` if the settings name one that hasn't BuildKit.
        """
        if not self._client_known:
            self._client = await find_client(self._settings, self._environment)
            self._client_known = True
        return self._client

    async def may_read(self, repository: str) -> None:
        """Raise what keeps us from looking images up in the repository."""
        await self._registry.ping(parse_image_ref(repository))

    async def may_push(self, repository: str) -> None:
        """Raise what keeps us from pushing to the repository. Nothing stays there."""
        await self._registry.may_push(parse_image_ref(repository))

    async def collect(self) -> tuple[str, ...]:
        """Remove our old images from the engines, and old logs and abandoned folders from the
        disk. Returns the ids of the images; an engine that doesn't answer is left alone."""
        removed: list[str] = []
        before = self._clock.now() - timedelta(hours=self._settings.keep_images_hours)
        for engine in self._engines.all():
            with contextlib.suppress(EngineGone):
                await engine.connect()
                removed += await self._thread(collect_images, engine, before, self._in_use)
        await self._thread(self._folder.collect, self._clock.now())
        return tuple(removed)

    async def close(self) -> None:
        """End what was started to reach engines. Builds must have ended before."""
        await self._engines.close()
        self._executor.shutdown(wait=False)

    async def _already(self, built: Built, repository: ImageRef) -> Built | None:
        """Look in the registry, then on the engines: a process may have died before its push."""
        # A registry that hides what isn't there answers "unauthorised"; the push will know.
        with contextlib.suppress(RegistryUnauthorised):
            digest = await self._registry.digest(repository.with_tag(built.tags[-1]))
            if digest is not None:
                return built.model_copy(update={"digest": digest})
        for engine in self._engines.all():
            with contextlib.suppress(EngineGone):
                await engine.connect()
                image_id = await self._thread(image_with_key, engine, built.key)
                if image_id is not None:
                    return built.model_copy(update={"builder": engine.name, "image_id": image_id})
        return None

    @asynccontextmanager
    async def _order(
        self, recipe: Recipe, checkout: Path, tag: ImageRef, labels: dict[str, str], fresh: bool
    ) -> AsyncIterator[BuildOrder]:
        work = await self._thread(self._folder.new_work)
        try:
            yield await self._thread(
                make_order,
                BuildBench(
                    work=work,
                    checkout=checkout,
                    most_bytes=self._settings.most_context_mb * 1e6,
                    environment=self._environment,
                    credentials=await self._credentials.of_settings(),
                    config_folder=self._credentials.config_folder,
                ),
                recipe,
                str(tag),
                labels,
                fresh,
            )
        finally:
            await asyncio.shield(self._thread(self._folder.remove_work, work))

    async def _logged(
        self,
        engine: Engine,
        order: BuildOrder,
        log_file: Path,
        on_progress: OnProgress,
        on_log: OnLog | None,
    ) -> str:
        async def tell() -> None:
            if on_log is not None:
                await on_log(await self._thread(whole_log, log_file))

        try:
            image_id = await self._build(engine, order, log_file, on_progress)
        except ArtifactError:
            await tell()
            raise
        await tell()
        return image_id

    async def _build(
        self, engine: Engine, order: BuildOrder, log_file: Path, on_progress: OnProgress
    ) -> str:
        minutes = order.recipe.timeout or self._settings.build_timeout
        redact = order.redactor()
        log = BuildLog(log_file, redact)
        client = await self.buildkit()
        await self._thread(log.open)
        try:
            async with asyncio.timeout(minutes * 60):
                if client is not None:
                    return await build_with_client(client, engine, order, log, on_progress)
                return await build_classic(
                    self._executor,
                    engine,
                    order,
                    log,
                    on_progress,
                    redact,
                    self._credentials,
                    seconds=minutes * 60,
                )
        except BuildFailed as failed:
            # An engine that ends kills the build first, which looks like a failing step.
            if isinstance(await self._version(engine), EngineGone):
                raise engine_gone(engine.name, failed.detail) from None
            raise
        except TimeoutError:
            raise BuildTimedOut(
                f"The build of {order.recipe.location} did not end within {minutes:g} minutes.",
                detail=await self._thread(last_lines, log_file),
            ) from None
        finally:
            await self._thread(log.close)

    async def _push(
        self, engine: Engine, image_id: str, ref: ImageRef, on_progress: OnProgress
    ) -> str:
        if not await self._thread(tag_image, engine, image_id, ref):
            raise PushFailed(
                f"The engine `{engine.name}` doesn't have the image for {ref.name} any more.",
                next_step="Deploy again: the image is built anew.",
            )
        seconds = self._settings.push_timeout * 60

        async def attempt() -> str:
            # Asked for at each try: a token of a cloud's registry may have run out meanwhile.
            credential = await self._credentials.find(ref)
            return await push_tag(
                self._executor,
                engine,
                ref,
                credential,
                on_progress,
                lambda: self._registry.ping(ref),
                seconds=seconds,
            )

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RegistryUnreachable),
            stop=stop_after_attempt(self._settings.push_tries),
            wait=wait_exponential(multiplier=2, max=30),
            sleep=self._clock.sleep,
            reraise=True,
        )
        digest: str = await retrying(attempt)
        there = await self._registry.digest(ref)
        if there is None:
            raise DigestMissing(f"{ref.host} doesn't have `{ref}` although its push ended well.")
        if there != digest:
            raise DigestMismatch(
                f"{ref.host} has `{ref}` as {there[:19]}, pushed was {digest[:19]}."
            )
        return digest

    async def _version(self, engine: Engine) -> str | EngineGone:
        try:
            return await engine.version(self._executor)
        except EngineGone as gone:
            return gone

    def _in_use(self, key: str) -> bool:
        used = self._used.get(key)
        hours = self._settings.keep_images_hours
        return used is not None and self._clock.monotonic() - used < hours * 3600

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)
