"""A live document in the form that a project's file has it: what the file can say, what a deploy
sets, and the file changed so that it says what is live."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import JsonValue

from deploy_core.artifacts.documents import repository_in_file, repository_of
from deploy_core.model.adding import NOT_SAID, require_code_source, require_name, said_over
from deploy_core.model.documents import clean, diff_documents
from deploy_core.model.errors import DefaultsDiffer, UnsafePath
from deploy_core.model.plan import Document, FieldChange
from deploy_core.settings import ProjectSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation, parse_dagster_cloud_yaml
from deploy_core.sources.paths import inside
from deploy_core.sources.yaml_edit import NAME, add_location, entry_of, names_in, set_fields

BUILD: Final = "build"
IMAGE: Final = "image"
FOLDER: Final = "working_directory"
SOURCE: Final = "code_source"
MOST_NAMED: Final = 5
_SECRET: Final = re.compile(r"secret|passw|token|credential|key", re.IGNORECASE)


@dataclass(frozen=True)
class Adopted:
    """What of a live document a file can say: the whole of the entry but for `leaves`, which stay
    as the file has them. `notes` say what isn't written, and why, where it matters."""

    entry: Document
    leaves: tuple[str, ...]
    notes: tuple[str, ...] = ()


def adopted(live: Document, settings: ProjectSettings, there: FileLocation | None) -> Adopted:
    """Return the entry for a live document; `there` is the location as the project's file has it,
    if it does."""
    entry = comparable(live, settings, there)
    leaves, notes = [BUILD], []
    if "pex_metadata" in live:
        notes.append("Its PEX files aren't written: the code comes from the project.")
    chosen = _image_by_deploy(live, settings, there)
    if settings.artifact == "source":
        chosen = "agents run the project's files"
        folder = entry.get(FOLDER)
        if isinstance(folder, str) and folder.startswith("/"):
            leaves.append(FOLDER)
            notes.append(f"`{FOLDER}` isn't written: {entry.pop(FOLDER)} isn't in the repository.")
    if chosen:
        entry.pop(IMAGE, None)
        leaves.append(IMAGE)
        if IMAGE in live:
            notes.append(f"`{IMAGE}` isn't written: {chosen}.")
    elif entry.get(IMAGE) != live.get(IMAGE):
        notes.append(f"`{IMAGE}` stays {entry[IMAGE]}: live is an image of that repository.")
    notes += [f"`{name}` comes into the repository with its value." for name in _secrets(entry)]
    repository = repository_of(live.get(IMAGE))
    by_repository = settings.artifact == "docker" or settings.image_tag is not None
    if repository and by_repository and "pex_metadata" not in live:
        entry[BUILD] = {"registry": repository}
    return Adopted(entry, tuple(leaves), tuple(notes))


def _secrets(entry: Document) -> list[str]:
    """Return the names of variables that may be secret and have their values beside them."""
    context = entry.get("container_context")
    platforms = context.values() if isinstance(context, dict) else ()
    listed = [each.get("env_vars") for each in platforms if isinstance(each, dict)]
    items = [item for each in listed if isinstance(each, list) for item in each]
    names = [str(item).partition("=")[0] for item in items if "=" in str(item)]
    return [name for name in names if _SECRET.search(name)][:MOST_NAMED]


def comparable(live: Document, settings: ProjectSettings, there: FileLocation | None) -> Document:
    """Return a document as the file would say it, without what a deploy sets: the commit, PEX
    files, an image that it builds or finds. What means the same is written as `there`."""
    said: Document = {key: value for key, value in clean(live).items() if key not in NOT_SAID}
    if _image_by_deploy(live, settings, there):
        said.pop(IMAGE, None)
    elif there is not None and _same_image(said.get(IMAGE), there.document.get(IMAGE)):
        said[IMAGE] = there.document[IMAGE]
    git = live.get("git")
    commit = git.get("commit_hash") if isinstance(git, dict) else None
    if settings.artifact == "source" and isinstance(commit, str) and commit:
        _out_of_checkout(said, commit, there)
    return said


def in_git(there: FileLocation, live: Document, settings: ProjectSettings) -> Document:
    """Return what the file says, without what a deploy sets, to be held beside `comparable`."""
    said = clean(there.document)
    if settings.artifact == "source" or _image_by_deploy(live, settings, there):
        said.pop(IMAGE, None)
    return said


def _image_by_deploy(live: Document, settings: ProjectSettings, there: FileLocation | None) -> str:
    """Return why a deploy of the project decides which image runs; empty where the file does."""
    if settings.artifact == "docker":
        return "it is built from the project"
    if settings.artifact == "pex" or "pex_metadata" in live:
        return "the project's `pex` settings say what its PEX files run on"
    if settings.artifact == "source":
        return ""
    if settings.image_tag is not None:
        return "the image of each commit is found by the project's `image_tag`"
    if there is not None and there.build is not None and IMAGE not in there.document:
        return "it is built with the location's `build`"
    return ""


def _same_image(live: JsonValue, in_file: JsonValue) -> bool:
    """Say whether what is live may be what the file names: a deploy sends a tag's digest."""
    if not (isinstance(live, str) and isinstance(in_file, str)):
        return False
    by_digest = "@" in live and "@" not in in_file
    return by_digest and repository_of(live) == repository_of(in_file)


def _out_of_checkout(said: Document, commit: str, there: FileLocation | None) -> None:
    """Write the paths of a checkout as the file does: in the folder of `build`, and of the
    location."""
    folder, source = said.get(FOLDER), said.get(SOURCE)
    file = source.get("python_file") if isinstance(source, dict) else None
    if not isinstance(folder, str):
        return
    if isinstance(file, str) and PurePosixPath(file).is_relative_to(folder):
        said[SOURCE] = {"python_file": str(PurePosixPath(file).relative_to(folder))}
    parts = PurePosixPath(folder).parts
    if commit not in parts:
        return
    below = PurePosixPath(*parts[parts.index(commit) + 1 :])
    base = _folder(there.build.directory if there is not None and there.build else None)
    if not below.is_relative_to(base):
        return
    written = there.document.get(FOLDER) if there is not None else None
    path = below.relative_to(base)
    if isinstance(written, str) and _folder(written) == path:
        said[FOLDER] = written
    elif path == PurePosixPath():
        del said[FOLDER]
    else:
        said[FOLDER] = str(path)


def _folder(path: str | None) -> PurePosixPath:
    try:
        return PurePosixPath(inside(path or "."))
    except UnsafePath:
        return PurePosixPath(path or ".")


# The file.


def put_whole(text: str, entry: Document, leaves: tuple[str, ...], *, path: str) -> str:
    """Return the text in which a location, once `defaults` are in it, is this entry and no more,
    but for the fields in `leaves`. What `defaults` say already isn't said twice.

    The registry of the entry's `build` is written where the file names none. Raises
    `DefaultsDiffer`, `FileNotEditable`, `FileInvalid`, `LocationNameInvalid`, `CodeSourceInvalid`.
    """
    name = str(entry[NAME])
    wanted: Document = {key: value for key, value in clean(entry).items() if key != BUILD}
    require_code_source(wanted)
    new = name not in names_in(text, path=path)
    base = text
    if new:
        require_name(name)
        base = add_location(text, {NAME: name, SOURCE: wanted[SOURCE]}, path=path)
    own, merged = entry_of(base, name, path=path), _location(base, name, path)
    said = clean(merged.document)
    left = {key: said[key] for key in leaves if key in said}
    whole = _own_fields(own, said, {**left, **wanted})
    if BUILD in own:
        whole[BUILD] = own[BUILD]
    build = entry.get(BUILD)
    if isinstance(build, dict) and repository_in_file(merged) is None:
        whole[BUILD] = said_over(whole.get(BUILD) or {}, build)
    if new:
        edited = add_location(text, whole, path=path)
    else:
        fields = {key: whole.get(key) for key in [*own, *whole] if own.get(key) != whole.get(key)}
        edited = set_fields(text, name, fields, path=path)
    _require_whole(_location(edited, name, path), wanted, leaves, path)
    return edited


def _location(text: str, name: str, path: str) -> FileLocation:
    found = parse_dagster_cloud_yaml(text, path=path)
    return next(each for each in found if each.name == name)


def _own_fields(own: dict[str, Any], merged: Document, wanted: Document) -> dict[str, Any]:
    """Return what the location itself must say, so that with `defaults` it is what is wanted."""
    kept: dict[str, Any] = {}
    for key in [*own, *(key for key in wanted if key not in own)]:
        mine, there, value = own.get(key), merged.get(key), wanted.get(key)
        if there == value:
            if mine is not None:
                kept[key] = mine
        elif isinstance(value, dict) and isinstance(there, dict):
            below = _own_fields(mine if isinstance(mine, dict) else {}, there, value)
            if below:
                kept[key] = below
        elif value is not None:
            kept[key] = value
    return kept


def _require_whole(
    found: FileLocation, wanted: Document, leaves: tuple[str, ...], path: str
) -> None:
    said: Document = {k: v for k, v in clean(found.document).items() if k not in leaves}
    differing = diff_documents({k: v for k, v in wanted.items() if k not in leaves}, said)
    if differing:
        raise DefaultsDiffer(
            f"With the `defaults` of `{path}` no entry says of {found.name} what is live:"
            f" {_named(differing)}."
        )


def _named(changes: tuple[FieldChange, ...]) -> str:
    shown = ", ".join(f"`{change.path}`" for change in changes[:MOST_NAMED])
    more = len(changes) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
