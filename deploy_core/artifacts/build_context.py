"""The folder that is sent to the Docker engine, looked at before anything is sent."""

import os
from dataclasses import dataclass
from pathlib import Path

from deploy_core.artifacts.build_recipe import Recipe
from deploy_core.artifacts.dockerfile import generated_dockerfile
from deploy_core.model.errors import ContextTooLarge, DockerfileMissing
from deploy_core.sources.paths import safe_join

MOST_FILES = 200_000
MOST_DOCKERFILE_BYTES = 1_000_000


@dataclass(frozen=True)
class Context:
    """What a build starts from: real folders and files, all of them inside the checkout."""

    folder: Path
    dockerfile: Path
    bytes: int


def prepare_context(recipe: Recipe, checkout: Path, work: Path, most_bytes: float) -> Context:
    """Return the build's context and Dockerfile, generated into `work` where that is asked for.

    Blocking. Raises `UnsafePath` for what leads out of the checkout, `DockerfileMissing`, and
    `ContextTooLarge`.
    """
    folder = safe_join(checkout, recipe.context or ".")
    dockerfile = safe_join(checkout, recipe.dockerfile)
    if not folder.is_dir():
        raise DockerfileMissing(
            f"The build context `{recipe.context}` of {recipe.location} isn't in the repository.",
            next_step="Mend `build.directory` in `dagster_cloud.yaml`, or the `context` setting.",
        )
    if not dockerfile.is_file():
        if not recipe.generate:
            raise DockerfileMissing(
                f"{recipe.location} has no Dockerfile at `{recipe.dockerfile}`.",
                detail=f"One that would do:\n\n{generated_dockerfile(folder, recipe.base_image)}",
            )
        dockerfile = work / "Dockerfile"
        dockerfile.write_text(generated_dockerfile(folder, recipe.base_image), encoding="utf-8")
    elif dockerfile.stat().st_size > MOST_DOCKERFILE_BYTES:
        raise ContextTooLarge(f"`{recipe.dockerfile}` is larger than a megabyte.")
    size = _size(folder, _left_out(folder, dockerfile), most_bytes)
    return Context(folder, dockerfile, size)


def _left_out(folder: Path, dockerfile: Path) -> list[str]:
    """Return the patterns of `.dockerignore`; one beside the Dockerfile wins, as in BuildKit."""
    for path in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), folder / ".dockerignore"):
        if path.is_file() and path.stat().st_size <= MOST_DOCKERFILE_BYTES:
            lines = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff").splitlines()
            return [line.strip() for line in lines if line.strip() and line[0] != "#"]
    return []


def _size(folder: Path, patterns: list[str], most_bytes: float) -> int:
    from docker.utils.build import PatternMatcher  # noqa: PLC0415  # the SDK is slow to import

    total = 0
    for files, path in enumerate(PatternMatcher(patterns).walk(str(folder)), start=1):
        total += os.lstat(folder / path).st_size
        if total > most_bytes:
            raise ContextTooLarge(f"The build context has more than {most_bytes / 1e6:,.0f} MB.")
        if files > MOST_FILES:
            raise ContextTooLarge(f"The build context has more than {MOST_FILES:,} files.")
    return total
