"""What a proposal makes of a repository's files."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy_core.adoption import put_whole
from deploy_core.model.adding import require_code_source, require_name, said_over
from deploy_core.model.errors import (
    FileExists,
    FileInvalid,
    FileNotFound,
    UnsafePath,
    UsageError,
)
from deploy_core.model.proposals import ProposalRequest
from deploy_core.proposal_texts import add_a_build, add_to_matrix
from deploy_core.settings import ProjectSettings
from deploy_core.sources.branches import SYMLINK
from deploy_core.sources.ci_lists import FOLDERS, extended, is_ci_file
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.yaml_edit import add_location, entry_of, names_in, set_fields

MOST_CI_FILES: Final = 50


@dataclass(frozen=True)
class Edit:
    """What a proposal makes of a project's files at a commit."""

    base_sha: str
    updates: bool
    edited: Mapping[str, str]
    added: Mapping[str, str]
    by_hand: tuple[str, ...] = ()
    """What a person must still add, in Markdown."""


class Editor:
    """Works out the edits, from the mirrors of the repositories."""

    def __init__(self, mirrors: GitMirrors) -> None:
        self._mirrors = mirrors

    async def edit(
        self, request: ProposalRequest, settings: ProjectSettings, *, at: str | None = None
    ) -> Edit:
        """Return what the request makes of the files, at the newest commit or at an earlier one."""
        project, mirrors = request.project, self._mirrors
        found = await mirrors.resolve(project, settings, at or settings.default_ref)
        if at is None and found.kind != "branch":
            raise UsageError(
                f"The `default_ref` of {project} is no branch, so nothing can be merged into it.",
                next_step="Set it to the branch that is deployed.",
            )
        try:
            text: str | None = await mirrors.read_file(project, settings, found.sha, settings.file)
        except FileNotFound:
            text = None
        edited, updates = await asyncio.to_thread(_edited, text or "", request, settings.file)
        await self._require_new(request, settings, found.sha)
        changed = {settings.file: edited}
        if text is None:
            return Edit(found.sha, updates, {}, {**request.files, **changed})
        if edited == text and not request.files:
            raise UsageError(
                f"`{settings.file}` of {project} says just that of {request.location} already.",
                next_step=f"Say what is to change, or deploy it: `deploy {request.location}`.",
            )
        if updates:
            return Edit(found.sha, updates, changed, {})
        known = names_in(text, path=settings.file)
        ci, by_hand = await self._ci(request, settings, found.sha, known)
        return Edit(found.sha, updates, {**changed, **ci}, dict(request.files), by_hand)

    async def _ci(
        self, request: ProposalRequest, settings: ProjectSettings, sha: str, known: Collection[str]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the CI files with the new location in their lists, and what people must add."""
        project, location = request.project, request.location
        changed: dict[str, str] = {}
        by_hand: list[str] = []
        listed = await self._mirrors.files(project, settings, sha, *FOLDERS)
        for path in [path for path in listed if is_ci_file(path)][:MOST_CI_FILES]:
            try:
                text = await self._mirrors.read_file(project, settings, sha, path)
            except (FileInvalid, UnsafePath):
                continue  # no CI that anybody could read
            made = await asyncio.to_thread(extended, text, location, known)
            may_edit = settings.edit_ci and listed[path] != SYMLINK
            if made.text != text and may_edit:
                changed[path] = made.text
            if made.matrix or (made.text != text and not may_edit):
                by_hand.append(add_to_matrix(path, location))
            if made.steps:
                by_hand.append(add_a_build(path, location))
        return changed, tuple(by_hand)

    async def _require_new(
        self, request: ProposalRequest, settings: ProjectSettings, sha: str
    ) -> None:
        """Raise `FileExists` where a new file would stand on one that is there, or below it."""
        if not request.files:
            return
        tops = sorted({path.partition("/")[0] for path in request.files})
        there = await self._mirrors.files(request.project, settings, sha, *tops)
        for path in there:
            if path in request.files or any(new.startswith(f"{path}/") for new in request.files):
                raise FileExists(f"{request.project} has `{path}` already.")


def _edited(text: str, request: ProposalRequest, path: str) -> tuple[str, bool]:
    """Return the file with the location in it, and whether it was there already.

    Raises `UsageError` for new files of a location that was, `FileNotEditable`, `DefaultsDiffer`
    where the whole of a location can't be said, and `FileInvalid` for a file that Dagster+ wouldn't
    take then.
    """
    entry: dict[str, Any] = dict(request.entry)
    updates = request.location in names_in(text, path=path)
    if updates and request.files:
        raise UsageError(
            f"{request.location} is in `{path}` of {request.project} already.",
            next_step="Leave `--new` out to change it, or choose another name.",
        )
    if request.leaves is not None:
        return put_whole(text, entry, request.leaves, path=path), updates
    if updates:
        before = entry_of(text, request.location, path=path)
        edited = set_fields(text, request.location, said_over(before, entry), path=path)
    else:
        require_name(request.location)
        require_code_source(entry)
        edited = add_location(text, entry, path=path)
    parse_dagster_cloud_yaml(edited, path=path)
    return edited, updates
