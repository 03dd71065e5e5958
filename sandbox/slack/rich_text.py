"""Rules for rich_text blocks (Block Kit reference, "Rich text block")."""

from sandbox.slack.elements import IDENTIFIER
from sandbox.slack.schema import (
    Check,
    array,
    boolean,
    integer,
    one_of,
    record,
    string,
    tagged,
    typed,
)

_MANY = 10_000
_LONG = 100_000
STYLE = record(
    {},
    dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "unlink"), boolean
    ),
)
_STYLED: dict[str, Check] = {"style": STYLE}
_URL = string(3_000, 1)

INLINE: dict[str, Check] = {
    "text": tagged("text", {"text": string(_LONG, 1)}, _STYLED),
    "link": tagged("link", {"url": _URL}, {**_STYLED, "text": string(_LONG, 1), "unsafe": boolean}),
    "emoji": tagged("emoji", {"name": string(100, 1)}, {"unicode": string(100), **_STYLED}),
    "user": tagged("user", {"user_id": IDENTIFIER}, _STYLED),
    "usergroup": tagged("usergroup", {"usergroup_id": IDENTIFIER}, _STYLED),
    "channel": tagged("channel", {"channel_id": IDENTIFIER}, _STYLED),
    "broadcast": tagged("broadcast", {"range": one_of("here", "channel", "everyone")}, _STYLED),
    "color": tagged("color", {"value": string(20, 1)}, _STYLED),
    "date": tagged(
        "date",
        {"timestamp": integer(0), "format": string(200, 1)},
        {"url": _URL, "fallback": string(1_000), **_STYLED},
    ),
}
_INLINES = array(typed(INLINE, "rich text element"), 0, _MANY)
_INDENT: dict[str, Check] = {"indent": integer(0, 8), "border": integer(0, 1)}
SECTION = tagged("rich_text_section", {"elements": _INLINES})
PARTS: dict[str, Check] = {
    "rich_text_section": SECTION,
    "rich_text_list": tagged(
        "rich_text_list",
        {"style": one_of("bullet", "ordered"), "elements": array(SECTION, 1, _MANY)},
        {**_INDENT, "offset": integer(0)},
    ),
    "rich_text_preformatted": tagged(
        "rich_text_preformatted",
        {"elements": _INLINES},
        {"border": integer(0, 1), "language": string(100)},
    ),
    "rich_text_quote": tagged("rich_text_quote", {"elements": _INLINES}, {"border": integer(0, 1)}),
}
RICH_TEXT = tagged(
    "rich_text",
    {"elements": array(typed(PARTS, "rich text part"), 1, _MANY)},
    {"block_id": IDENTIFIER},
)
