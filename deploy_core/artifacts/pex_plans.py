"""Decides how a Serverless location is built: Python version, base image, and whether at all."""

from deploy_core.artifacts.build_recipe import object_ids
from deploy_core.artifacts.dockerfile import POST_INSTALL, PRE_INSTALL
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.catalog import ProjectAtRef
from deploy_core.model.errors import NotPythonProject
from deploy_core.model.plan import Document, PexPlan
from deploy_core.settings import PexOptions, ProjectSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.paths import inside

DEFAULT_PYTHON = "3.11"
"""What the official CLI takes where nothing is said."""

PROJECT_FILES = ("pyproject.toml", "requirements.txt", "setup.py")
HOOKS = (PRE_INSTALL, POST_INSTALL)


def pex_options(settings: ProjectSettings, location: str) -> PexOptions:
    """Return the project's options with the location's put over them."""
    own = settings.pex_for.get(location)
    if own is None:
        return settings.pex
    said = own.model_dump(exclude_none=True)
    base = {"base_image", "base_image_tag"}
    dropped = dict.fromkeys(base) if base & said.keys() else {}
    return settings.pex.model_copy(update={**dropped, **said})


async def pex_plan(
    file: ProjectAtRef,
    location: FileLocation,
    mirrors: GitMirrors,
    pex: PexArtifacts,
    *,
    version: str | None,
    rebuild: bool,
) -> tuple[PexPlan, str | None]:
    """Return how the location's PEX is built, and a risk if there is one; `version` is the Python
    that a person chose.

    Raises `PexBuilderMissing`, `PythonVersionUnknown`, `NotPythonProject`, `UnsafePath`.
    """
    version = version or pex_options(file.settings, location.name).python or DEFAULT_PYTHON
    await pex.require_python(version)
    directory = inside((location.build.directory if location.build else None) or ".")
    prefix = f"{directory}/" if directory else ""
    paths = tuple(f"{prefix}{name}" for name in (*PROJECT_FILES, *HOOKS))
    ids = await object_ids(mirrors.git_folder(file.project), file.commit.sha, paths)
    if not any(ids[f"{prefix}{name}"] for name in PROJECT_FILES):
        raise NotPythonProject(
            f"`{directory or '.'}` of {location.name} has none of {', '.join(PROJECT_FILES)}."
        )
    hooks = [name for name in HOOKS if ids[f"{prefix}{name}"]]
    risk = f"{' and '.join(hooks)} run in Docker builds only, not in this one." if hooks else None
    plan = PexPlan(directory=directory, python_version=version, rebuild=rebuild)
    return plan, risk


def planned_tag(file: ProjectAtRef) -> str:
    """Return what stands for the files in a plan, before they are built: never sent."""
    return f"to be built from {file.commit.short}"


def pex_metadata(tag: str, python_version: str, base_image: str | None) -> Document:
    """Return `pex_metadata`. Dagster+ takes a Python version or an image, not both."""
    return {"pex_tag": tag, **({} if base_image else {"python_version": python_version})}
