"""A repository's history as data, and `git fast-import` to make it.

Authors and dates are fixed, so the commits have the same hashes everywhere.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FIRST_COMMIT_AT = 1_789_500_000  # 2026-09-15 19:20 UTC
BETWEEN_COMMITS = 26 * 3600


@dataclass(frozen=True)
class Author:
    """Who wrote a commit."""

    name: str
    email: str


@dataclass(frozen=True)
class Commit:
    """One commit: the files that it adds or replaces, on a branch that may start from another."""

    branch: str
    message: str
    author: Author
    files: Mapping[str, str]
    starts_from: str | None = None
    tag: str | None = None


class GitError(Exception):
    """The git command failed; its words are in the text."""


async def make_repository(folder: Path, history: Sequence[Commit]) -> None:
    """Make a bare repository with this history; the branch `main` is its default.

    A repository that is there already is left as it is, and one is there only once it is whole.
    Raises GitError.
    """
    if await asyncio.to_thread(folder.exists):
        return
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    await _git("init", "--quiet", "--bare", "--initial-branch=main", str(unfinished))
    stream = fast_import_stream(history)
    await _git(f"--git-dir={unfinished}", "fast-import", "--quiet", stdin=stream)
    await asyncio.to_thread(unfinished.rename, folder)


def fast_import_stream(history: Sequence[Commit]) -> bytes:
    """The history in the format of `git fast-import`."""
    parts: list[str] = []
    for number, commit in enumerate(history):
        at = f"{FIRST_COMMIT_AT + number * BETWEEN_COMMITS} +0000"
        author = f"{commit.author.name} <{commit.author.email}> {at}"
        parts.append(f"commit refs/heads/{commit.branch}\nauthor {author}\ncommitter {author}\n")
        parts.append(_data(commit.message + "\n"))
        if commit.starts_from:
            parts.append(f"from refs/heads/{commit.starts_from}\n")
        for path, text in sorted(commit.files.items()):
            parts.append(f"M 100644 inline {path}\n{_data(text)}")
        if commit.tag:
            parts.append(f"reset refs/tags/{commit.tag}\nfrom refs/heads/{commit.branch}\n")
        parts.append("\n")
    return "".join(parts).encode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


async def _git(*arguments: str, stdin: bytes = b"") -> None:
    # A person's own git settings, and those of a hook that we may run in, must not matter.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    _, errors = await process.communicate(stdin)
    if process.returncode != 0:
        raise GitError(f"git {arguments[0]}: {errors.decode(errors='replace').strip()}")
