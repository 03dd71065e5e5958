"""What a project's file says about a location, completed with the artifact to run."""

from pathlib import Path

from pydantic import JsonValue

from deploy_core.model.errors import BuildNeeded, ImageMissing
from deploy_core.model.plan import Commit, Document
from deploy_core.settings import ProjectSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.sources.links import commit_url
from deploy_core.sources.paths import safe_join


def wanted_document(
    location: FileLocation,
    settings: ProjectSettings,
    commit: Commit,
    *,
    checkout: Path,
    image: str | None,
) -> Document:
    """Return the document that the file asks for at this commit, with this image, or without one
    for an agent that reads the checkout. Raises `UnsafePath`."""
    document = dict(location.document)
    document["git"] = _git(settings, commit)
    if image is None:
        document.pop("image", None)
        folder = _source_folder(location, checkout)
        document["working_directory"] = str(folder)
        document["code_source"] = _absolute(document["code_source"], folder)
    else:
        document["image"] = image
    return document


def pex_document(
    location: FileLocation,
    settings: ProjectSettings,
    commit: Commit,
    *,
    metadata: Document,
    base_image: str | None,
) -> Document:
    """Return the document that the file asks for, run from PEX files on an image of Dagster's, or
    on `base_image`. Paths stay as they are: the files hold the project's folder."""
    document = dict(location.document)
    document["git"] = _git(settings, commit)
    document["pex_metadata"] = metadata
    document.pop("image", None)
    if base_image is not None:
        document["image"] = base_image
    return document


def _git(settings: ProjectSettings, commit: Commit) -> Document:
    url = commit_url(settings, commit.sha)
    return {"commit_hash": commit.sha, **({"url": url} if url else {})}


def _source_folder(location: FileLocation, checkout: Path) -> Path:
    """`build.directory` is where an image would be built; `working_directory` is inside that."""
    folder = safe_join(checkout, location.build.directory or ".") if location.build else checkout
    inside = location.document.get("working_directory")
    return safe_join(folder, inside) if isinstance(inside, str) else folder


def _absolute(code_source: JsonValue, folder: Path) -> JsonValue:
    """A code server opens `python_file` from its own folder, not from `working_directory`."""
    if isinstance(code_source, dict) and isinstance(code_source.get("python_file"), str):
        return {"python_file": str(safe_join(folder, str(code_source["python_file"])))}
    return code_source


def repository_in_file(location: FileLocation) -> str | None:
    """Return the repository of the location's images: `build.registry`, else that of `image`."""
    if location.build is not None and location.build.registry is not None:
        return location.build.registry
    return repository_of(location.document.get("image"))


def repository_of(image: JsonValue) -> str | None:
    """Return an image's name without tag and digest; None for what isn't a name."""
    if not isinstance(image, str):
        return None
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def full_image(image: str, repository: str | None) -> str:
    """Return the image that a person has named: `:TAG` alone is one of the location's repository.

    Raises `ImageMissing` where that isn't known.
    """
    if not image.startswith(":"):
        return image
    if repository is None:
        raise ImageMissing(
            f"`{image}` is a tag, and nothing says in which repository.",
            next_step="Write the whole name: `registry/repository:tag`.",
        )
    return f"{repository}{image}"


def tag_of_commit(template: str, location: str, sha: str) -> str:
    """Return the tag that CI gives the location's image of a commit."""
    return template.format(sha=sha, short_sha=sha[:7], location=location)


def image_in_file(location: FileLocation, settings: ProjectSettings, commit: Commit) -> str:
    """Return the image that CI has pushed for this commit: by the tag template, or as the file
    says. Raises `ImageMissing`, `BuildNeeded`."""
    in_file = location.document.get("image")
    if settings.image_tag is None:
        if isinstance(in_file, str):
            return in_file
        if location.build is not None:
            raise BuildNeeded(f"{location.name} has a `build` but no image that CI has pushed.")
        raise ImageMissing(f"Nothing says which image {location.name} runs.")
    tag = tag_of_commit(settings.image_tag, location.name, commit.sha)
    registry = repository_in_file(location)
    if registry is None:
        raise ImageMissing(f"{location.name} has neither `build.registry` nor `image`.")
    return f"{registry}:{tag}"
