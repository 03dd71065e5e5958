"""Builds PEX files with Dagster's builder, each content once on all machines together."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict

from deploy_core.artifacts.build_folder import BuildFolder
from deploy_core.artifacts.build_output import BuildLog, OnProgress
from deploy_core.artifacts.pex_errors import pex_error
from deploy_core.artifacts.pex_files import PEX_NAME, PexFiles, Record
from deploy_core.artifacts.pex_process import Event, JobFailed, run_job
from deploy_core.artifacts.pex_storage import PexStorage
from deploy_core.model.errors import DeployError, PexBuilderMissing
from deploy_core.model.plan import PexPlan, short_hash
from deploy_core.sources.paths import safe_join

KEY_VERSION = 1
"""Part of every content key; raised when the same inputs would give other files."""

_CACHE_TAG = base64.urlsafe_b64encode(b"dagster-chatops").decode()


@dataclass(frozen=True)
class Builder:
    """Dagster's builder as it is installed: the versions of its packages, and its Pythons."""

    versions: Mapping[str, str]
    pythons: tuple[str, ...]


@dataclass(frozen=True)
class PexOrder:
    """What is built: the location's folder of a checkout, at a commit."""

    deployment: str
    location: str
    checkout: Path
    sha: str
    plan: PexPlan

    @property
    def directory(self) -> str:
        """The project's folder from the top of the repository."""
        return self.plan.directory or "."


class BuiltPex(BaseModel):
    """The two files that a location runs. `dagster` is the version of Dagster in them, `deps_key`
    the content that the dependencies were built from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deps: str
    source: str
    dagster: str | None = None
    deps_key: str | None = None
    log_file: str | None = None

    @property
    def tag(self) -> str:
        """The files as `pex_tag` names them."""
        return f"files={self.deps}:{self.source}"


@dataclass(frozen=True)
class _Build:
    """One build on its way."""

    order: PexOrder
    builder: Builder
    log: BuildLog
    on_progress: OnProgress


class PexBuilds:
    """Runs the builder in processes of its own, a few at a time."""

    def __init__(
        self,
        files: PexFiles,
        storage: PexStorage,
        folder: BuildFolder,
        *,
        python: str,
        environment: Mapping[str, str],
        parallel: int,
    ) -> None:
        self._files = files
        self._storage = storage
        self._folder = folder
        self._python = python
        self._environment = environment
        # Dependencies take longest: they never wait behind sources.
        self._sources = asyncio.Semaphore(parallel)
        self._deps = asyncio.Semaphore(parallel)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._builder: Builder | None = None

    async def builder(self) -> Builder:
        """Return the installed builder, asked once. Raises `PexBuilderMissing`."""
        async with self._lock("builder"):
            if self._builder is None:
                self._builder = await self._probe()
        return self._builder

    async def build(self, order: PexOrder, log: BuildLog, on_progress: OnProgress) -> BuiltPex:
        """Return the files for the order. Raises the kinds of `ServerlessError`, `UnsafePath`."""
        build = _Build(order, await self.builder(), log, on_progress)
        key = _source_key(build)
        async with self._lock(key):
            known = None if order.plan.rebuild else await asyncio.to_thread(self._known_source, key)
            if known is not None:
                deps = await self._dependencies(build, known)
            else:
                known, deps = await self._source_and_dependencies(build, key)
        return BuiltPex(
            deps=str(deps["deps"]),
            source=str(known["source"]),
            dagster=str(deps["dagster"]) if deps.get("dagster") else None,
            deps_key=str(deps["key"]),
            log_file=str(log.path),
        )

    async def _source_and_dependencies(self, build: _Build, key: str) -> tuple[Record, Record]:
        """Build the source, and beside it the dependencies as soon as they are known. Each is noted
        when it is there: a crash loses only what was still being built."""
        collected: asyncio.Future[Record] = asyncio.get_running_loop().create_future()

        async def source_noted() -> Record:
            file = await self._source(build, collected)
            known: Record = {**collected.result(), "source": file}
            await asyncio.to_thread(self._files.note, key, known)
            return known

        async def dependencies() -> Record:
            return await self._dependencies(build, await collected)

        try:
            async with asyncio.TaskGroup() as group:
                source = group.create_task(source_noted())
                deps = group.create_task(dependencies())
        except* DeployError as failed:
            raise _first(failed) from None
        return source.result(), deps.result()

    async def _source(self, build: _Build, collected: "asyncio.Future[Record]") -> str:
        def note(event: Event) -> None:
            if event.get("event") == "collected":
                collected.set_result({name: event[name] for name in ("requirements", "flags")})

        async with self._sources, self._work() as work:
            build.on_progress(0, 0, "packing the source")
            copy = work / "checkout"
            # Builders write into the project's folder, and others read the checkout.
            await asyncio.to_thread(shutil.copytree, build.order.checkout, copy, symlinks=True)
            directory = safe_join(copy, build.order.directory)
            job = {"directory": str(directory), "root": str(copy)}
            done = await self._run("source", job, build, work, note)
            return str(done["file"])

    async def _dependencies(self, build: _Build, collected: Record) -> Record:
        key = _deps_key(build, collected)
        async with self._lock(key):
            rebuild = build.order.plan.rebuild
            known = None if rebuild else await self._known_deps(build.order.deployment, key)
            if known is None:
                async with self._deps, self._work() as work:
                    build.on_progress(0, 0, "building the dependencies")
                    job = {name: collected[name] for name in ("requirements", "flags")}
                    done = await self._run("deps", job, build, work)
                known = {"deps": str(done["file"]), "dagster": str(done["dagster"])}
                await asyncio.to_thread(self._files.note, key, known)
        return {**known, "key": key}

    def _known_source(self, key: str) -> Record | None:
        known = self._files.record(key)
        if known is None or not self._files.has(str(known["source"])):
            return None
        self._files.used(str(known["source"]))
        return known

    async def _known_deps(self, deployment: str, key: str) -> Record | None:
        """Look on our disk, then in Dagster+: another replica may have built them."""
        known = await asyncio.to_thread(self._files.record, key)
        if known is not None and await asyncio.to_thread(self._files.has, str(known["deps"])):
            await asyncio.to_thread(self._files.used, str(known["deps"]))
            return known
        found = _read_record(await self._storage.read(deployment, record_name(key)))
        if found is not None and await self._storage.there(deployment, [str(found["deps"])]):
            return found
        return None

    async def _run(
        self,
        name: str,
        job: Event,
        build: _Build,
        work: Path,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> Event:
        order, output, temporary = build.order, work / "output", work / "tmp"
        await asyncio.to_thread(output.mkdir)
        await asyncio.to_thread(temporary.mkdir)
        python = order.plan.python_version
        try:
            done = await run_job(
                self._python,
                name,
                {**job, "output": str(output), "python": python},
                environment={**self._environment, "TMPDIR": str(temporary)},
                folder=work,
                log=build.log,
                on_event=on_event,
            )
        except JobFailed as error:
            explain = partial(
                pex_error,
                error,
                location=order.location,
                folder=safe_join(order.checkout, order.directory),
                python=python,
            )
            raise await asyncio.to_thread(explain) from None
        await asyncio.to_thread(self._files.add, output / str(done["file"]))
        return done

    async def _probe(self) -> Builder:
        async with self._work() as work:
            try:
                done = await run_job(
                    self._python, "probe", {}, environment=self._environment, folder=work
                )
            except JobFailed as failed:
                raise PexBuilderMissing(
                    "The builder of PEX files isn't installed.", detail=failed.message
                ) from None
        return Builder(done["versions"], tuple(done["pythons"]))

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Path]:
        work = await asyncio.to_thread(self._folder.new_work)
        try:
            yield work
        finally:
            await asyncio.shield(asyncio.to_thread(self._folder.remove_work, work))

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


def record_name(key: str) -> str:
    """Return the name of a record in Dagster+'s storage that says which file has these
    dependencies. The official CLI keeps such records too, under names of this form."""
    return f"requirements-{key}-{_CACHE_TAG}.txt"


def record_content(built: BuiltPex) -> bytes:
    """Return what the record says."""
    said = {"deps_pex_name": built.deps, "dagster_version": built.dagster}
    return json.dumps(said).encode()


def _read_record(content: bytes | None) -> Record | None:
    try:
        said = json.loads(content or b"null")
        name, dagster = said["deps_pex_name"], said["dagster_version"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(name, str) or not PEX_NAME.fullmatch(name):
        return None
    return {"deps": name, "dagster": dagster if isinstance(dagster, str) else None}


def _source_key(build: _Build) -> str:
    """A commit says everything about the source: local packages outside the folder too."""
    order = build.order
    return _key(["source", order.sha, order.directory, order.plan.python_version], build.builder)


def _deps_key(build: _Build, collected: Record) -> str:
    python = build.order.plan.python_version
    return _key(["deps", collected["requirements"], python, collected["flags"]], build.builder)


def _key(facts: Sequence[object], builder: Builder) -> str:
    whole = [KEY_VERSION, *facts, dict(builder.versions)]
    return short_hash(whole, 40)


def _first(failed: BaseExceptionGroup[DeployError]) -> DeployError:
    one = failed.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one
