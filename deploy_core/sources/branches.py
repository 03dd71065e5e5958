"""A change of a project's files as a commit on a branch of its own, made without a checkout.

The same change makes the same commit, wherever and however often it is made: its files, its
parent, its author and its time are all that is in it.
"""

import re
import shutil
import tempfile
from asyncio import to_thread
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from deploy_core.model.errors import (
    BranchExists,
    BranchRefused,
    FileExists,
    FileNotEditable,
    GitAuthFailed,
)
from deploy_core.settings import ProjectSettings
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import Access, Finished, run_git, signed_by
from deploy_core.sources.paths import inside

_PLAIN_FILE: Final = "100644"
SYMLINK: Final = "120000"
_LOCAL_SECONDS: Final = 60.0
_STALE: Final = re.compile(r"stale info|\[rejected\]|already exists|fetch first", re.IGNORECASE)
_WORKFLOW: Final = re.compile(r"refusing to allow .*update workflow", re.IGNORECASE)
_RULE: Final = re.compile(r"\[remote rejected\]|hook declined|protected branch", re.IGNORECASE)
_REFUSED: Final = re.compile(r"403|denied|not (?:allowed|authorized)", re.IGNORECASE)
_WHO: Final = re.compile(r"(?P<name>.+) <(?P<address>[^<>]+)>")


@dataclass(frozen=True)
class Change:
    """What a commit changes: `edited` are texts of files that are there, `added` of new ones."""

    edited: Mapping[str, str]
    added: Mapping[str, str]
    message: str
    author: str
    at: datetime


class Branches:
    """Commits and branches made in a mirror. Raises as git does: `GitUnreachable`,
    `GitAuthFailed`, `GitFailed`."""

    def __init__(self, credentials: Credentials, *, timeout: float) -> None:
        self._credentials = credentials
        self._timeout = timeout

    async def commit(self, mirror: Path, base: str, change: Change) -> str:
        """Return the sha of the commit that makes a change after `base`.

        Raises `FileExists` for an added file that is there, `FileNotEditable` for an edited one
        that is a symlink, `UnsafePath`.
        """
        folder = Path(await to_thread(tempfile.mkdtemp, prefix=".index-", dir=mirror))
        try:
            return await self._commit(mirror, base, change, folder / "index")
        finally:
            await to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _commit(self, mirror: Path, base: str, change: Change, index: Path) -> str:
        with_index = {"GIT_INDEX_FILE": str(index)}
        await self._git(mirror, "read-tree", base, environment=with_index)
        listed = [
            await self._entry(mirror, base, path, text, new=new)
            for texts, new in ((change.edited, False), (change.added, True))
            for path, text in texts.items()
        ]
        lines = "".join(f"{entry}\n" for entry in listed).encode()
        await self._git(
            mirror, "update-index", "--add", "--index-info", environment=with_index, stdin=lines
        )
        tree = await self._git(mirror, "write-tree", environment=with_index)
        return await self._git(
            mirror,
            "commit-tree",
            tree,
            "-p",
            base,
            environment=_who_and_when(change),
            stdin=change.message.encode(),
        )

    async def _entry(self, mirror: Path, base: str, path: str, text: str, *, new: bool) -> str:
        clean = inside(path)
        found = (await self._git(mirror, "ls-tree", base, "--", clean)).split()
        mode = found[0] if found else _PLAIN_FILE
        if new and found:
            raise FileExists(f"The repository has `{clean}` already.")
        if mode == SYMLINK:
            raise FileNotEditable(f"`{clean}` is a symlink.")
        blob = await self._git(
            mirror, "hash-object", "-w", "--no-filters", "--stdin", stdin=text.encode()
        )
        return f"{mode} {blob}\t{clean}"

    async def push(self, mirror: Path, settings: ProjectSettings, sha: str, branch: str) -> None:
        """Make a branch of the repository that stands at this commit; one that does is enough.

        Raises `BranchExists` for one that stands elsewhere, `BranchRefused`.
        """
        access = await self._credentials.access(settings)
        there = await self._there(mirror, access, branch)
        if there == sha:
            return
        if there is not None:
            raise BranchExists(f"The repository has a branch `{branch}` that isn't from this.")
        done = await self._push(mirror, access, f"{sha}:refs/heads/{branch}", branch, expected="")
        if done.code == 0 or await self._there(mirror, access, branch) == sha:
            return
        raise self._push_error(done, access, branch)

    async def delete(self, mirror: Path, settings: ProjectSettings, sha: str, branch: str) -> None:
        """Delete a branch of the repository, if it still stands at this commit."""
        access = await self._credentials.access(settings)
        if await self._there(mirror, access, branch) != sha:
            return
        done = await self._push(mirror, access, f":refs/heads/{branch}", branch, expected=sha)
        if done.code != 0 and await self._there(mirror, access, branch) == sha:
            raise self._push_error(done, access, branch)

    async def _push(
        self, mirror: Path, access: Access, what: str, branch: str, *, expected: str
    ) -> Finished:
        """Push, unless the branch isn't at what is expected: an empty text for no branch."""
        lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
        return await run_git(
            [f"--git-dir={mirror}", "push", "--quiet", "--no-verify", lease, access.url, what],
            folder=mirror,
            seconds=self._timeout,
            access=access,
        )

    async def _there(self, mirror: Path, access: Access, branch: str) -> str | None:
        """Return the commit of a branch of the repository."""
        done = await run_git(
            ["ls-remote", "--quiet", "--", access.url, f"refs/heads/{branch}"],
            folder=mirror,
            seconds=self._timeout,
            access=access,
        )
        if done.code != 0:
            raise self._credentials.failed(done.errors, access)
        words = done.output.decode("utf-8", "replace").split()
        return words[0] if words else None

    def _push_error(self, done: Finished, access: Access, branch: str) -> Exception:
        if _WORKFLOW.search(done.errors):
            return BranchRefused(
                "The host doesn't let our credential change a workflow, which lists the locations.",
                next_step="Give the credential the right to change workflows, and try again. Or set"
                " `edit_ci: false` in the project, discard this, and ask once more.",
                detail=done.errors,
            )
        if _RULE.search(done.errors):
            said = " ".join(
                line.removeprefix("remote:").strip()
                for line in done.errors.splitlines()
                if line.startswith("remote:")
            )
            return BranchRefused(
                f"The repository doesn't take the branch `{branch}`: {said[:200] or 'no reason'}.",
                detail=done.errors,
            )
        if _STALE.search(done.errors):
            return BranchExists(f"The repository has a branch `{branch}` that isn't from this.")
        error = self._credentials.failed(done.errors, access)
        if isinstance(error, GitAuthFailed) or _REFUSED.search(done.errors):
            return GitAuthFailed(
                f"`{access.url}` doesn't let our credential push a branch.",
                next_step="Give the project's git credential the right to push, and try again.",
                detail=error.detail if isinstance(error, GitAuthFailed) else done.errors,
            )
        return error

    async def _git(
        self,
        mirror: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> str:
        done = await run_git(
            [f"--git-dir={mirror}", *arguments],
            folder=mirror,
            seconds=_LOCAL_SECONDS,
            environment=environment,
            stdin=stdin,
        )
        if done.code != 0:
            raise error_of(done.errors, "the mirror")
        return done.output.decode("utf-8", "replace").strip()


def _who_and_when(change: Change) -> dict[str, str]:
    found = _WHO.fullmatch(change.author)
    name, address = (found["name"], found["address"]) if found else (change.author, "localhost")
    return signed_by(name, address, change.at)
