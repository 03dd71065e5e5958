"""What Dagster's own packages make of a `dagster_cloud.yaml`, and where we differ knowingly."""

from typing import Any

from dagster_cloud.workspace.config_schema import (
    process_workspace_config,
    validate_workspace_location,
)
from dagster_cloud_cli.config.merger import DagsterCloudConfigDefaultsMerger
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from dagster_shared.check import CheckError
from dagster_shared.utils import remove_none_recursively
from dagster_shared.yaml_utils import safe_load_yaml
from pydantic import ValidationError
from yaml import YAMLError

from deploy_core.model.errors import FileInvalid
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml

Verdict = list[tuple[Any, Any]] | str
"""Documents with their builds, or why the file is refused."""

_REFUSALS = (
    ValidationError,
    CheckError,
    YAMLError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)

STRICTER = {
    "duplicate_key": "is already given on line",
    "key_not_text": "isn't text; write it in quotes",
    "not_json": "isn't a number that JSON can carry",
    "byte_order_mark": "the character U+FEFF isn't allowed",
    "odd_tag": "isn't allowed; write plain YAML",
    "template": "this looks like a template",
    "blank_name": "must be one line that isn't empty",
    "too_much": "nested more than|holds more than",
}
"""What we refuse and Dagster lets pass, by our sentence."""

LOOSER = {
    "equals_in_default_variable": "Invalid key-value pair",
    "name_from_environment": "unhashable type",
    "tab_between_words": "found character '\\t' that cannot start any token",
    "older_form": "locations\n  Input should be a valid list",
}
"""What we take and Dagster doesn't, by its sentence. Tabs: our parser is libyaml, theirs isn't."""


def ours(text: str) -> Verdict:
    """Return what we make of the text."""
    try:
        found = parse_dagster_cloud_yaml(text, path="f")
    except FileInvalid as invalid:
        return invalid.detail
    return [(one.document, _build(one.build)) for one in found]


def dagsters(text: str, merger: Any = None) -> Verdict:
    """Return what Dagster makes of it: its models, its merger, and the server's own schema."""
    try:
        merged = (merger or DagsterCloudConfigDefaultsMerger()).process(
            load_dagster_cloud_yaml(text)
        )
        documents = []
        for location in merged.locations:
            build = location.build
            document = remove_none_recursively(location.model_dump(exclude={"build"}))
            wrong = validate_workspace_location(document)
            if wrong:
                return "\n".join(wrong)
            documents.append((document, _build(build)))
    except _REFUSALS as error:
        return f"{type(error).__name__}: {error}"
    return documents


def dagsters_older_form(text: str) -> Verdict:
    """Return what Dagster makes of a file whose `locations` is a mapping."""
    try:
        migrated = process_workspace_config(remove_none_recursively(safe_load_yaml(text)))
    except _REFUSALS as error:
        return f"{type(error).__name__}: {error}"
    return [(remove_none_recursively(location), None) for location in migrated["locations"]]


def careful_merger() -> Any:
    """Return Dagster's merger with items of lists compared by type and value.

    Dagster compares them by Python's hash, to which 1 is True, "" is 0 and -1 is -2: it loses
    items, and we don't.
    """
    merger = DagsterCloudConfigDefaultsMerger()

    def joined(from_list: list[Any], onto_list: list[Any]) -> list[Any]:
        distinct: dict[str, Any] = {}
        for item in [*onto_list, *from_list]:
            distinct.setdefault(_typed(item), item)
        return list(distinct.values())

    merger._default_list_strategy = joined
    return merger


def difference(text: str) -> str | None:
    """Return the name of a difference that is explained, None where there is none.

    Raises `AssertionError` for one that isn't.
    """
    we, they = ours(text), dagsters(text)
    if isinstance(we, str) and isinstance(they, str):
        return None
    if isinstance(we, str):
        # Only if all that we object to is of that kind is it the reason.
        names = [_name(line) for line in we.splitlines()]
        assert all(names), f"we refuse: {we}\nDagster takes: {they}"
        return names[0]
    if isinstance(they, str):
        for name, said in LOOSER.items():
            if said in they:
                return name
        raise AssertionError(f"we take: {we}\nDagster refuses: {they}")
    if _typed(we) == _typed(they):
        return None
    assert _typed(we) == _typed(dagsters(text, careful_merger())), f"we: {we}\nDagster: {they}"
    return "loose_equality"


def _name(line: str) -> str:
    for name, said in STRICTER.items():
        if any(part in line for part in said.split("|")):
            return name
    return ""


def _build(build: Any) -> Any:
    return None if build is None else (build.directory, build.registry)


def _typed(value: Any) -> str:
    """Return a text that is the same only for values of the same types; keys are unordered."""
    if isinstance(value, dict):
        return f"{{{sorted((key, _typed(item)) for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{[_typed(item) for item in value]}]"
    return repr(value)
