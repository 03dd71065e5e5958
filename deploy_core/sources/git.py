"""The projects' git repositories: refs, commits, files and checkouts at a commit."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy_core.clock import Clock
from deploy_core.model.errors import FileInvalid, FileNotFound, UnknownRef, UnsafePath
from deploy_core.model.plan import Commit
from deploy_core.settings import ProjectSettings
from deploy_core.single_flight import SingleFlight
from deploy_core.sources.branches import Branches, Change
from deploy_core.sources.checkouts import Checkouts
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import run_git
from deploy_core.sources.mirrors import Mirrors
from deploy_core.sources.paths import inside
from deploy_core.sources.refs import FULL_SHA, SHORT_SHA, Resolved, candidates, unknown_ref

MOST_FILE_BYTES = 1_000_000
_LOCAL_SECONDS = 60.0
_LAST_SECOND = 253_402_300_799  # of the year 9999; a commit can claim any time
_FOUND_COMMIT = re.compile(r"([0-9a-f]{40,64}) commit \d+")
_FORMAT = "%H%x1f%ct%x1f%an%x1f%s%x00"


@dataclass(frozen=True)
class Range:
    """The commits from one to another: newest first and not all of them, with their number.

    `behind` counts the commits that the older side has and the newer one lacks: above zero, the
    deploy goes back, or to another branch. `known` is false where the old commit isn't in the
    repository (any more).
    """

    commits: tuple[Commit, ...] = ()
    total: int = 0
    behind: int = 0
    known: bool = True


class GitMirrors:
    """Reads the projects' repositories through bare mirrors in `folder`.

    Every method that reaches a server raises `GitUnreachable`, `GitAuthFailed` or `GitFailed`.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        fetch_seconds: float = 300.0,
        check_seconds: float = 30.0,
    ) -> None:
        self._mirrors = Mirrors(folder / "mirrors", clock, timeout=fetch_seconds)
        self._branches = Branches(self._mirrors.credentials, timeout=fetch_seconds)
        self._checkouts = Checkouts(folder / "checkouts", clock, timeout=fetch_seconds)
        self._check_seconds = check_seconds
        self._flight: SingleFlight[None] = SingleFlight()

    async def fetch(self, project: str, settings: ProjectSettings) -> None:
        """Bring the mirror up to date. Calls at the same time share one fetch."""
        key = f"{project}\n{settings.git}"
        await self._flight.run(key, lambda: self._mirrors.fetch(project, settings))

    async def resolve(self, project: str, settings: ProjectSettings, ref: str) -> Resolved:
        """Return the commit that a branch, tag or sha (seven digits or more) stands for now.

        A full sha that was fetched before needs no server. Raises `UnknownRef` with close names.
        """
        ref = ref.strip()
        named = candidates(ref)
        is_full = bool(FULL_SHA.fullmatch(ref.lower()))
        if not (is_full and await self._has(project, ref.lower())):
            await self.fetch(project, settings)
        shas = await self._commits_of(project, [name for name, _ in named])
        found = [(name, kind, sha) for (name, kind), sha in zip(named, shas, strict=True) if sha]
        if not found:
            raise await self._unknown(project, ref)
        _, kind, sha = found[0]
        note = None
        if kind == "tag" and any(k == "branch" and other != sha for _, k, other in found):
            note = f"`{ref}` is a tag and a branch; git takes the tag. `heads/{ref}` is the branch."
        commit = (await self._log(project, "-1", sha))[0]
        return Resolved(**commit.model_dump(), ref=ref, kind=kind, note=note)

    async def read_file(self, project: str, settings: ProjectSettings, sha: str, path: str) -> str:
        """Return a file's text at a commit; symlinks inside the repository are followed.

        Raises `FileNotFound`, `UnsafePath` for what leads out, and `FileInvalid` for a file that
        is larger than a megabyte or isn't UTF-8.
        """
        clean = inside(path)
        await self._require(project, settings, sha)
        header = await self._git(
            project,
            "cat-file",
            "--batch-check=%(objectname) %(objecttype) %(objectsize)",
            "--follow-symlinks",
            stdin=f"{sha}:{clean}\n".encode(),
        )
        first = header.split(b"\n", 1)[0].decode("utf-8", "replace")
        if first.startswith(("symlink ", "loop ")):
            raise UnsafePath(f"The symlink `{path}` leads out of the repository.")
        parts = first.split(" ")
        if len(parts) != 3 or not FULL_SHA.fullmatch(parts[0]) or parts[1] != "blob":
            raise await self._file_not_found(project, sha, path)
        if int(parts[2]) > MOST_FILE_BYTES:
            raise FileInvalid(f"`{path}` has {int(parts[2]):,} bytes; at most 1,000,000 are read.")
        content = await self._git(project, "cat-file", "blob", parts[0])
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            said = f"{path}:{line}: the file isn't UTF-8 text."
            raise FileInvalid(f"`{path}` isn't UTF-8 text (line {line}).", detail=said) from None

    async def files(
        self, project: str, settings: ProjectSettings, sha: str, *under: str
    ) -> dict[str, str]:
        """Return the files at a commit that are one of these paths, or below one of them: each
        path with its mode, as git writes it."""
        await self._require(project, settings, sha)
        clean = [inside(path) for path in under]
        asked = ("--literal-pathspecs", "ls-tree", "-r", "-z", sha, "--", *clean)
        listed = (await self._git(project, *asked)).decode("utf-8", "replace")
        lines = (line.partition("\t") for line in listed.split("\0") if line)
        return {path: about.partition(" ")[0] for about, _, path in lines}

    async def commits_between(
        self, project: str, settings: ProjectSettings, old: str, new: str, most: int = 20
    ) -> Range:
        """Return what `new` has and `old` lacks, newest first, at most `most` of them.

        Raises `UnknownRef` if `new` isn't in the repository.
        """
        await self._require(project, settings, new)
        if not (SHORT_SHA.fullmatch(old) and await self._has(project, old)):
            return Range(known=False)
        counts = await self._git(
            project, "rev-list", "--left-right", "--count", f"{old}...{new}", "--"
        )
        behind, ahead = (int(count) for count in counts.split())
        commits = await self._log(project, f"-{max(0, most)}", f"{old}..{new}") if ahead else ()
        return Range(commits, ahead, behind)

    async def refs(self, project: str, settings: ProjectSettings) -> tuple[str, ...]:
        """Return branches and tags, newest first, as fetched last; empty before the first time."""
        del settings  # the mirror alone is asked
        return await self._names(project)

    async def _names(self, project: str) -> tuple[str, ...]:
        if not await self._mirrors.exists(project):
            return ()
        listed = await self._git(
            project,
            "for-each-ref",
            "--sort=-creatordate",
            "--format=%(refname)",
            "refs/heads",
            "refs/tags",
        )
        names = listed.decode("utf-8", "replace").splitlines()
        return tuple(dict.fromkeys(name.split("/", 2)[2] for name in names))

    def git_folder(self, project: str) -> Path:
        """Return the bare repository of the project."""
        return self._mirrors.path(project)

    def checkout_path(self, project: str, sha: str) -> Path:
        """Return the folder that `checkout` makes, whether it is there already or not."""
        return self._checkouts.path(project, sha)

    async def checkout(self, project: str, settings: ProjectSettings, sha: str) -> Path:
        """Return a folder with the files of that commit: whole, and shared by all who ask.

        Raises `UnknownRef`, and `UnsafePath` if a symlink in it leads out. Submodules stay empty
        and large files of LFS stay pointers.
        """
        if not FULL_SHA.fullmatch(sha):
            raise UnknownRef(f"`{sha[:80]}` isn't the full sha of a commit.")
        await self._require(project, settings, sha)
        return await self._checkouts.get(project, self._mirrors.path(project), sha)

    async def checked_out(self, project: str) -> list[str]:
        """Return the full shas of which there is a checkout."""
        return await self._checkouts.shas(project)

    async def collect(self, keep: Collection[tuple[str, str]], older_than: timedelta) -> list[Path]:
        """Remove checkouts not asked for in that time, but none of `keep` (project, sha)."""
        return await self._checkouts.collect(keep, older_than)

    @property
    def credentials(self) -> Credentials:
        """The projects' credentials."""
        return self._mirrors.credentials

    async def commit(
        self, project: str, settings: ProjectSettings, base: str, change: Change
    ) -> str:
        """Return the sha of the commit that makes a change after the commit `base`. It is only in
        the mirror. Raises as `Branches.commit` does, and `UnknownRef`."""
        await self._require(project, settings, base)
        return await self._branches.commit(self._mirrors.path(project), base, change)

    async def has(self, project: str, sha: str) -> bool:
        """Say whether a commit is in the mirror; no server is asked."""
        return await self._has(project, sha)

    async def push(self, project: str, settings: ProjectSettings, sha: str, branch: str) -> None:
        """Make a branch of the repository at this commit. Raises as `Branches.push` does."""
        await self._branches.push(self._mirrors.path(project), settings, sha, branch)

    async def delete_branch(
        self, project: str, settings: ProjectSettings, sha: str, branch: str
    ) -> None:
        """Delete a branch of the repository that still stands at this commit."""
        await self._branches.delete(self._mirrors.path(project), settings, sha, branch)

    async def check(self, project: str, settings: ProjectSettings) -> None:
        """Ask the server once, and that the default ref is there. Raises `UnknownRef` if not."""
        listed = await self._mirrors.ls_remote(settings, self._check_seconds)
        named = candidates(settings.default_ref)
        if any(kind == "commit" for _, kind in named) or any(name in listed for name, _ in named):
            return
        known = tuple(name.split("/", 2)[2] for name in listed)
        raise unknown_ref(settings.default_ref, project, known)

    async def _require(self, project: str, settings: ProjectSettings, sha: str) -> None:
        """Make sure that the commit is in the mirror, by one fetch if need be."""
        if not SHORT_SHA.fullmatch(sha):
            raise UnknownRef(f"`{sha[:80]}` isn't the sha of a commit.")
        if await self._has(project, sha):
            return
        await self.fetch(project, settings)
        if not await self._has(project, sha):
            raise await self._unknown(project, sha)

    async def _has(self, project: str, sha: str) -> bool:
        if not await self._mirrors.exists(project):
            return False
        return (await self._commits_of(project, [sha]))[0] is not None

    async def _commits_of(self, project: str, names: list[str]) -> list[str | None]:
        """Return the commit of each name, or None; the names were checked to be plain."""
        if not names:
            return []
        asked = "".join(f"{name}^{{commit}}\n" for name in names)
        answer = await self._git(project, "cat-file", "--batch-check", stdin=asked.encode())
        lines = answer.decode("utf-8", "replace").splitlines()
        found = [_FOUND_COMMIT.fullmatch(line) for line in lines]
        return [match[1] if match else None for match in found]

    async def _unknown(self, project: str, ref: str) -> UnknownRef:
        if SHORT_SHA.fullmatch(ref.lower()):
            several = await self._disambiguated(project, ref.lower())
            if len(several) > 1:
                return UnknownRef(
                    f"`{ref}` is the beginning of {len(several)} commits.",
                    next_step="Give more digits of the commit.",
                    choices=several[:5],
                )
        return unknown_ref(ref, project, await self._names(project))

    async def _disambiguated(self, project: str, sha: str) -> tuple[str, ...]:
        listed = await self._git(project, "rev-parse", f"--disambiguate={sha}")
        objects = listed.decode().split()
        commits = await self._commits_of(project, objects)
        return tuple(o for o, commit in zip(objects, commits, strict=True) if o == commit)

    async def _file_not_found(self, project: str, sha: str, path: str) -> FileNotFound:
        """Return the error, with the files elsewhere in the tree that have the same name."""
        listed = await self._git(project, "ls-tree", "-r", "-z", "--name-only", sha, "--")
        name = path.rstrip("/").rsplit("/", 1)[-1].lower().removesuffix(".yml")
        names = {name, f"{name.removesuffix('.yaml')}.yaml", f"{name.removesuffix('.yaml')}.yml"}
        files = listed.decode("utf-8", "replace").split("\0")
        same = tuple(f for f in files if f.rsplit("/", 1)[-1].lower() in names)[:5]
        return FileNotFound(f"There is no file `{path}` at commit {sha[:7]}.", choices=same)

    async def _log(self, project: str, *arguments: str) -> tuple[Commit, ...]:
        shown = await self._git(
            project,
            "log",
            "--no-color",
            "--no-show-signature",
            "--no-decorate",
            f"--format=tformat:{_FORMAT}",
            *arguments,
            "--",
        )
        records = shown.decode("utf-8", "replace").split("\0")
        return tuple(_commit(record.lstrip("\n")) for record in records if record.strip())

    async def _git(self, project: str, *arguments: str, stdin: bytes = b"") -> bytes:
        mirror = self._mirrors.path(project)
        done = await run_git(
            [f"--git-dir={mirror}", *arguments], folder=mirror, seconds=_LOCAL_SECONDS, stdin=stdin
        )
        if done.code != 0:
            raise error_of(done.errors, "the mirror")
        return done.output


def _commit(record: str) -> Commit:
    sha, seconds, author, subject = record.split("\x1f", 3)
    committed = datetime.fromtimestamp(min(int(seconds), _LAST_SECOND), UTC)
    return Commit(sha=sha, subject=subject, author=author, committed_at=committed.isoformat())
