"""A new project's first commit, pushed to an empty repository."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy_core.model.errors import RepositoryNotEmpty
from deploy_core.scaffold.archive import write_files
from deploy_core.settings import ProjectSettings
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git_process import Access, run_git, signed_by

BRANCH: Final = "main"
SUBJECT: Final = "New project"
_REF: Final = f"refs/heads/{BRANCH}"
_SECONDS: Final = 120.0


async def push_first(
    files: Mapping[str, str],
    settings: ProjectSettings,
    credentials: Credentials,
    folder: Path,
    *,
    author: str,
) -> str:
    """Push the files as the first commit of an empty repository, and return that commit.

    Where the branch has these very files already, as after an answer that was lost, that is the
    commit. `folder` is where the work is done; nothing stays there. Nothing is ever overwritten:
    git refuses the push when a branch has come meanwhile.

    Raises `RepositoryNotEmpty`, `GitUnreachable`, `GitAuthFailed` or `GitFailed`.
    """
    access = await credentials.access(settings)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    work = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".push-", dir=folder))
    try:
        return await _Push(work, access, credentials).push(files, author)
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


class _Push:
    """One push, from a folder of its own."""

    def __init__(self, work: Path, access: Access, credentials: Credentials) -> None:
        self._work = work
        self._access = access
        self._credentials = credentials

    async def push(self, files: Mapping[str, str], author: str) -> str:
        """Push, and return the commit."""
        await self._git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
        refs = await self._refs()
        tree = await self._tree(files)
        if refs:
            return await self._same_tree(tree, refs)
        commit = await self._commit(tree, author)
        lease = f"--force-with-lease={_REF}:"  # only if there is still no such branch
        done = await run_git(
            ["push", "--quiet", lease, "--", self._access.url, f"{commit}:{_REF}"],
            folder=self._work,
            seconds=_SECONDS,
            access=self._access,
        )
        if done.code == 0:
            return commit
        # The answer may have been lost after the server took it, or somebody was quicker.
        refs = await self._refs()
        if refs.get(_REF) == commit:
            return commit
        if refs:
            raise _not_empty(self._access.url, refs)
        raise self._credentials.failed(done.errors, self._access)

    async def _tree(self, files: Mapping[str, str]) -> str:
        await asyncio.to_thread(write_files, files, self._work)
        await self._git("add", "--all", "--force", ".")
        return await self._git("write-tree")

    async def _commit(self, tree: str, author: str) -> str:
        who = signed_by(author, "dagster-chatops@localhost")
        return await self._git("commit-tree", tree, "-m", SUBJECT, environment=who)

    async def _refs(self) -> dict[str, str]:
        listed = await self._git(
            "ls-remote", "--quiet", "--heads", "--tags", "--", self._access.url, remote=True
        )
        lines = (line.partition("\t") for line in listed.splitlines())
        return {name: sha for sha, _, name in lines if name}

    async def _same_tree(self, tree: str, refs: dict[str, str]) -> str:
        """Return the branch's commit if it has these files and nothing else is there."""
        if set(refs) == {_REF}:
            options = ("--quiet", "--depth=1", "--no-tags")
            await self._git("fetch", *options, "--", self._access.url, _REF, remote=True)
            if await self._git("rev-parse", f"{refs[_REF]}^{{tree}}") == tree:
                return refs[_REF]
        raise _not_empty(self._access.url, refs)

    async def _git(
        self,
        *arguments: str,
        remote: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        done = await run_git(
            arguments,
            folder=self._work,
            seconds=_SECONDS,
            access=self._access if remote else None,
            environment=environment,
        )
        if done.code != 0:
            raise self._credentials.failed(done.errors, self._access)
        return done.output.decode("utf-8", "replace").strip()


def _not_empty(url: str, refs: Mapping[str, str]) -> RepositoryNotEmpty:
    names: Sequence[str] = [name.removeprefix("refs/heads/").removeprefix("refs/") for name in refs]
    shown = ", ".join(f"`{name[:60]}`" for name in names[:3])
    return RepositoryNotEmpty(f"`{url}` isn't empty: it has {shown}.")
