"""Checkouts: one folder per commit, whole or not there at all, collected when old."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from deploy_core.clock import Clock
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import run_git
from deploy_core.sources.paths import check_symlinks, folder_name

_NEW, _OLD = ".new-", ".old-"
_ABANDONED = timedelta(hours=6)


class Checkouts:
    """The folder `checkouts/PROJECT/SHA`. Its age is the time since it was last asked for."""

    def __init__(self, folder: Path, clock: Clock, *, timeout: float) -> None:
        self._folder = folder
        self._clock = clock
        self._timeout = timeout
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def path(self, project: str, sha: str) -> Path:
        """Return where the checkout of the commit is, or will be."""
        return self._folder / folder_name(project) / sha

    async def get(self, project: str, mirror: Path, sha: str) -> Path:
        """Return the checkout of the commit, made from `mirror` if it isn't there.

        Raises `UnsafePath` if a symlink in it leads out, `GitFailed` if git fails.
        """
        place = self.path(project, sha)
        lock = self._locks.setdefault((project, sha), asyncio.Lock())
        async with lock:
            if not await asyncio.to_thread(place.is_dir):
                await self._make(mirror, sha, place)
            await asyncio.to_thread(self._touch, place)
        return place

    async def shas(self, project: str) -> list[str]:
        """Return the shas of the project's checkouts."""
        found = await asyncio.to_thread(
            lambda: list(self.path(project, "*").parent.glob("[0-9a-f]*"))
        )
        return sorted(place.name for place in found)

    async def collect(self, keep: Collection[tuple[str, str]], older_than: timedelta) -> list[Path]:
        """Remove checkouts older than that and not in `keep`; return their paths."""
        kept = {(folder_name(project), sha) for project, sha in keep}
        return await asyncio.to_thread(self._collect, kept, older_than)

    async def _make(self, mirror: Path, sha: str, place: Path) -> None:
        new = await asyncio.to_thread(self._new, place.parent)
        try:
            where = [f"--git-dir={mirror}", f"--work-tree={new / 'tree'}"]
            done = await run_git(
                [*where, "read-tree", "--reset", "-u", sha],
                folder=new,
                seconds=self._timeout,
                environment={"GIT_INDEX_FILE": str(new / "index")},
            )
            if done.code != 0:
                raise error_of(done.errors, "the mirror")
            await asyncio.to_thread(check_symlinks, new / "tree")
            await asyncio.to_thread(_put_into_place, new / "tree", place)
        finally:
            await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)

    def _new(self, parent: Path) -> Path:
        parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=parent))
        (new / "tree").mkdir()  # not by mkdtemp: an agent of another user may have to read it
        return new

    def _touch(self, place: Path) -> None:
        now = self._clock.now().timestamp()
        os.utime(place, (now, now))

    def _collect(self, kept: set[tuple[str, str]], older_than: timedelta) -> list[Path]:
        removed = []
        for place in sorted(self._folder.glob("*/*")):
            project = place.parent.name
            temporary = place.name.startswith((_NEW, _OLD))
            limit = max(older_than, _ABANDONED) if temporary else older_than
            if (project, place.name) in kept or not self._older(place, limit):
                continue
            if temporary:
                shutil.rmtree(place, ignore_errors=True)
            elif _remove(place):
                removed.append(place)
        return removed

    def _older(self, place: Path, limit: timedelta) -> bool:
        try:
            touched = place.stat().st_mtime
        except FileNotFoundError:
            return False  # another process has just collected it
        return self._clock.now().timestamp() - touched > limit.total_seconds()


def _remove(place: Path) -> bool:
    """Remove a checkout, renamed first: a reader sees the whole of it or nothing."""
    aside = Path(tempfile.mkdtemp(prefix=_OLD, dir=place.parent))
    try:
        place.rename(aside / "tree")
    except FileNotFoundError:
        return False
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _put_into_place(tree: Path, place: Path) -> None:
    try:
        tree.rename(place)
    except OSError:
        if not place.is_dir():  # else another process was first; its checkout is the same
            raise
