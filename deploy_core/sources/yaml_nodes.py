"""YAML read into plain values that remember their line, safely.

Dagster reads `dagster_cloud.yaml` with PyYAML's safe loader minus the resolver of time stamps; the
same values come out here. What that loader lets pass and we refuse: keys that are given twice (it
silently takes the last), keys that aren't text, and values that JSON doesn't have.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MOST_BYTES = 1_000_000
MOST_DEPTH = 40
MOST_NODES = 50_000

Scalar = str | int | float | bool | None

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TIMESTAMP = f"{_TAG}timestamp"
_SCALARS = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str")}
_TEXT_KEYS = {f"{_TAG}str", f"{_TAG}value", _TIMESTAMP}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INNER_MARK = re.compile(r"(?<!\A)\ufeff")  # the two parsers of PyYAML disagree about it
_TEMPLATE = re.compile(r"\{\{|\{%")

TEMPLATE_HINT = (
    "this looks like a template (`{{ … }}`), which nobody renders on this way: commit the output of"
    " `dagster-cloud ci template` instead"
)


@dataclass(frozen=True)
class Located:
    """A value and the line where it starts, counted from 1."""

    value: "Scalar | dict[str, Located] | list[Located]"
    line: int

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def without_nulls(self) -> "Located":
        """Return the value without keys and items that are null: to Dagster null means absent."""
        if isinstance(self.value, dict):
            kept = {k: v.without_nulls() for k, v in self.value.items() if v.value is not None}
            return Located(kept, self.line)
        if isinstance(self.value, list):
            return Located(
                [v.without_nulls() for v in self.value if v.value is not None], self.line
            )
        return self


class Problems:
    """Errors of one file, each once, in the order of their lines."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], None] = {}

    def add(self, line: int, sentence: str) -> None:
        self._found[(line, sentence)] = None

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(sorted(self._found, key=lambda found: found[0]))


class Unreadable(Exception):
    """The text can't be turned into values at all; nothing more can be said about it."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def read_yaml(text: str, problems: Problems) -> Located | None:
    """Return the text's one document, or None if it is empty.

    What is wrong with single nodes goes to `problems`. Raises `Unreadable` for a text that is too
    large, too deep, expands to too many values, or isn't YAML.
    """
    _check_text(text)
    try:
        _check_depth(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from None
    return None if root is None else _Builder(text, problems).build(root, 0)


def has_template(text: str) -> bool:
    """Say whether the text has Jinja's marks in it."""
    return _TEMPLATE.search(text) is not None


def _check_text(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise Unreadable(1, f"the file has {size:,} bytes; at most {MOST_BYTES:,} are read.")
    strange = _UNPRINTABLE.search(text) or _INNER_MARK.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        code = f"U+{ord(strange.group()):04X}"
        raise Unreadable(
            line, f"the character {code} isn't allowed in YAML; write it as an escape."
        )


def _check_depth(text: str) -> None:
    """Walk the events, which needs no recursion, before anything recursive sees the text."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise Unreadable(_line(event), f"values are nested more than {MOST_DEPTH} deep.")


def _line(place: yaml.Event | yaml.Node) -> int:
    return place.start_mark.line + 1 if place.start_mark else 1


def _unreadable(text: str, error: yaml.YAMLError) -> Unreadable:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unknown error"
    lines = text.splitlines()
    around = "\n".join(lines[max(0, line - 2) : line])
    if has_template(around):
        return Unreadable(line, f"not valid YAML: {TEMPLATE_HINT}.")
    if "\t" in around:
        return Unreadable(line, f"not valid YAML ({problem}); indent with spaces, not with tabs.")
    return Unreadable(line, f"not valid YAML: {problem}.")


class _Builder:
    """Turns composed nodes into located values, counting what aliases expand to."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._lines = text.splitlines()
        self._problems = problems
        self._nodes = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, depth: int) -> Located:
        line = _line(node)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            said = f"the file holds more than {MOST_NODES:,} values, each alias counted in full"
            raise Unreadable(line, f"{said}.")
        if depth > MOST_DEPTH:
            raise Unreadable(line, f"values are nested more than {MOST_DEPTH} deep.")
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            if self._is_template(node):
                return Located(None, line)
            return Located(self._mapping(node, depth), line)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return Located([self.build(item, depth + 1) for item in node.value], line)
        return Located(self._scalar(node, line), line)

    def _scalar(self, node: yaml.Node, line: int) -> Scalar:
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _SCALARS | {_TIMESTAMP}:
            shown = node.tag.replace(_TAG, "!!")
            self._problems.add(line, f"the tag `{shown}` isn't allowed; write plain YAML.")
            return None
        if node.tag == _TIMESTAMP:  # Dagster's loader leaves dates as the text that they are
            return str(node.value)
        try:
            value: Scalar = self._scalars.construct_object(node)
        except (ValueError, LookupError, yaml.YAMLError):
            shown = node.tag.replace(_TAG, "!!")
            self._problems.add(line, f"`{node.value[:60]}` isn't a value of the type `{shown}`.")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._problems.add(line, f"`{node.value[:60]}` isn't a number that JSON can carry.")
            return None
        return value

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Located]:
        merged: dict[str, Located] = {}
        own: dict[str, Located] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            inherits = key_node.tag == f"{_TAG}merge"
            key = "<<" if inherits else self._key(key_node, line)
            if key is None:
                continue
            if key in first:
                self._problems.add(line, f"the key `{key}` is already given on line {first[key]}.")
            first.setdefault(key, line)
            if inherits:
                merged = {**self._inherited(value_node, line, depth), **merged}
            else:
                own[key] = Located(self.build(value_node, depth + 1).value, line)
        return {**merged, **own}

    def _is_template(self, node: yaml.MappingNode) -> bool:
        """Say whether YAML took `{{ … }}` for a mapping in a mapping."""
        for key, _ in node.value:
            if isinstance(key, yaml.MappingNode) and has_template(self._lines[_line(key) - 1]):
                self._problems.add(_line(key), f"{TEMPLATE_HINT}.")
                return True
        return False

    def _key(self, node: yaml.Node, line: int) -> str | None:
        if node.tag in _TEXT_KEYS:
            return str(node.value)
        if isinstance(node, yaml.ScalarNode):
            said = f"the key `{str(node.value)[:60]}` isn't text; write it in quotes."
            self._problems.add(line, said)
        else:
            self._problems.add(line, "a key must be text, not a list or a mapping.")
        return None

    def _inherited(self, node: yaml.Node, line: int, depth: int) -> dict[str, Located]:
        """Return what `<<` brings in; of several mappings the first that has a key wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Located] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._problems.add(line, "`<<` takes a mapping or a list of mappings.")
                continue
            built = self.build(source, depth + 1).value
            if isinstance(built, dict):
                merged = {**built, **merged}
        return merged
