"""Outside strings made safe and readable in Slack's mrkdwn.

Every string that we didn't write ourselves (names, commit messages, errors) passes one of these
functions before it is put into a message. `& < >` become entities, so that neither `<!channel>` nor
a link can be smuggled in (Slack's formatting reference); characters that change the direction of
reading, or that can't be seen, are shown by their number.
"""

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

from handlers.limits import URL, size

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_KEPT = "\n\t\u200d"  # the joiner is part of many emoji
_CUT = "…"
_URL_REFUSED = re.compile(r"[\s<>|\"`\\]")


def visible(text: str) -> str:
    """Return the text with hidden and direction-changing characters written as `\\u202e`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char in _KEPT or unicodedata.category(char) not in _HIDDEN_CATEGORIES:
        return char
    return f"\\u{ord(char):04x}"


def escape(text: str, most: int | None = None) -> str:
    """Return the text escaped for mrkdwn; `most` is the longest result, cut ends with `…`."""
    pieces = [_ENTITIES.get(char, char) for char in visible(text)]
    if most is None or size("".join(pieces)) <= most:
        return "".join(pieces)
    kept: list[str] = []
    room = most - size(_CUT)
    for piece in pieces:
        room -= size(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + _CUT if most >= size(_CUT) else ""


def plain(text: str, most: int) -> str:
    """Return one line for a `plain_text` object, which has no entities, at most `most` long."""
    line = " ".join(visible(text).split())
    if size(line) <= most:
        return line
    room = most - size(_CUT)
    kept = 0
    for char in line:
        room -= size(char)
        if room < 0:
            break
        kept += 1
    return line[:kept].rstrip() + _CUT


def words(text: str, most: int) -> str:
    """Return free text of one line, such as a commit's subject, that can't format what follows."""
    line = " ".join(text.split())
    return escape(line.replace("`", "'").replace("*", "∗"), most)  # noqa: RUF001


def sentence(text: str, most: int) -> str:
    """Return a sentence of our own, in which backticks and asterisks are meant, on one line."""
    line = " ".join(text.split())
    if line.count("`") % 2 or size(escape(line)) > most:
        return words(line, most)
    return escape(line)


def code(text: str, most: int = 120) -> str:
    """Return the text as inline code: one line, no backtick inside."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{escape(line, most - 2)}`" if line else "_empty_"


def pre(text: str, most: int) -> str:
    """Return the text as a code block of at most `most` characters, which it can't close."""
    inside = text.strip("\n").replace("```", "'''")
    inside = inside + " " if inside.endswith("`") else inside
    return f"```\n{escape(inside, most - 8)}\n```"


def link(url: str | None, label: str) -> str:
    """Return a link with an already escaped label; only the label where the URL isn't usable."""
    if not safe_url(url):
        return label
    return f"<{str(url).replace('&', '&amp;')}|{label.replace('|', '¦')}>"


def safe_url(url: str | None) -> bool:
    """Tell whether this can be the address of a link or a button: http or https, no tricks."""
    if not url or size(url) > URL or _URL_REFUSED.search(url) or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def date(at: datetime) -> str:
    """Return a moment in the reader's own zone, with UTC for clients that can't do that."""
    at = at.astimezone(UTC)
    fallback = at.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def duration(seconds: float) -> str:
    """Return a duration in words: `under 1 s`, `12 s`, `1 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = int(seconds)
    if whole < 1:
        return "under 1 s"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def channel_name(channel_id: str) -> str:
    """Return a link to a channel, or the id as code when it can't be one."""
    known = re.fullmatch(r"[CGD][A-Z0-9]{1,30}", channel_id)
    return f"<#{channel_id}>" if known else code(channel_id, 60)


def person(user_id: str) -> str:
    """Return a mention of a Slack user, or the id as code when it can't be one."""
    return f"<@{user_id}>" if re.fullmatch(r"[UW][A-Z0-9]{1,30}", user_id) else code(user_id, 60)


def owner(slack_id: str) -> str:
    """Return a mention of a Slack user or of a user group, or the id as code when it is neither."""
    is_group = re.fullmatch(r"S[A-Z0-9]{1,30}", slack_id)
    return f"<!subteam^{slack_id}>" if is_group else person(slack_id)
