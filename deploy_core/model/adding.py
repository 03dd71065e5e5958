"""A code location that is in no project, as a person says it: its document, and what can't be."""

import re
from typing import Final

from deploy_core.model.documents import CODE_SOURCES, REPLACED_WHOLE, clean
from deploy_core.model.errors import CodeSourceInvalid, LocationNameInvalid
from deploy_core.model.plan import Document

NOT_SAID: Final = ("git", "pex_metadata", "pex_bundle", "defs_state_info")
"""Keys of a document that are made when code is built and deployed."""

MOST_NAME: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def require_name(name: str) -> None:
    """Raise `LocationNameInvalid` for a name that a new location can't have: it stands in
    addresses, in commands and in the names of containers."""
    if len(name) > MOST_NAME:
        raise LocationNameInvalid(
            f"The name has {len(name)} characters; at most {MOST_NAME} can be used.",
            next_step="Choose a shorter one.",
        )
    if not _NAME.fullmatch(name) or ".." in name:
        raise LocationNameInvalid(f"A new code location can't be named “{name}”.")


def require_code_source(document: Document) -> None:
    """Raise `CodeSourceInvalid` unless it is said once where the definitions are."""
    source = document.get("code_source")
    said = [name for name in CODE_SOURCES if isinstance(source, dict) and source.get(name)]
    if not said:
        raise CodeSourceInvalid("Nothing says where the definitions of the code location are.")
    if len(said) > 1:
        raise CodeSourceInvalid(
            f"Two places are said for the definitions: {said[0]} and {said[1]}."
        )


def with_said(live: Document, said: Document) -> Document:
    """Return the live document with what is said over it; what isn't said stays as it is. The
    commit and the PEX files that it names don't outlast another image."""
    merged = said_over(live, said)
    if "image" in said:
        merged.pop("pex_metadata", None)
        if said["image"] != live.get("image"):
            merged.pop("git", None)
    return clean(merged)


def in_place_of(live: Document, said: Document) -> Document:
    """Return what is said in the place of the live document. Only what no person says stays: the
    commit and the PEX files, while the image is the same."""
    same = said.get("image") == live.get("image")
    kept: Document = {key: live[key] for key in NOT_SAID if key in live} if same else {}
    return clean({**kept, **said})


def said_over(live: Document, said: Document) -> Document:
    """Return a document with another over it, mapping by mapping; where the definitions are is
    replaced whole."""
    merged = dict(live)
    for key, value in said.items():
        before = merged.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and key not in REPLACED_WHOLE:
            merged[key] = said_over(before, value)
        else:
            merged[key] = value
    return merged
