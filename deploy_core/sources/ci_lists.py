"""Code locations that a repository's CI lists by hand, in GitHub's workflows or `.gitlab-ci.yml`.

A list in a matrix is extended in place: the text is spliced, and unless exactly one item has come
to it, nothing is changed. What names locations in another way is left to people.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from deploy_core.sources.yaml_layout import Layout, Splice
from deploy_core.sources.yaml_nodes import Problems, Unreadable, read_yaml

FOLDERS: Final = (".github/workflows", ".gitlab-ci.yml")
"""Where CI files are."""
_FILE: Final = re.compile(r"\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.yml")
_KEY: Final = re.compile(r"location", re.IGNORECASE)
_MATRIX: Final = "matrix"
_QUOTED: Final = re.compile(r"(?<=[\"'])[^\"']+(?=[\"'])")
_NAMED: Final = re.compile(r"--location-name[ =]+[\"']?([^\s\"'$]+)|locations-select ([^\n;&|]+)")


@dataclass(frozen=True)
class Extended:
    """A file after the new location has come to its lists. `matrix` and `steps` say what a person
    must add to: a matrix that can't be extended safely, or commands that name each location."""

    text: str
    matrix: bool = False
    steps: bool = False


def is_ci_file(path: str) -> bool:
    """Say whether a file of the repository is CI of GitHub or GitLab."""
    return _FILE.fullmatch(path) is not None


def extended(text: str, location: str, known: Collection[str]) -> Extended:
    """Return the file with `location` in its lists of the `known` ones; without such lists, or
    where it is there already, it stays as it is."""
    if not any(name in text for name in known):
        return Extended(text)
    try:
        read_yaml(text, Problems())  # refuses what is too large or too deep to look at
        layout = Layout(text)
    except (Unreadable, yaml.YAMLError):
        return Extended(text, steps=_names_each([text], location, known))
    nodes = list(_nodes(layout.root))
    scalars = [str(node.value) for node in nodes if isinstance(node, yaml.ScalarNode)]
    steps = _names_each(scalars, location, known)
    matrix = False
    splices: dict[int, Splice] = {}
    for key, value in (pair for node in nodes for pair in _matrix_pairs(node)):
        if not _lists(value, known) or location in _texts(value):
            continue
        splice = _splice(layout, key, value, location, known)
        if splice is None:
            matrix = True
        else:
            splices[splice.start] = splice
    for start in sorted(splices, reverse=True):
        after = splices[start].put(text)
        if _one_more(text, after, location):
            text = after
        else:
            matrix = True
    return Extended(text, matrix, steps)


def _nodes(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield every node once, however many aliases lead to it."""
    seen: set[int] = set()
    left = [] if root is None else [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += node.value


def _matrix_pairs(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield the keys and values of a node's matrix, which GitLab writes as a list of mappings."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if not isinstance(key, yaml.ScalarNode) or key.value != _MATRIX:
            continue
        for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            yield from part.value if isinstance(part, yaml.MappingNode) else []


def _texts(node: yaml.Node) -> set[str]:
    """Return the texts in a node; of an expression those in quotes."""
    found = {str(each.value) for each in _nodes(node) if isinstance(each, yaml.ScalarNode)}
    if isinstance(node, yaml.ScalarNode):
        found |= set(_QUOTED.findall(str(node.value)))
    return found


def _lists(value: yaml.Node, known: Collection[str]) -> bool:
    return bool(_texts(value) & set(known))


def _splice(
    layout: Layout, key: yaml.Node, value: yaml.Node, location: str, known: Collection[str]
) -> Splice | None:
    """Return what puts the location behind the last one of a list; None where that isn't safe."""
    named = isinstance(key, yaml.ScalarNode) and _KEY.search(str(key.value)) is not None
    elsewhere = value.start_mark.index < key.end_mark.index  # behind an alias
    if not named or elsewhere or not isinstance(value, yaml.SequenceNode):
        return None
    items = value.value
    if not all(isinstance(item, yaml.ScalarNode) and item.value in known for item in items):
        return None
    written = _written(items[-1], location)
    if not value.flow_style:
        last = layout.block_items(value)[-1]
        before = layout.text[layout.line_start(last.start) : last.node.start_mark.index]
        return layout.lines_after(last.end, f"{before}{written}")
    closing = value.end_mark.index - 1
    at = layout.last_end(items[-1].start_mark.index, closing)
    if layout.comment_between(at, closing):
        return None
    behind_comma = layout.text[at - 1] == ","
    return Splice(at, at, f" {written}," if behind_comma else f", {written}")


def _written(like: yaml.ScalarNode, location: str) -> str:
    """Return a name in the quotes of another one, or in some where it needs them."""
    if like.style == "'":
        return f"'{location}'"
    plain = like.style != '"' and yaml.safe_load(location) == location
    return location if plain else json.dumps(location)


def _one_more(before: str, after: str, location: str) -> bool:
    """Say whether exactly one item has come to the tokens of a text."""
    old, new = _tokens(before), _tokens(after)
    at = next((i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    return new[:at] + new[at + 2 :] == old and location in {value for _, value in new[at : at + 2]}


def _tokens(text: str) -> list[tuple[str, Any]]:
    try:
        found = list(yaml.scan(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return []
    return [(type(token).__name__, getattr(token, "value", None)) for token in found]


def _names_each(texts: Collection[str], location: str, known: Collection[str]) -> bool:
    """Say whether commands name locations one by one, and not this one."""
    named: set[str] = set()
    for text in texts:
        for found in _NAMED.finditer(text):
            named |= {each.strip("\"'") for each in (found[1] or found[2]).split()}
    return bool(named & set(known)) and location not in named
