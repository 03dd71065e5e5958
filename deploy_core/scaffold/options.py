"""What a new project is made from, and what can't be."""

import keyword
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.model.adding import require_name
from deploy_core.model.errors import (
    DeployError,
    ImageNameInvalid,
    LocationNameInvalid,
    PackageNameInvalid,
    ProjectOptionInvalid,
)
from deploy_core.scaffold.registries import Registry, ecr_region, registry_of

MOST_PACKAGE: Final = 60
MOST_TEXT: Final = 200
DEFAULT_PYTHON: Final = "3.12"
PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The versions that Dagster 1.13 runs on (`Requires-Python: <3.15,>=3.10`)."""
GITLAB_PEX_PYTHONS: Final = ("3.10", "3.11", "3.12")
"""Those that build PEX files in Dagster's image for GitLab CI, `dagster-cloud-action` 1.13.7."""

_PACKAGE: Final = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN: Final = frozenset({"dagster", "dagster_cloud", "tests", "test", "build", "dist"})
_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_DEPLOYMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_DIRECTORY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class AgentKind(StrEnum):
    """Who runs the code: an agent of the team's own, or Dagster."""

    HYBRID = "hybrid"
    SERVERLESS = "serverless"


class Ci(StrEnum):
    """The CI that deploys a new repository."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True)
class SharedPackage:
    """The package that the projects of a monorepo share: its distribution's name, and its folder
    from the repository's root."""

    name: str
    directory: str


@dataclass(frozen=True)
class ProjectOptions:
    """What a new project is like.

    `package` is made from the location's name where it isn't said. With `directory` it is only a
    new directory of a monorepo, which may need the repository's `shared` package; without it a
    whole repository. `image` is where the images of a Hybrid project go, without a tag; the kind
    of its `registry` is told from its host where it isn't said. A Hybrid directory whose code an
    agent runs from a checkout has no image: `builds_image` is false.
    """

    location: str
    agent: AgentKind
    ci: Ci = Ci.GITHUB
    package: str = ""
    organization: str = ""
    deployment: str = "prod"
    image: str = ""
    registry: Registry | None = None
    python: str = DEFAULT_PYTHON
    queue: str = ""
    directory: str = ""
    shared: SharedPackage | None = None
    builds_image: bool = True

    @property
    def package_name(self) -> str:
        """The Python package, as said or made from the location's name."""
        return self.package or package_of(self.location)

    @property
    def registry_kind(self) -> Registry | None:
        """The kind of the registry, as said or told from the image's host."""
        return self.registry or (registry_of(self.image) if self.image else None)


def package_of(location: str) -> str:
    """Return the name of the Python package for a location's name; it may still be one that Python
    can't have."""
    return re.sub(r"[^a-z0-9]+", "_", location.lower()).strip("_")


def problems_of(options: ProjectOptions) -> dict[str, DeployError]:
    """Return what is wrong, by the option's name, at most one thing for each."""
    found: dict[str, DeployError] = {}
    for name, check in (
        ("location", _location),
        ("package", _package),
        ("organization", _organization),
        ("deployment", _deployment),
        ("image", _image),
        ("registry", _registry),
        ("python", _python),
        ("queue", _queue),
        ("directory", _directory),
        ("shared", _shared),
    ):
        problem = check(options)
        if problem is not None:
            found[name] = problem
    if "location" in found and not options.package:
        found.pop("package", None)  # it follows from the location's name
    if "image" in found:
        found.pop("registry", None)
    return found


def require_valid(options: ProjectOptions) -> None:
    """Raise the first thing that is wrong: `LocationNameInvalid`, `PackageNameInvalid`,
    `ImageNameInvalid` or `ProjectOptionInvalid`."""
    for problem in problems_of(options).values():
        raise problem


def _location(options: ProjectOptions) -> DeployError | None:
    try:
        require_name(options.location)
    except LocationNameInvalid as error:
        return error
    return None


def _package(options: ProjectOptions) -> DeployError | None:
    name = options.package_name
    if len(name) > MOST_PACKAGE:
        return PackageNameInvalid(
            f"The package's name has {len(name)} characters; at most {MOST_PACKAGE} can be used.",
            next_step="Say a shorter one with --package.",
        )
    if not _PACKAGE.fullmatch(name) or name.endswith("_"):
        return PackageNameInvalid(f"A Python package can't be named “{name}”.")
    if keyword.iskeyword(name):
        return PackageNameInvalid(f"“{name}” is a word of Python itself; say another --package.")
    if name in _TAKEN or name in sys.stdlib_module_names:
        return PackageNameInvalid(
            f"A package named “{name}” would stand in the way of another one of that name.",
            next_step="Say another one with --package.",
        )
    return None


def _organization(options: ProjectOptions) -> DeployError | None:
    if options.directory or _ORGANIZATION.fullmatch(options.organization):
        return None
    if not options.organization:
        return ProjectOptionInvalid(
            "The organisation of Dagster+ isn't known.",
            next_step="Say its name, `acme` for `https://acme.dagster.cloud`.",
        )
    return ProjectOptionInvalid(
        f"“{options.organization[:60]}” can't be an organisation's name in Dagster+."
    )


def _deployment(options: ProjectOptions) -> DeployError | None:
    if _DEPLOYMENT.fullmatch(options.deployment):
        return None
    return ProjectOptionInvalid(f"“{options.deployment[:60]}” can't be a deployment's name.")


def _image(options: ProjectOptions) -> DeployError | None:
    if options.agent is AgentKind.HYBRID and options.builds_image:
        return _image_name(options.image)
    if not options.image:
        return None
    return ProjectOptionInvalid(
        "A Serverless project has no image of its own: its code is sent as PEX files.",
        next_step="Leave the image out.",
    )


def _image_name(image: str) -> DeployError | None:
    if not image:
        return ProjectOptionInvalid(
            "A Hybrid project is an image, and it isn't said where that is pushed to.",
            next_step="Say it with `--image`, as `--image ghcr.io/acme/shop`.",
        )
    if "://" in image:
        return ImageNameInvalid(
            f"The image `{image[:200]}` begins with a scheme.",
            next_step="Leave the scheme out: `ghcr.io/acme/shop`.",
        )
    try:
        ref = parse_image_ref(image)
    except ImageNameInvalid as error:
        return error
    if ref.tag is None and ref.digest is None:
        return None
    return ImageNameInvalid(
        f"The image `{image[:200]}` has a tag or a digest; each build makes its own.",
        next_step=f"Write it as `{ref.name}`.",
    )


def _registry(options: ProjectOptions) -> DeployError | None:
    if options.agent is AgentKind.SERVERLESS or not options.image:
        return None
    kind = options.registry_kind
    if kind is None and options.directory:
        return None  # nobody logs in to it: the repository's CI is there already
    if kind is None:
        kinds = ", ".join(f"`{each}`" for each in Registry)
        return ProjectOptionInvalid(
            f"The kind of the registry of `{options.image[:200]}` can't be told from its name.",
            next_step=f"Say it with `--registry`: {kinds}.",
        )
    if kind is Registry.ECR and ecr_region(options.image) is None:
        return ProjectOptionInvalid(
            f"`{options.image[:200]}` isn't in a registry of AWS ECR.",
            next_step="Write it as `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.",
        )
    return None


def _python(options: ProjectOptions) -> DeployError | None:
    if options.python not in PYTHONS:
        return ProjectOptionInvalid(
            f"Python {options.python[:20]} isn't one that Dagster runs on.",
            next_step=f"Choose one of {', '.join(PYTHONS)}.",
        )
    on_gitlab = options.ci is Ci.GITLAB and not options.directory
    pex = options.agent is AgentKind.SERVERLESS
    if pex and on_gitlab and options.python not in GITLAB_PEX_PYTHONS:
        return ProjectOptionInvalid(
            f"Dagster's image for GitLab CI can't build PEX files for Python {options.python}.",
            next_step=f"Choose one of {', '.join(GITLAB_PEX_PYTHONS)}.",
        )
    return None


def _queue(options: ProjectOptions) -> DeployError | None:
    queue = options.queue
    if not queue:
        return None
    if options.agent is AgentKind.SERVERLESS:
        return ProjectOptionInvalid(
            "A Serverless deployment has no agent queues.", next_step="Leave the queue out."
        )
    if len(queue) > MOST_TEXT or not queue.isprintable() or queue != queue.strip():
        return ProjectOptionInvalid(f"“{queue[:60]}” can't be the name of an agent queue.")
    return None


def _directory(options: ProjectOptions) -> DeployError | None:
    return _folder(options.directory) if options.directory else None


def _shared(options: ProjectOptions) -> DeployError | None:
    shared = options.shared
    if shared is None:
        return None
    if not options.directory:
        return ProjectOptionInvalid("Only a directory in a repository can need a shared package.")
    if not _DISTRIBUTION.fullmatch(shared.name):
        return ProjectOptionInvalid(f"“{shared.name[:60]}” can't be the name of a package.")
    return _folder(shared.directory)


def _folder(path: str) -> DeployError | None:
    if len(path) <= MOST_TEXT and _DIRECTORY.fullmatch(path) and ".." not in path:
        return None
    return ProjectOptionInvalid(
        f"“{path[:60]}” can't be the directory of a project.",
        next_step="Write it from the repository's root, with letters, digits and `_ - . /`.",
    )
