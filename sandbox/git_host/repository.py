"""One bare repository with its pull requests; every branch and every merge is real git."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sandbox.projects.history import GitError

WHO = {
    "GIT_AUTHOR_NAME": "Merge Button",
    "GIT_AUTHOR_EMAIL": "merge@example.com",
    "GIT_COMMITTER_NAME": "Merge Button",
    "GIT_COMMITTER_EMAIL": "merge@example.com",
}

How = Literal["merge", "squash", "fast-forward"]


@dataclass
class Pull:
    """A pull request. `checks` are names with `waiting`, `good` or `bad`."""

    number: int
    branch: str
    base: str
    title: str
    body: str
    state: Literal["open", "merged", "closed"] = "open"
    head: str = ""
    merged_sha: str | None = None
    how: How = "merge"
    merged_at: str | None = None
    checks: dict[str, str] = field(default_factory=dict)


class Repository:
    """A bare repository at `folder`, called `name` (`owner/repository`), there or to be created."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.pulls: list[Pull] = []
        self.is_private = True

    @property
    def is_there(self) -> bool:
        """Whether it was created."""
        return self.folder.is_dir()

    async def create(self, *, private: bool) -> None:
        """Make it, empty."""
        await asyncio.to_thread(self.folder.mkdir)
        self.is_private = private
        await self.git("init", "--quiet", "--bare", "--template=")
        await self.serve()

    async def serve(self) -> None:
        """Let it be pushed to over HTTP."""
        await self.git("config", "http.receivepack", "true")

    async def branch(self, name: str) -> str | None:
        """Return the commit of a branch, None without one."""
        try:
            found = await self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
        except GitError:
            return None
        return found.strip()

    async def branches(self) -> list[str]:
        """Return the names of all branches."""
        listed = await self.git("for-each-ref", "--format=%(refname:short)", "refs/heads")
        return listed.split()

    async def show(self, at: str, path: str) -> str:
        """Return a file's text."""
        return await self.git("show", f"{at}:{path}")

    async def head_of(self, pull: Pull) -> str:
        """Return the newest commit of a pull request: what its branch has, while it is open."""
        if pull.state == "open":
            pull.head = await self.branch(pull.branch) or pull.head
        return pull.head

    async def open(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request of a branch that exists."""
        pull = Pull(len(self.pulls) + 1, branch, base, title, body)
        self.pulls.append(pull)
        await self.head_of(pull)
        return pull

    async def merge(self, number: int, how: How = "merge") -> str:
        """Merge a pull request as its button does; return the commit that its base has then."""
        pull = self.pulls[number - 1]
        head, base = await self.head_of(pull), await self.branch(pull.base)
        if base is None:
            raise GitError(f"there is no branch {pull.base}")
        tree = (await self.git("merge-tree", "--write-tree", base, head)).split()[0]
        new = head
        if how != "fast-forward":
            parents = ["-p", base, *(["-p", head] if how == "merge" else [])]
            text = f"{pull.title} (#{number})"
            new = (await self.git("commit-tree", tree, *parents, "-m", text)).strip()
        await self.git("update-ref", f"refs/heads/{pull.base}", new, base)
        pull.state, pull.how, pull.merged_sha = "merged", how, new
        pull.merged_at = datetime.now(UTC).isoformat()
        return new

    def close(self, number: int) -> None:
        """Close a pull request without merging it."""
        self.pulls[number - 1].state = "closed"

    async def git(self, *arguments: str) -> str:
        """Run git on the repository. Raises GitError."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        process = await asyncio.create_subprocess_exec(
            "git",
            f"--git-dir={self.folder}",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment, **nothing, **WHO},
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise GitError(f"git {arguments[0]}: {errors.decode(errors='replace').strip()}")
        return output.decode()
