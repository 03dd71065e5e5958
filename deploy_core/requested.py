"""What Dagster+ is asked to run, made comparable.

`workspaceEntries` repeats what was requested last, by whomever: it proves nothing about what is
loaded, but it shows when somebody else has changed the location.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from deploy_core.dagster_plus.values import Deployed
from deploy_core.model.documents import CODE_SOURCES, clean
from deploy_core.model.plan import Document, short_hash

_SAME_NAMES = (
    "image",
    "working_directory",
    "executable_path",
    "attribute",
    "agent_queue",
    "container_context",
)
"""Keys that are called the same in a document and in what is stored of it."""

_CLASS = "__class__"
"""A key of Dagster's that says what a stored mapping is."""


def fingerprint(deployed: Deployed) -> str:
    """Return sixteen hex digits that change whenever the request changes."""
    return short_hash(clean(dict(deployed.metadata)))


def document_of(deployed: Deployed) -> Document:
    """Return the request as a location document, in the names that those have."""
    stored = dict(deployed.metadata)
    document: Document = {"location_name": deployed.location}
    document["code_source"] = {key: stored.get(key) for key in CODE_SOURCES}
    document |= {key: stored.get(key) for key in _SAME_NAMES}
    for key, of in (("git", "git_metadata"), ("pex_metadata", "pex_metadata")):
        said = stored.get(of)
        if isinstance(said, dict):
            document[key] = {name: value for name, value in said.items() if name != _CLASS}
    return clean(document)


def asks_for(deployed: Deployed, document: Document) -> bool:
    """Return True when the request is for the version and the code of this document.

    Only what names them is compared; Dagster+ may complete or reorder the rest.
    """
    metadata, source = deployed.metadata, document.get("code_source")
    wanted: Mapping[str, JsonValue] = source if isinstance(source, dict) else {}
    same_code = all(_same(metadata.get(key), wanted.get(key)) for key in CODE_SOURCES)
    git, pex = document.get("git"), document.get("pex_metadata")
    return (
        same_code
        and _same(deployed.image, document.get("image"))
        and _same(deployed.commit, git.get("commit_hash") if isinstance(git, dict) else None)
        and _same(deployed.pex_tag, pex.get("pex_tag") if isinstance(pex, dict) else None)
        and _same(metadata.get("working_directory"), document.get("working_directory"))
    )


def _same(one: JsonValue, other: JsonValue) -> bool:
    return (one or None) == (other or None)
