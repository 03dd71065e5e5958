"""Bare mirrors of the projects' repositories, fetched by one process at a time."""

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from deploy_core.clock import Clock
from deploy_core.model.errors import GitFailed
from deploy_core.settings import ProjectSettings
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import Access, Finished, run_git
from deploy_core.sources.paths import folder_name

_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_LEFT_LOCK = re.compile(r"\.lock': File exists|is another git process running", re.IGNORECASE)
_BROKEN = re.compile(
    r"corrupt|bad object|bad config|missing (blob|tree|commit|object)|unable to read (tree|sha1)"
    r"|not a git repository: |packed-refs.* (unexpected|broken)|bad signature|invalid object",
    re.IGNORECASE,
)


class Mirrors:
    """The folder `mirrors/PROJECT.git` and the fetches into it."""

    def __init__(self, folder: Path, clock: Clock, *, timeout: float) -> None:
        self._folder = folder
        self._clock = clock
        self._timeout = timeout
        self.credentials = Credentials(clock)

    def path(self, project: str) -> Path:
        """Return where the project's mirror is, or will be."""
        return self._folder / f"{folder_name(project)}.git"

    async def exists(self, project: str) -> bool:
        """Say whether the project was fetched before."""
        return await asyncio.to_thread(self.path(project).is_dir)

    async def fetch(self, project: str, settings: ProjectSettings) -> None:
        """Bring branches and tags up to date; what is gone there goes here.

        A mirror that a crash left locked or broken is mended. Raises `GitUnreachable`,
        `GitAuthFailed` or `GitFailed`.
        """
        access = await self.credentials.access(settings)
        mirror = self.path(project)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        async with self._only_us(mirror.with_suffix(".lock")):
            await self._create(mirror)
            done = await self._fetch(mirror, access)
            if done.code != 0 and _LEFT_LOCK.search(done.errors):
                await asyncio.to_thread(_remove_locks, mirror)
                done = await self._fetch(mirror, access)
            if done.code != 0 and _BROKEN.search(done.errors):
                await asyncio.to_thread(shutil.rmtree, mirror)
                await self._create(mirror)
                done = await self._fetch(mirror, access)
        self._raise_for(done, access)

    async def ls_remote(self, settings: ProjectSettings, seconds: float) -> list[str]:
        """Return the names of the branches and tags there, without a mirror. Raises as `fetch`."""
        access = await self.credentials.access(settings)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        done = await run_git(
            ["ls-remote", "--quiet", "--heads", "--tags", "--refs", "--", access.url],
            folder=self._folder,
            seconds=seconds,
            access=access,
        )
        self._raise_for(done, access)
        lines = done.output.decode("utf-8", "replace").splitlines()
        return [line.partition("\t")[2] for line in lines]

    async def _create(self, mirror: Path) -> None:
        if await asyncio.to_thread(mirror.is_dir):
            return
        new = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".new-", dir=self._folder))
        try:
            arguments = ["init", "--quiet", "--bare", "--template=", "--", str(new / "mirror")]
            done = await run_git(arguments, folder=self._folder, seconds=self._timeout)
            if done.code != 0:
                raise error_of(done.errors, "the mirror")
            await asyncio.to_thread((new / "mirror").rename, mirror)
        finally:
            await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)

    async def _fetch(self, mirror: Path, access: Access) -> Finished:
        options = ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head"]
        options.append("--no-recurse-submodules")
        return await run_git(
            [f"--git-dir={mirror}", "fetch", *options, "--", access.url, *_REFSPECS],
            folder=mirror,
            seconds=self._timeout,
            access=access,
        )

    def _raise_for(self, done: Finished, access: Access) -> None:
        if done.code != 0:
            raise self.credentials.failed(done.errors, access)

    @contextlib.asynccontextmanager
    async def _only_us(self, lock_file: Path) -> AsyncIterator[None]:
        """Hold the lock among processes; it goes by itself when its holder dies."""
        handle = await asyncio.to_thread(os.open, lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            give_up = self._clock.monotonic() + self._timeout
            while not _try_lock(handle):
                if self._clock.monotonic() > give_up:
                    raise GitFailed("Another process has been fetching this project for too long.")
                await self._clock.sleep(0.1)
            yield
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_locks(mirror: Path) -> None:
    """Remove git's lock files: we hold the only right to fetch, so a dead git left them."""
    for lock in mirror.rglob("*.lock"):
        lock.unlink(missing_ok=True)
