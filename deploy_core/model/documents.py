"""Location documents: what git says, what is live, what we sent last, and what to send now."""

from pydantic import JsonValue

from deploy_core.model.plan import Document, FieldChange, Version

REPLACED_WHOLE = ("code_source", "image", "pex_metadata", "git")
"""Keys of which no part survives: half of one code source and half of another is neither."""

CODE_SOURCES = ("module_name", "package_name", "python_file", "autoload_defs_module_name")
"""Keys of a code source that say where the definitions are: exactly one of them."""

PACKAGE = "package_name"
"""The code source that names the package of code that is to be written."""

_ABSENT: JsonValue = None


def merge_documents(
    *, applied: Document | None, live: Document | None, wanted: Document
) -> Document:
    """Return the document to send: a three-way merge per field.

    `applied` is what the file said when we deployed last, `live` is what Dagster+ has now and
    `wanted` is what the file says now. A field that the file lost since `applied` goes; a field
    that only ever lived in Dagster+ stays; where the file says something, the file wins.
    """
    if live is None:
        return clean(wanted)
    merged = _merge(applied or {}, live, wanted)
    for key in REPLACED_WHOLE:
        if wanted.get(key) is not None:
            merged[key] = wanted[key]
        else:
            merged.pop(key, None)
    return clean(merged)


def _merge(applied: Document, live: Document, wanted: Document) -> Document:
    merged: Document = {}
    for key in [*live, *(key for key in wanted if key not in live)]:
        before, now, after = applied.get(key), live.get(key), wanted.get(key)
        if isinstance(now, dict) and isinstance(after, dict):
            merged[key] = _merge(before if isinstance(before, dict) else {}, now, after)
        elif after is not None:
            merged[key] = after
        elif before is None:
            merged[key] = now
        elif isinstance(before, dict) and isinstance(now, dict):
            rest = _merge(before, now, {})
            if rest:
                merged[key] = rest
    return merged


def clean(document: Document) -> Document:
    """Return the document without fields that are null or empty objects, which say nothing."""
    kept: Document = {}
    for key, value in document.items():
        said = clean(value) if isinstance(value, dict) else value
        if said is not None and said != {}:
            kept[key] = said
    return kept


def diff_documents(before: Document, after: Document) -> tuple[FieldChange, ...]:
    """Return the fields that differ, by dotted path, in the order of their paths."""
    old, new = _flat(before), _flat(after)
    return tuple(
        FieldChange(path=path, before=old.get(path, _ABSENT), after=new.get(path, _ABSENT))
        for path in sorted(old.keys() | new.keys())
        if old.get(path, _ABSENT) != new.get(path, _ABSENT)
    )


def _flat(document: Document, prefix: str = "") -> dict[str, JsonValue]:
    flat: dict[str, JsonValue] = {}
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{path}."))
        elif value is not None:
            flat[path] = value
    return flat


def same_code(live: Document, wanted: Document) -> bool:
    """Tell whether both run the same code in the same way, whatever commit they name. Only an image
    by digest or PEX files say what the code is; a tag or a folder may have got another content."""
    image = live.get("image")
    named = (isinstance(image, str) and "@sha256:" in image) or bool(live.get("pex_metadata"))
    return named and {**live, "git": None} == {**wanted, "git": None}


def version_of(document: Document) -> Version:
    """Return what the document says about the version of the code."""
    git = document.get("git")
    commit = git.get("commit_hash") if isinstance(git, dict) else None
    url = git.get("url") if isinstance(git, dict) else None
    image = document.get("image")
    return Version(
        image=image if isinstance(image, str) else None,
        commit=commit if isinstance(commit, str) else None,
        git_url=url if isinstance(url, str) else None,
    )


def with_image(document: Document, image: str) -> Document:
    """Return the live document with another image; the commit in it no longer holds."""
    changed = {key: value for key, value in document.items() if key not in {"git", "pex_metadata"}}
    changed["image"] = image
    return clean(changed)
