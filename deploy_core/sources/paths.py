"""Paths that stay where they belong."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from deploy_core.model.errors import UnsafePath


def safe_join(root: Path, relative: str) -> Path:
    """Return `relative` below `root`, symlinks followed. Raises `UnsafePath` if it leads out."""
    inside(relative)
    base = Path(os.path.realpath(root))
    joined = Path(os.path.realpath(base / relative))
    if joined != base and base not in joined.parents:
        raise UnsafePath(f"The path `{relative}` leads out of the repository.")
    return joined


def inside(relative: str) -> str:
    """Return the path in git's form (`a/b`, "" for the root) without looking at any disk.

    Raises `UnsafePath` for an absolute path, one that climbs out, and control characters.
    """
    if any(ord(char) < 32 for char in relative) or "\x7f" in relative:
        raise UnsafePath("A path has control characters in it.")
    if relative.startswith(("/", "~")) or "\\" in relative:
        raise UnsafePath(f"The path `{relative}` isn't relative to the repository.")
    normal = os.path.normpath(relative) if relative else "."
    if ".." in PurePosixPath(normal).parts:
        raise UnsafePath(f"The path `{relative}` leads out of the repository.")
    return "" if normal == "." else normal


def check_symlinks(root: Path) -> None:
    """Raise `UnsafePath` if a symlink below `root` leads out of it, directly or through others."""
    base = os.path.realpath(root)
    for link in _symlinks(base):
        target = Path(link).readlink().as_posix()
        shown = os.path.relpath(link, base)
        lexical = os.path.normpath(os.path.join(os.path.dirname(link), target))  # noqa: PTH118,PTH120
        real = os.path.realpath(link)
        if os.path.isabs(target) or not (_below(lexical, base) and _below(real, base)):  # noqa: PTH117
            raise UnsafePath(
                f"The symlink `{shown}` in the repository leads out of it.",
                next_step="Remove the symlink, or let it point inside the repository.",
            )


def _symlinks(top: str) -> Iterator[str]:
    folders = [top]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(base + os.sep)


def folder_name(project: str) -> str:
    """Return a name for the project's folders: any name becomes one plain, distinct path part."""
    name = quote(project, safe="")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) <= 100:
        return name
    return f"{name[:80]}-{hashlib.sha256(project.encode()).hexdigest()[:16]}"
