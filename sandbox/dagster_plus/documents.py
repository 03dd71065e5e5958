"""Location documents: checked as Dagster+ checks them, and the form that the agent is given."""

import json
from collections.abc import Mapping
from typing import Any

CODE_SOURCES = ("python_file", "package_name", "module_name", "autoload_defs_module_name")


class InvalidDocumentError(Exception):
    """A location document that Dagster+ refuses; `errors` holds its sentences."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def check_location_document(document: object) -> dict[str, Any]:
    """Return the document of one location, or raise InvalidDocumentError.

    Dagster's own schema decides (`dagster_cloud.workspace.config_schema`): it knows every key,
    refuses unknown ones such as `build`, and asks for exactly one code source.
    """
    # Dagster takes half a second to import; a process that never checks one shouldn't pay for it.
    from dagster_cloud.workspace.config_schema import (  # noqa: PLC0415
        validate_workspace_location,
    )

    if not isinstance(document, dict):
        raise InvalidDocumentError(["A location document must be a mapping."])
    errors: list[str] = validate_workspace_location(document) or []
    if errors:
        raise InvalidDocumentError(errors)
    return dict(document)


def check_locations_document(document: object) -> list[dict[str, Any]]:
    """Return the documents in `{"locations": [...]}`, or raise InvalidDocumentError."""
    if not isinstance(document, dict) or not isinstance(document.get("locations"), list):
        raise InvalidDocumentError(['The document must be of the form {"locations": [...]}.'])
    unknown = sorted(set(document) - {"locations"})
    if unknown:
        raise InvalidDocumentError([f"Unknown entries beside locations: {', '.join(unknown)}."])
    checked = [check_location_document(location) for location in document["locations"]]
    names = [location["location_name"] for location in checked]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidDocumentError([f"Location named more than once: {', '.join(twice)}."])
    return checked


def serialized_deployment_metadata(document: Mapping[str, Any]) -> str:
    """The document as `serializedDeploymentMetadata`, Dagster's stored `CodeDeploymentMetadata`."""
    return json.dumps(deployment_metadata(document))


def deployment_metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the fields of `CodeDeploymentMetadata`."""
    source = document["code_source"]
    return {
        "__class__": "CodeDeploymentMetadata",
        **{key: source.get(key) for key in CODE_SOURCES},
        "agent_queue": document.get("agent_queue"),
        "attribute": document.get("attribute"),
        "cloud_context_env": {},
        "container_context": document.get("container_context") or {},
        "defs_state_info": _defs_state_info(document.get("defs_state_info")),
        "executable_path": document.get("executable_path"),
        "git_metadata": _git_metadata(document.get("git")),
        "image": document.get("image"),
        "pex_metadata": _pex_metadata(document.get("pex_metadata")),
        "working_directory": document.get("working_directory"),
    }


def same_version(reported: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether an agent's report is of the code that the document names."""
    wanted = deployment_metadata(document)
    fields = (*CODE_SOURCES, "image", "working_directory", "git_metadata", "pex_metadata")
    return all(reported.get(key) == wanted[key] for key in fields)


def display_metadata(document: Mapping[str, Any], image: str | None) -> list[dict[str, str]]:
    """What a location shows of itself: its image as its code server said, and its source."""
    shown: dict[str, str | None] = {"image": image}
    shown |= {key: document["code_source"].get(key) for key in CODE_SOURCES}
    shown["working_directory"] = document.get("working_directory")
    git = document.get("git") or {}
    shown["commit_hash"] = git.get("commit_hash")
    shown["url"] = git.get("url")
    return [{"key": key, "value": value} for key, value in shown.items() if value]


def _git_metadata(git: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if git is None:
        return None
    always = {"commit_hash": git.get("commit_hash"), "url": git.get("url")}
    when_set = ("repo_owner", "repo_name", "base_branch", "defs_base_path", "provider")
    return {
        "__class__": "GitMetadata",
        **always,
        **{key: git[key] for key in when_set if git.get(key) is not None},
    }


def _pex_metadata(pex: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if pex is None:
        return None
    return {
        "__class__": "PexMetadata",
        "pex_tag": pex["pex_tag"],
        "python_version": pex.get("python_version"),
    }


def _defs_state_info(info: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if info is None:
        return None
    return {
        "__class__": "DefsStateInfo",
        "info_mapping": {
            key: value and {"__class__": "DefsKeyStateInfo", **value}
            for key, value in info["info_mapping"].items()
        },
    }
