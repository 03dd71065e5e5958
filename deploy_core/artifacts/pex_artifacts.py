"""PEX files for Serverless locations: built once for each content, and brought to Dagster+."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

import httpx

from deploy_core.artifacts.build_folder import BuildFolder, whole_log
from deploy_core.artifacts.build_output import BuildLog, OnProgress
from deploy_core.artifacts.docker_artifacts import OnLog
from deploy_core.artifacts.image_ref import tag_text
from deploy_core.artifacts.pex_builds import (
    BuiltPex,
    PexBuilds,
    PexOrder,
    record_content,
    record_name,
)
from deploy_core.artifacts.pex_files import PexFiles
from deploy_core.artifacts.pex_process import build_environment, default_python
from deploy_core.artifacts.pex_storage import OnSent, PexStorage
from deploy_core.artifacts.secret_sources import Redactor
from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import all_of
from deploy_core.model.errors import ArtifactError, BuildTimedOut, PexMissing, PythonVersionUnknown
from deploy_core.settings import ServerlessSettings


class PexArtifacts:
    """Builds and uploads PEX files. Every method may raise what Dagster+ raises."""

    def __init__(
        self,
        settings: ServerlessSettings,
        *,
        dagster: DagsterPlus,
        work_folder: Path,
        clock: Clock,
        http: httpx.AsyncClient,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        folder = (work_folder / "pex").absolute()
        self._settings = settings
        self._clock = clock
        self._folder = BuildFolder(folder)
        self._files = PexFiles(folder)
        self._storage = PexStorage(dagster, http, clock)
        python = settings.python or default_python()
        self._builds = PexBuilds(
            self._files,
            self._storage,
            self._folder,
            python=python,
            environment=build_environment(
                python, environment, settings.variables, folder / "cache"
            ),
            parallel=settings.parallel_builds,
        )
        self._uploads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def require_python(self, version: str) -> None:
        """Raise `PexBuilderMissing`, or `PythonVersionUnknown` with those that there are."""
        builder = await self._builds.builder()
        if version not in builder.pythons:
            raise PythonVersionUnknown(
                f"Serverless has no Python {version}.", choices=builder.pythons
            )

    async def build(self, order: PexOrder, on_progress: OnProgress, on_log: OnLog) -> BuiltPex:
        """Return the files for this content, built only as far as they aren't there yet.

        `on_log` is told the whole log when the build has ended, well or badly. Raises the kinds of
        `ServerlessError`, `BuildTimedOut`, `UnsafePath`. If the caller is cancelled, the builders
        are ended first.
        """
        name = f"pex-{order.deployment}-{tag_text(order.location)}-{order.sha[:7]}"
        path = self._folder.log_file(name)
        try:
            built = await self._build(order, path, on_progress)
        except ArtifactError:
            await on_log(await asyncio.to_thread(whole_log, path))
            raise
        await on_log(await asyncio.to_thread(whole_log, path))
        return built

    async def _build(self, order: PexOrder, path: Path, on_progress: OnProgress) -> BuiltPex:
        minutes = self._settings.build_timeout
        log = BuildLog(path, Redactor([]))
        await asyncio.to_thread(log.open)
        try:
            async with asyncio.timeout(minutes * 60):
                return await self._builds.build(order, log, on_progress)
        except TimeoutError:
            raise BuildTimedOut(
                f"The build of {order.location} did not end within {minutes:g} minutes.",
                next_step="Raise `serverless.build_timeout` if it only needs longer.",
            ) from None
        finally:
            await asyncio.to_thread(log.close)

    async def upload(self, deployment: str, built: BuiltPex, on_progress: OnProgress) -> int:
        """Bring the files to Dagster+ unless it has them, and return how many bytes went out.

        Raises `UploadExpired`, `UploadFailed`, `PexMissing`.
        """
        deps, source = await all_of(
            self._bring(deployment, built.deps, on_progress, noted=built),
            self._bring(deployment, built.source, on_progress),
        )
        return deps + source

    async def still_there(self, deployment: str, pex_tag: str) -> None:
        """See that what a `pex_tag` names can be loaded again; what we have is brought once more.

        Raises `PexMissing`.
        """
        for name in filter(None, pex_tag.removeprefix("files=").split(":")):
            await self._bring(deployment, name, lambda _step, _of, _text: None)

    async def collect(self) -> None:
        """Remove old files, records and logs, and the folders of builds that died."""
        now = self._clock.now()
        keep = timedelta(hours=self._settings.keep_files_hours)
        await asyncio.to_thread(self._files.collect, now, keep)
        await asyncio.to_thread(self._folder.collect, now)

    async def _bring(
        self,
        deployment: str,
        name: str,
        on_progress: OnProgress,
        *,
        noted: BuiltPex | None = None,
    ) -> int:
        """Upload one file unless it is there; targets that share it wait for one upload. What is
        `noted` of dependencies goes before them: nobody would write it after a crash."""
        async with self._uploads.setdefault(name, asyncio.Lock()):
            if await self._storage.there(deployment, [name]):
                return 0
            path = self._files.path(name)
            if not await asyncio.to_thread(path.is_file):
                raise PexMissing(f"Dagster+ doesn't have `{name}` any more, and neither do we.")
            size = (await asyncio.to_thread(path.stat)).st_size
            kind = name.partition("-")[0]
            if noted is not None and noted.deps_key is not None:
                await self._upload(
                    deployment, record_name(noted.deps_key), record_content(noted), lambda *_: None
                )

            def on_sent(sent: int, of: int) -> None:
                on_progress(0, 0, f"uploading {kind}, {sent / 1e6:.0f} of {of / 1e6:.0f} MB")

            await self._upload(deployment, name, path, on_sent)
            return size

    async def _upload(
        self, deployment: str, name: str, content: Path | bytes, on_sent: OnSent
    ) -> None:
        tries = self._settings.upload_tries
        await self._storage.upload(deployment, name, content, tries=tries, on_sent=on_sent)
