"""Names, people, versions and times, as all texts of deploys write them.

Functions that return mrkdwn take raw names and escape them; `…_line` ones are one line.
"""

from datetime import datetime

from deploy_core.model.people import Actor
from deploy_core.model.plan import Version
from handlers.mrkdwn import code, duration, person, words


def who(actor: Actor) -> str:
    """Return the person as a mention, the terminal's user, or the part of the bot."""
    if actor.kind == "bot":
        return f"the {words(actor.id, 40)}"
    return person(actor.id) if actor.kind == "slack" else code(actor.key, 60)


def name(location: str) -> str:
    """Return a location's or deployment's name, escaped and bounded."""
    return words(location, 80) or "(no name)"


def version(found: Version | None) -> str:
    """Return a version as code."""
    return code(found.label, 60) if found is not None else "`unknown version`"


def label(found: Version) -> str:
    """Return a version in running text, without the marks of code."""
    return words(found.label, 60)


def at(found: Version, word: str = "at") -> str:
    """Return ` at 3f2a1c9`, to be put behind what is live; empty for a version without a name."""
    return f" {word} {label(found)}" if found.is_named else ""


def took(start: datetime | None, end: datetime) -> str | None:
    """Return the time between two moments in words; None where it is nothing to speak of: without
    a start, or under a second."""
    length = 0.0 if start is None else (end - start).total_seconds()
    return duration(length) if length >= 1 else None


def after(start: datetime | None, end: datetime) -> str:
    """Return ` after 12 s`, to be put behind a verb; empty where it is nothing to speak of."""
    length = took(start, end)
    return f" after {length}" if length is not None else ""


def so_far(start: datetime | None, now: datetime) -> str:
    """Return `, 12 s so far`, to be put behind what is being done; empty in the first second."""
    length = took(start, now)
    return f", {length} so far" if length is not None else ""
