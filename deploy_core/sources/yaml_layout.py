"""Where the parts of a `dagster_cloud.yaml` stand in its text: offsets, for those who edit it.

Offsets come from the tokens and nodes of PyYAML's own parser, the one that Dagster reads the file
with. Comments and blank lines are no tokens, so they belong to nobody and are never touched.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import yaml

_EMPTY = (
    yaml.BlockEndToken,
    yaml.StreamEndToken,
    yaml.StreamStartToken,
    yaml.DocumentEndToken,
    yaml.KeyToken,
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
)
"""Tokens that stand for an end or a beginning and have no text of their own."""

_LINE_END = re.compile(r"\r\n|\r|\n|\Z")


@dataclass(frozen=True)
class Item:
    """One item of a list: from its dash (or its first character) to its last one."""

    node: yaml.Node
    start: int
    end: int


@dataclass(frozen=True)
class Splice:
    """Text in the place of a range."""

    start: int
    end: int
    text: str

    def put(self, text: str) -> str:
        """Return the text with this in it."""
        return text[: self.start] + self.text + text[self.end :]


class Layout:
    """A text with its tokens. The text must be valid YAML with at most one document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        self._tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))
        full = [token for token in self._tokens if not isinstance(token, _EMPTY)]
        self._starts = [token.start_mark.index for token in full]
        self._ends = [token.end_mark.index for token in full]

    def last_end(self, start: int, before: int) -> int:
        """Return where the last token ends that begins in this range; `start` where none does."""
        first, after = bisect_left(self._starts, start), bisect_left(self._starts, before)
        return max(self._ends[first:after], default=start)

    def value_of(self, mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
        """Return the nodes of a key of a mapping and of its value."""
        for key_node, value_node in mapping.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
                return key_node, value_node
        return None

    def block_items(self, sequence: yaml.SequenceNode) -> list[Item]:
        """Return the items of a list that is written with dashes."""
        start, end = sequence.start_mark.index, sequence.end_mark.index
        dashes = [
            token.start_mark
            for token in self._tokens
            if isinstance(token, yaml.BlockEntryToken) and start <= token.start_mark.index < end
        ]
        column = dashes[0].column
        mine = [dash.index for dash in dashes if dash.column == column]
        ends = [*mine[1:], end]
        return [
            Item(node, dash, self.last_end(dash, following))
            for node, dash, following in zip(sequence.value, mine, ends, strict=True)
        ]

    def flow_items(self, sequence: yaml.SequenceNode) -> list[Item]:
        """Return the items of a list that is written in brackets."""
        return [Item(node, node.start_mark.index, node.end_mark.index) for node in sequence.value]

    def comment_between(self, start: int, end: int) -> bool:
        """Say whether there is a comment in a range: a # outside of all tokens."""
        for found in re.finditer("#", self.text[start:end]):
            at = start + found.start()
            number = bisect_right(self._starts, at) - 1
            if number < 0 or self._ends[number] <= at:
                return True
        return False

    def line_start(self, at: int) -> int:
        """Return where the line of an offset begins."""
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def end_before(self, start: int) -> int:
        """Return where the text of the line before ends, of the line that begins here."""
        return start - (2 if self.text[start - 2 : start] == "\r\n" else 1)

    def line_before(self, start: int) -> int:
        """Return where the line before begins, of the line that begins here."""
        return self.line_start(self.end_before(start))

    def line_end(self, at: int) -> int:
        """Return where the text of an offset's line ends, before its line break."""
        found = _LINE_END.search(self.text, at)
        return found.start() if found else len(self.text)

    def next_line(self, at: int) -> int:
        """Return where the line after an offset's begins."""
        found = _LINE_END.search(self.text, at)
        return found.end() if found else len(self.text)

    def new_line(self, end: int) -> tuple[int, bool]:
        """Return where a line can be put in after the line of `end`, and whether its break must
        come before it, because the text ends without one."""
        if end == self.line_start(end):  # after a text in lines of its own
            return end, False
        following = self.next_line(end)
        if following == len(self.text) and self.line_end(end) == following:
            return following, True
        return following, False

    def lines_after(self, end: int, *lines: str) -> Splice:
        """Return the splice that puts lines after the line of `end`."""
        at, before = self.new_line(end)
        nl = self.line_break
        written = nl.join(lines)
        return Splice(at, at, f"{nl}{written}" if before else f"{written}{nl}")

    def column(self, at: int) -> int:
        """Return the column of an offset, counted from 0; a byte order mark is none."""
        start = self.line_start(at)
        return at - start - self.text.startswith("\ufeff", start)

    @property
    def line_break(self) -> str:
        """The line break that the text uses."""
        found = _LINE_END.search(self.text)
        return (found.group() if found else "") or "\n"
