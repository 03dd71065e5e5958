"""`dagster_cloud.yaml` edited in place: the text is spliced, and every byte outside the splice
stays as it is.

Whatever was edited is read again: unless exactly what was wanted has changed, nothing comes out.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import yaml

from deploy_core.model.errors import FileNotEditable, UnknownLocation
from deploy_core.model.plan import Document
from deploy_core.sources.yaml_layout import Item, Layout, Splice
from deploy_core.sources.yaml_nodes import Problems, Unreadable, has_template, read_yaml

LOCATIONS: Final = "locations"
NAME: Final = "location_name"
_WIDTH: Final = 1_000_000  # never folds a long text
_OLDER_FORM: Final = (
    "Make `locations` a list of items with `location_name`, as `dagster-cloud` writes it today."
)


def add_location(text: str, entry: Document, *, path: str) -> str:
    """Return the text with a location after the others, in the style of the one before it.

    `entry` is an item of `locations`, `build` included; `path` is the file's name in messages. An
    empty text, one without `locations` and an empty `locations` get the first one. Raises
    `FileNotEditable` for what can't be edited, and for a name that is there.
    """
    before = _plain(text, path)
    listed = _listed(before, path)
    if any(item.get(NAME) == entry[NAME] for item in listed):
        raise FileNotEditable(f"`{path}` has {entry[NAME]} already.")
    layout = _layout(text, path)
    wanted = {**(before or {}), LOCATIONS: [*listed, entry]}
    return _checked(layout, _appended(layout, entry, path), wanted, path)


def names_in(text: str, *, path: str) -> tuple[str, ...]:
    """Return the names of the locations, none of an empty text. Raises `FileNotEditable`."""
    return tuple(str(item.get(NAME)) for item in _listed(_plain(text, path), path))


def entry_of(text: str, name: str, *, path: str) -> dict[str, Any]:
    """Return the item of a location as it is. Raises `UnknownLocation`, `FileNotEditable`."""
    listed = _listed(_plain(text, path), path)
    return listed[_number_of(listed, name, path)]


def set_fields(text: str, name: str, fields: Mapping[str, Any], *, path: str) -> str:
    """Return the text with these fields of a location as they are given; one that is None goes.

    Of a mapping only the keys that differ are written, so that comments beside the others stay.
    Raises `UnknownLocation`, `FileNotEditable`.
    """
    before = _plain(text, path)
    listed = _listed(before, path)
    number = _number_of(listed, name, path)
    old = listed[number]
    gone = {key for key, value in fields.items() if value is None}
    new = {key: value for key, value in {**old, **fields}.items() if key not in gone}
    layout = _layout(text, path)
    item = _items(layout, path)[number]
    splices = _differences(layout, item.node, item.end, old, new, path)
    wanted = {**(before or {}), LOCATIONS: [*listed[:number], new, *listed[number + 1 :]]}
    return _checked(layout, splices, wanted, path)


def remove_location(text: str, name: str, *, path: str) -> str:
    """Return the text without a location and the comments inside it. Of the last one `[]` stays.

    Raises `UnknownLocation`, `FileNotEditable`.
    """
    before = _plain(text, path)
    listed = _listed(before, path)
    number = _number_of(listed, name, path)
    layout = _layout(text, path)
    splice = _removed(layout, number, path)
    wanted = {**(before or {}), LOCATIONS: [*listed[:number], *listed[number + 1 :]]}
    return _checked(layout, [splice], wanted, path)


# Reading: what is there, and whether it can be edited at all.


def _plain(text: str, path: str) -> dict[str, Any] | None:
    problems = Problems()
    try:
        read = read_yaml(text, problems)
    except Unreadable as unreadable:
        raise FileNotEditable(
            f"`{path}` can't be read: line {unreadable.line}: {unreadable.sentence}"
        ) from None
    for line, sentence in problems:
        raise FileNotEditable(f"`{path}` can't be edited: line {line}: {sentence}")
    plain = None if read is None else read.plain()
    if plain is not None and not isinstance(plain, dict):
        raise FileNotEditable(f"`{path}` isn't a mapping.")
    return cast("dict[str, Any] | None", plain)


def _listed(plain: dict[str, Any] | None, path: str) -> list[dict[str, Any]]:
    found = (plain or {}).get(LOCATIONS)
    if isinstance(found, dict):
        raise FileNotEditable(
            f"`{path}` is in the older form, in which `locations` is a mapping.",
            next_step=_OLDER_FORM,
        )
    if found is not None and not isinstance(found, list):
        raise FileNotEditable(f"`locations` of `{path}` isn't a list.")
    for item in found or []:
        if not isinstance(item, dict):
            raise FileNotEditable(f"`locations` of `{path}` has an item that isn't a mapping.")
    return list(found or [])


def _number_of(listed: list[dict[str, Any]], name: str, path: str) -> int:
    for number, item in enumerate(listed):
        if item.get(NAME) == name:
            return number
    raise UnknownLocation(
        f"{name} isn't in `{path}`.", choices=tuple(str(item.get(NAME)) for item in listed)
    )


def _layout(text: str, path: str) -> Layout:
    if has_template(text):
        raise FileNotEditable(f"`{path}` is a template, whose output nobody can foresee here.")
    return Layout(text)


def _items(layout: Layout, path: str) -> list[Item]:
    found = _sequence(layout, path)
    assert found is not None  # noqa: S101 - our caller has read its items
    return layout.flow_items(found) if found.flow_style else layout.block_items(found)


def _sequence(layout: Layout, path: str) -> yaml.SequenceNode | None:
    """Return the list `locations`, or None where there is none yet."""
    if not isinstance(layout.root, yaml.MappingNode):
        return None
    found = layout.value_of(layout.root, LOCATIONS)
    if found is None or not isinstance(found[1], yaml.SequenceNode):
        return None
    key, value = found
    if value.start_mark.index < key.end_mark.index:
        raise FileNotEditable(f"`locations` of `{path}` stands elsewhere, behind an alias.")
    return cast("yaml.SequenceNode", value)


def _checked(layout: Layout, splices: list[Splice], wanted: dict[str, Any], path: str) -> str:
    text = layout.text
    # From the end, and of several at one place the first one last: so it stands before the others.
    in_order = sorted(enumerate(splices), key=lambda each: (each[1].start, each[0]), reverse=True)
    for _, splice in in_order:
        text = splice.put(text)
    try:
        read: Any = _plain(text, path)
    except FileNotEditable:
        read = None
    if read != wanted:
        raise FileNotEditable(
            f"`{path}` is written in a way in which this can't be changed without changing more."
        )
    return text


# Adding.


def _appended(layout: Layout, entry: Document, path: str) -> list[Splice]:
    if layout.root is None or isinstance(layout.root, yaml.ScalarNode):
        return [layout.lines_after(len(layout.text), f"{LOCATIONS}:", _first_item(layout, entry))]
    root = cast("yaml.MappingNode", layout.root)
    sequence = _sequence(layout, path)
    if sequence is not None and sequence.value and not sequence.flow_style:
        return [_after_last(layout, layout.block_items(sequence), entry)]
    if root.flow_style or (sequence is not None and sequence.value):
        if sequence is None:
            raise FileNotEditable(f"`{path}` is one mapping in braces without a list `locations`.")
        return [_in_brackets(layout, sequence, entry)]
    found = layout.value_of(root, LOCATIONS)
    if found is None:
        end = layout.last_end(root.start_mark.index, root.end_mark.index)
        return [layout.lines_after(end, f"{LOCATIONS}:", _first_item(layout, entry))]
    start, end = found[1].start_mark.index, found[1].end_mark.index
    blank = 1 if end > start and layout.text[start - 1 : start] == " " else 0
    emptied = Splice(start - blank, end, "")
    after = max(end, found[0].end_mark.index)
    return [emptied, layout.lines_after(after, _first_item(layout, entry))]


def _in_brackets(layout: Layout, sequence: yaml.SequenceNode, entry: Document) -> Splice:
    written = json.dumps(entry, ensure_ascii=False)
    closing = sequence.end_mark.index - 1
    if not sequence.value:
        return Splice(closing, closing, written)
    at = layout.last_end(sequence.value[-1].start_mark.index, closing)
    open_end = layout.text[at - 1] == ","
    return Splice(at, at, f" {written}," if open_end else f", {written}")


def _first_item(layout: Layout, entry: Document) -> str:
    return "  - " + _dumped(entry, step=2).replace("\n", f"{layout.line_break}    ")


def _after_last(layout: Layout, items: list[Item], entry: Document) -> Splice:
    last = items[-1]
    dash = layout.column(last.start)
    inside = _inside(layout, last)
    step = _step(last.node, dash + inside)
    indent = " " * dash
    body = _dumped(entry, step=step)
    body = body.replace("\n", f"{layout.line_break}{indent}{' ' * inside}")
    in_lines = last.end == layout.line_start(last.end)  # a blank line would belong to that text
    apart = [""] if len(items) > 1 and _blank_before(layout, last.start) and not in_lines else []
    end = _with_comments(layout, last.end, dash)
    return layout.lines_after(end, *apart, f"{indent}-{' ' * (inside - 1)}{body}")


def _inside(layout: Layout, item: Item) -> int:
    """Return by how much the keys of an item stand right of its dash."""
    start = item.node.start_mark
    same_line = layout.line_start(start.index) == layout.line_start(item.start)
    found = start.index - item.start
    plain = isinstance(item.node, yaml.MappingNode) and not item.node.flow_style
    return found if same_line and plain and 2 <= found <= 8 else 2


def _step(node: yaml.Node, column: int) -> int:
    """Return the indentation of a mapping inside an item, as far as the item has one."""
    for _, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            found = value.start_mark.column - column
            if 2 <= found <= 8:
                return int(found)
    return 2


def _with_comments(layout: Layout, end: int, dash: int) -> int:
    """Return the end of an item with the comments right below it that stand right of its dash."""
    while True:
        following = end if end == layout.line_start(end) else layout.next_line(end)
        line = layout.text[following : layout.line_end(following)]
        comment = line.lstrip(" ")
        if not comment.startswith("#") or len(line) - len(comment) <= dash:
            return end
        end = layout.line_end(following)


def _blank_before(layout: Layout, at: int) -> bool:
    """Say whether a blank line stands before the line of an offset."""
    start = layout.line_start(at)
    return start > 0 and not layout.text[layout.line_before(start) : start].strip()


def _dumped(value: Any, *, step: int) -> str:
    dumped: str = yaml.safe_dump(
        value,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_WIDTH,
        indent=step,
    )
    return dumped.removesuffix("\n")


# Removing.


def _removed(layout: Layout, number: int, path: str) -> Splice:
    sequence = _sequence(layout, path)
    items = _items(layout, path)
    assert sequence is not None  # noqa: S101 - it has items
    if sequence.flow_style:
        return _removed_from_flow(layout, items, number, path)
    item, last = items[number], number == len(items) - 1
    dash = layout.column(item.start)
    start = layout.line_start(item.start)
    end = _with_comments(layout, item.end, dash)
    end = end if end == layout.line_start(end) else layout.next_line(end)
    if len(items) == 1:
        return _emptied(layout, start, end)
    if last:
        while start > items[number - 1].end and _blank_before(layout, start):
            start = layout.line_before(start)
        if _ends_open(layout, end):
            start -= len(layout.line_break)
    else:
        while end < items[number + 1].start and not layout.text[end : layout.line_end(end)].strip():
            end = layout.next_line(end)
    return Splice(start, end, "")


def _emptied(layout: Layout, start: int, end: int) -> Splice:
    """Return the splice that leaves an empty list, where the only item begins after its key."""
    root = cast("yaml.MappingNode", layout.root)
    found = layout.value_of(root, LOCATIONS)
    assert found is not None  # noqa: S101 - it has an item
    colon = layout.text.index(":", found[0].end_mark.index) + 1
    between = layout.text[colon:start]
    if _ends_open(layout, end):
        between = between.removesuffix(layout.line_break)
    return Splice(colon, end, f" []{between}")


def _ends_open(layout: Layout, end: int) -> bool:
    return end == len(layout.text) and not layout.text.endswith(("\n", "\r"))


def _removed_from_flow(layout: Layout, items: list[Item], number: int, path: str) -> Splice:
    item = items[number]
    if number > 0:
        start, end = items[number - 1].end, item.end
    elif len(items) > 1:
        start, end = item.start, items[1].start
    else:
        start, end = item.start, item.end
    if layout.comment_between(start, end):
        raise FileNotEditable(f"`{path}` has comments inside its list in brackets.")
    return Splice(start, end, "")


# Changing.


def _differences(
    layout: Layout,
    node: yaml.Node,
    end: int,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    path: str,
) -> list[Splice]:
    """Return the splices that turn a mapping from what it is into what it should be."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise FileNotEditable(f"`{path}` writes what would change in braces.")
    column = layout.column(node.start_mark.index)
    step = _step(node, column)
    splices: list[Splice] = []
    starts = [key.start_mark.index for key, _ in node.value]
    for number, (key, value) in enumerate(node.value):
        name = key.value
        if old.get(name) == new.get(name) or name not in old:
            continue
        following = starts[number + 1] if number + 1 < len(starts) else None
        last = layout.last_end(starts[number], end if following is None else following)
        if name not in new:
            splices.append(_without_field(layout, starts[number], last, following, number))
        elif isinstance(new[name], dict) and _is_block(value) and isinstance(old[name], dict):
            splices += _differences(layout, value, last, old[name], new[name], path)
        else:
            written = _field(layout, name, new[name], column, step)
            splices.append(Splice(starts[number], _trimmed(layout, last), written))
    missing = [name for name in new if name not in old]
    if missing:
        at, before = layout.new_line(layout.last_end(node.start_mark.index, end))
        nl, indent = layout.line_break, " " * column
        lines = [indent + _field(layout, name, new[name], column, step) for name in missing]
        body = nl.join(lines)
        splices.append(Splice(at, at, f"{nl}{body}" if before else f"{body}{nl}"))
    return splices


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style and bool(node.value)


def _field(layout: Layout, name: str, value: Any, column: int, step: int) -> str:
    return _dumped({name: value}, step=step).replace("\n", layout.line_break + " " * column)


def _trimmed(layout: Layout, end: int) -> int:
    """Return the end of a value without the line break that belongs to a text in lines."""
    while end > 0 and end == layout.line_start(end):
        end = layout.end_before(end)
    return end


def _without_field(
    layout: Layout, start: int, last: int, following: int | None, number: int
) -> Splice:
    if number == 0 and following is not None:
        return Splice(start, following, "")  # it stands beside the dash: the next one moves up
    end = last if last == layout.line_start(last) else layout.next_line(last)
    first = layout.line_start(start)
    if _ends_open(layout, end):
        first -= len(layout.line_break)
    return Splice(first, end, "")
