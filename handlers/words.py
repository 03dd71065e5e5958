"""From the text that Slack sends to words: escapes undone, hidden characters gone, quotes read."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from deploy_core.model.errors import UsageError

MOST_CHARACTERS: Final = 4_000

_ZERO_WIDTH = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0F, 0xFEFF])
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})
_ESCAPED = re.compile(r"<([^<>\n]*)>")
_DOUBLE, _SINGLE = '”“"', "’‘'"  # noqa: RUF001
_CLOSERS = {
    '"': '"',
    "'": "'",
    **dict.fromkeys("“”„", _DOUBLE),
    **dict.fromkeys("‘’", _SINGLE),  # noqa: RUF001
}
_ENDS_A_QUOTE = frozenset(" ,@")
DASHES: Final = "-—–―‒−"  # noqa: RUF001 - the first, and what keyboards make of two of them
_OPTION = re.compile(rf"^(?:--|[{DASHES[1:]}]-?)(?=[A-Za-z])")
_SINGLE_DASH = re.compile(r"^-(?=[A-Za-z])")


@dataclass(frozen=True)
class Word:
    """One word: `quoted` is what stood in quotes at its start, `rest` what followed them.

    `raw` is the word as it was typed; `option` is the name after `--`, with `rest` as its value.
    """

    raw: str
    quoted: str | None
    rest: str
    option: str | None = None

    @property
    def bare(self) -> str | None:
        """The word in lower case when it wasn't quoted and is no option."""
        return self.raw.lower() if self.quoted is None and self.option is None else None


def unwrap(text: str) -> str:
    """Undo what Slack does to typed text: links and mentions in `<…>`, and `&amp; &lt; &gt;`.

    Source: Slack's reference on escaping in slash commands and message text.
    """
    text = _ESCAPED.sub(lambda found: _unwrapped(found[1]), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _unwrapped(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        # `<@U1|jane>` was typed as @jane; without a name the id is all there is
        return f"@{label}" if label else target
    if target.startswith("#"):
        return f"#{label}" if label else target
    if target.startswith("!"):
        return label or f"@{target[1:]}"
    if target.startswith("mailto:"):
        return label or target.removeprefix("mailto:")
    typed = {target, target.rstrip("/"), re.sub(r"^https?://", "", target).rstrip("/")}
    return label if label and label.rstrip("/") in typed else target


def clean(text: str) -> str:
    """Return the text with plain spaces and without characters of no width.

    Raises UsageError for a text that is too long, and for characters that make it read other than
    it is (direction marks, control characters).
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"The text has {len(text):,} characters; {MOST_CHARACTERS:,} are the most.",
            next_step="Shorten it, or name fewer locations at once.",
        )
    text = "".join(" " if char.isspace() else char for char in text).translate(_ZERO_WIDTH)
    for char in text:
        if unicodedata.category(char) in _REFUSED_CATEGORIES:
            raise UsageError(
                f"The text has a hidden character (U+{ord(char):04X}) that changes how it reads.",
                next_step="Type it again instead of pasting it.",
            )
    return text.strip()


def split(text: str) -> list[Word]:
    """Split cleaned text into words; quotes keep spaces together. Commas stay in their words.

    Raises UsageError for a quotation mark that isn't closed.
    """
    found: list[Word] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        word, at = _word(text, at)
        found.append(word)
    return found


def _word(text: str, start: int) -> tuple[Word, int]:
    at = start
    option = None
    if dashes := _OPTION.match(text[start : start + 3]):
        end = re.compile(r"[^ =]*").match(text, start + dashes.end())
        assert end is not None  # noqa: S101 - the pattern matches the empty string
        option, at = end[0].lower(), end.end()
        if at < len(text) and text[at] == "=":
            at += 1
    quoted, at = _quotation(text, at)
    if quoted is not None and text[at : at + 1] == ",":
        return Word(text[start:at], quoted, "", option), at + 1
    end_at = text.find(" ", at)
    end_at = len(text) if end_at < 0 else end_at
    return Word(text[start:end_at], quoted, text[at:end_at], option), end_at


def _quotation(text: str, at: int) -> tuple[str | None, int]:
    closers = _CLOSERS.get(text[at]) if at < len(text) else None
    if closers is None:
        return None, at
    inside: list[str] = []
    place = at + 1
    while place < len(text):
        char = text[place]
        following = text[place + 1] if place + 1 < len(text) else " "
        if char == "\\" and (following in closers or following in {'"', "\\"}):
            inside.append(following)
            place += 2
            continue
        if char in closers and following in _ENDS_A_QUOTE:
            return "".join(inside), place + 1
        inside.append(char)
        place += 1
    if "'" in closers:
        return None, at  # an apostrophe
    raise UsageError(
        "A quotation mark isn't closed.",
        next_step='Close it, as in `--why "a new table"`.',
    )


def single_dash(word: Word) -> str | None:
    """Return the name of what looks like an option with one dash, as `-all`."""
    if word.quoted is None and _SINGLE_DASH.match(word.raw):
        return word.raw[1:].partition("=")[0].lower()
    return None
