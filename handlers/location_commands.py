"""What a person can ask about a single code location and its document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from deploy_core.model.documents import CODE_SOURCES
from deploy_core.model.errors import UsageError
from deploy_core.model.people import Actor
from deploy_core.model.plan import Document
from deploy_core.model.proposals import ProposalRequest
from deploy_core.sources.location_fields import read_context


@dataclass(frozen=True)
class AddLocation:
    """Add a location, or update it: `document` is what is said of it. With `project` it goes into
    that project's repository, and `build` may be in the document; with `new` in a directory that is
    written for it."""

    document: Document
    deployment: str | None = None
    why: str | None = None
    project: str | None = None
    new: bool = False

    @property
    def name(self) -> str:
        """The location's name."""
        return str(self.document.get("location_name", ""))

    def request(self, deployment: str, actor: Actor) -> ProposalRequest:
        """Return what is asked of the project's repository."""
        return ProposalRequest(
            project=self.project or "",
            location=self.name,
            deployment=deployment,
            entry=dict(self.document),
            actor=actor,
            why=self.why,
        )


@dataclass(frozen=True)
class OpenAddForm:
    """`add-location` without a name, or without the place of the definitions: open the form,
    filled in with what was typed."""

    document: Document = field(default_factory=dict)
    deployment: str | None = None
    why: str | None = None
    project: str | None = None
    new: bool = False

    @property
    def name(self) -> str:
        """The location's name, empty where none was typed."""
        return str(self.document.get("location_name", ""))


@dataclass(frozen=True)
class EditLocation:
    """Open the form of a location, filled from what is live."""

    name: str
    deployment: str | None = None


@dataclass(frozen=True)
class RemoveLocation:
    """Show what would go with a location, and ask for its name."""

    name: str
    deployment: str | None = None


@dataclass(frozen=True)
class RestoreLocation:
    """Deploy a removed location as it was."""

    name: str
    deployment: str | None = None
    why: str | None = None


def each_deployment(said: str) -> tuple[str, ...]:
    """Return the deployments of `prod,staging`, each once."""
    return tuple(dict.fromkeys(name for name in said.split(",") if name))


@dataclass(frozen=True)
class Adopt:
    """Write what is live of a location into a project's file; with `update` over what the file
    says of it."""

    name: str
    project: str
    deployment: str | None = None
    update: bool = False
    why: str | None = None


ADD_OPTIONS: Final = {
    "module": "module_name",
    "package": "package_name",
    "file": "python_file",
    "autoload-module": "autoload_defs_module_name",
    "image": "image",
    "attribute": "attribute",
    "working-directory": "working_directory",
    "executable": "executable_path",
    "queue": "agent_queue",
}
"""The options of `add-location`, with the key of the document that each is; those that say where
the definitions are stand below `code_source`."""


IN: Final = "in"
"""The option of `add-location` that names a project."""

BUILD_OPTIONS: Final = {"build-directory": "directory", "registry": "registry"}
"""The options of `add-location` that stand below `build`, for a project only."""

CONTEXT: Final = "container-context"
"""The option of `add-location` that has the settings of the platform, as YAML on one line."""

MOST_CONTEXT: Final = 1_500
"""Characters of such settings, written as JSON: a button's value has little more room."""

NEW: Final = "new"
"""The option of `add-location` that has a new directory written; it has no value."""

ONLY_IN_A_PROJECT: Final = "What is built, or new, stands in a project: say which one with --in."


def said_document(name: str, options: Mapping[str, str]) -> Document:
    """Return the document that the options of `add-location` make. Raises `UsageError` for a
    container context that can't be used."""
    document: Document = {"location_name": name} if name else {}
    source: Document = {}
    for option, key in ADD_OPTIONS.items():
        if option in options:
            (source if key in CODE_SOURCES else document)[key] = options[option]
    if source:
        document["code_source"] = source
    if CONTEXT in options and (context := read_context(options[CONTEXT])):
        if len(_one_line(context)) > MOST_CONTEXT:
            raise UsageError(
                f"The container context is longer than {MOST_CONTEXT:,} characters.",
                next_step="Write it into the form that `add-location` opens, or into a project.",
            )
        document["container_context"] = context
    build: Document = {
        key: options[option] for option, key in BUILD_OPTIONS.items() if option in options
    }
    return {**document, "build": build} if build else document


def options_of(document: Document) -> dict[str, str]:
    """Return what the options of `add-location` can say of a document; a container context that is
    too long for them, or has characters that can't be typed, is left out."""
    source = document.get("code_source")
    flat = {**document, **(source if isinstance(source, dict) else {})}
    values = {option: flat.get(key) for option, key in ADD_OPTIONS.items()}
    build = document.get("build")
    if isinstance(build, dict):
        values |= {option: build.get(key) for option, key in BUILD_OPTIONS.items()}
    context = document.get("container_context")
    if context and len(line := _one_line(context)) <= MOST_CONTEXT:
        values[CONTEXT] = line if line.isprintable() else None
    return {option: value for option, value in values.items() if isinstance(value, str)}


def _one_line(context: JsonValue) -> str:
    return json.dumps(context, ensure_ascii=False)
