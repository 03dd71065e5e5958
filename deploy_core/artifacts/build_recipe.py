"""What is built: the paths of Dockerfile and context, and the options for one location."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy_core.model.errors import BuildNeeded, UnsafePath
from deploy_core.model.plan import short_hash
from deploy_core.settings import BuildOptions, ProjectSettings, SecretSource
from deploy_core.sources.git_process import run_git
from deploy_core.sources.paths import inside

KEY_VERSION = 1
"""Part of every content key; raised when the same inputs would give another image."""

SERVERLESS_PLATFORM = "linux/amd64"

_LOOK_UP_SECONDS = 60.0


@dataclass(frozen=True)
class Recipe:
    """How one location's image is built. Paths are in git's form from the top of the repository.

    `generate` is true where a Dockerfile is written if there is none.
    """

    location: str
    repository: str
    context: str
    dockerfile: str
    target: str | None = None
    args: Mapping[str, str | SecretSource] = field(default_factory=dict)
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    platform: str | None = None
    cache_from: tuple[str, ...] = ()
    cache_to: str | None = None
    timeout: float | None = None  # minutes
    generate: bool = False
    base_image: str = "python:3.11-slim"

    @property
    def paths(self) -> tuple[str, str, str]:
        """What decides the content: the context, the Dockerfile, and its own list of what to
        leave out (https://docs.docker.com/build/concepts/context/#filename-and-location)."""
        return self.context, self.dockerfile, f"{self.dockerfile}.dockerignore"


def recipe_for(
    location: str,
    directory: str | None,
    registry: str | None,
    settings: ProjectSettings,
    *,
    serverless: bool = False,
) -> Recipe:
    """Return how the location's image is built, from `build` of its file and our settings.

    Dagster's own agents run on `linux/amd64`, and a project for them may have no Dockerfile.

    Raises `UnsafePath` for a path that leaves the repository, `BuildNeeded` without a registry.
    """
    if not registry:
        raise BuildNeeded(
            f"{location} has no `build.registry` to push its image to.",
            next_step="Add `build.registry` to the location in `dagster_cloud.yaml`.",
        )
    options = merged(settings.build, settings.build_for.get(location, BuildOptions()))
    base = inside(directory or ".")
    context = _below(base, options.context or ".")
    return Recipe(
        location=location,
        repository=registry,
        context=context,
        dockerfile=_below(base, options.dockerfile or "Dockerfile"),
        target=options.target,
        args=options.args,
        secrets=options.secrets,
        platform=options.platform or (SERVERLESS_PLATFORM if serverless else None),
        cache_from=options.cache_from,
        cache_to=options.cache_to,
        timeout=options.timeout,
        generate=serverless if options.generate_dockerfile is None else options.generate_dockerfile,
        base_image=options.base_image or f"python:{options.python or '3.11'}-slim",
    )


def merged(project: BuildOptions, location: BuildOptions) -> BuildOptions:
    """Return the project's options with the location's put over them, key by key."""
    said = location.model_dump(exclude_unset=True, exclude_none=True)
    changes = {name: getattr(location, name) for name in said}
    for name in ("args", "secrets"):
        changes[name] = {**getattr(project, name), **getattr(location, name)}
    return project.model_copy(update=changes)


def content_key(recipe: Recipe, object_ids: Mapping[str, str | None]) -> str:
    """Return 16 hex digits that are the same exactly when the same image would be built.

    `object_ids` has git's ids of `recipe.paths`, None for what isn't there. A secret counts by
    where it comes from, not by its value: a new password doesn't make a new image. A changed base
    image isn't seen; that is what building again by hand is for.
    """
    facts = {
        "version": KEY_VERSION,
        "objects": [object_ids.get(path) for path in recipe.paths],
        "dockerfile": posixpath.relpath(f"/{recipe.dockerfile}", f"/{recipe.context}"),
        "generate": recipe.base_image if recipe.generate else None,
        "target": recipe.target,
        "args": {k: v if isinstance(v, str) else v.model_dump() for k, v in recipe.args.items()},
        "secrets": {name: source.model_dump() for name, source in recipe.secrets.items()},
        "platform": recipe.platform,
    }
    return short_hash(facts)


async def object_ids(git_dir: Path, sha: str, paths: tuple[str, ...]) -> dict[str, str | None]:
    """Return git's ids of trees and files at a commit, None for what isn't there.

    Raises `GitFailed`, `GitUnreachable` if git itself can't be run.
    """
    asked = "".join(f"{sha}:{path}\n" for path in paths)
    done = await run_git(
        [f"--git-dir={git_dir}", "cat-file", "--batch-check=%(objectname) %(objecttype)"],
        folder=git_dir,
        seconds=_LOOK_UP_SECONDS,
        stdin=asked.encode(),
    )
    lines = done.output.decode("utf-8", "replace").splitlines()
    ids = [line.split(" ")[0] if line.endswith((" tree", " blob")) else None for line in lines]
    return dict(zip(paths, ids, strict=True))


def _below(base: str, path: str) -> str:
    """A leading `/` means the top of the repository; `..` may climb, but not out of it."""
    joined = path.lstrip("/") if path.startswith("/") else posixpath.join(base, path)
    if posixpath.normpath(f"/x/{joined}").split("/")[1:2] != ["x"]:
        raise UnsafePath(f"The path `{path}` leads out of the repository.")
    return inside(posixpath.normpath(joined or "."))
