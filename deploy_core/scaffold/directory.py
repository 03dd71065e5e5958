"""A new code location's own directory in a project's repository: its files and its entry."""

from dataclasses import replace

from deploy_core.artifacts.pex_plans import DEFAULT_PYTHON as PEX_PYTHON
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.model.documents import CODE_SOURCES, PACKAGE, clean
from deploy_core.model.errors import ProjectOptionInvalid
from deploy_core.model.plan import Document
from deploy_core.model.proposals import ProposalRequest
from deploy_core.policy import project_named
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.scaffold.options import AgentKind, ProjectOptions, SharedPackage
from deploy_core.settings import CoreSettings, ProjectSettings


async def with_new_directory(
    request: ProposalRequest,
    settings: CoreSettings,
    maker: ProjectMaker,
    facts: ServerlessFacts,
) -> ProposalRequest:
    """Return the request with the files of a directory that has the location's name, and with an
    entry that names it.

    Raises `UnknownProject`, `ProjectOptionInvalid` for what doesn't fit new code, what
    `ProjectMaker.make` raises, and `DagsterPlusError`.
    """
    project = project_named(settings, request.project)
    serverless = await facts.serverless(request.deployment)
    image = maker.settings.image
    options = options_of(request.entry, project, serverless=serverless, image=image)
    files = await maker.make(options)
    return request.model_copy(
        update={"entry": entry_of(request.entry, options, project), "files": files}
    )


def options_of(
    said: Document, project: ProjectSettings, *, serverless: bool, image: str | None = None
) -> ProjectOptions:
    """Return what the directory is made from; `image` is the configuration's, with `{location}`.

    Raises `ProjectOptionInvalid`.
    """
    name = str(said["location_name"])
    source = said.get("code_source")
    known = {kind for kind in CODE_SOURCES if isinstance(source, dict) and source.get(kind)}
    if known - {PACKAGE}:
        raise ProjectOptionInvalid(
            "A new directory brings its own definitions, so it can't be said where they are.",
            next_step="Leave that out; only the new package's name can be said.",
        )
    if said.get("image"):
        raise ProjectOptionInvalid(
            "An image that is there already can't have the code of a new directory.",
            next_step="Leave the image out, and say where new ones go with `--registry`.",
        )
    shared = project.shared
    package = source.get(PACKAGE) if isinstance(source, dict) else None
    options = ProjectOptions(
        location=name,
        agent=AgentKind.SERVERLESS if serverless else AgentKind.HYBRID,
        package=package if isinstance(package, str) else "",
        directory=name,
        shared=None if shared is None else SharedPackage(shared.name, shared.directory),
    )
    if serverless:
        return replace(options, python=project.pex.python or PEX_PYTHON)
    build = said.get("build")
    registry = build.get("registry") if isinstance(build, dict) else None
    if not registry and project.artifact != "source" and image is not None:
        registry = image.replace("{location}", name.lower())
    if not registry and project.artifact != "source":
        raise ProjectOptionInvalid(
            f"On a Hybrid deployment {name} is an image, and it isn't said where that is pushed.",
            next_step="Say it with `--registry`, as `--registry ghcr.io/acme/shop`.",
        )
    return replace(options, image=str(registry or ""), builds_image=bool(registry))


def entry_of(said: Document, options: ProjectOptions, project: ProjectSettings) -> Document:
    """Return the item of `locations` for the directory: what is said, and where the code is. A
    checkout is run in the directory, anything else is built from it."""
    found = said.get("build")
    build: Document = dict(found) if isinstance(found, dict) else {}
    entry: Document = {
        "location_name": options.location,
        "code_source": {"module_name": f"{options.package_name}.definitions"},
    }
    if project.artifact == "source":
        entry["working_directory"] = options.directory
    if project.artifact != "source" or build:
        registry = {"registry": options.image} if options.image else {}
        build = {"directory": options.directory, **registry, **build}
    rest = {key: value for key, value in said.items() if key not in {"code_source", "build"}}
    return clean({**entry, "build": build, **rest})
