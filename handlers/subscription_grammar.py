"""The text after `subscribe`, `unsubscribe`, `subscriptions` and `mute`, read into a command.

subscribe [#CHANNEL] [EVENT…] [for NAME…] [in DEPLOYMENT] [quiet 22:00-07:00 [ZONE]]
          [digest daily 09:00 [ZONE]]
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from deploy_core.watch.subscriptions import WEEKDAYS, Event, digest_times, quiet_hours
from handlers.subscription_commands import (
    MuteChannel,
    OpenSubscribeForm,
    Subscribe,
    SubscriptionCommand,
    Subscriptions,
    Unsubscribe,
)
from handlers.usage import form_error, near, no_option, short
from handlers.words import Word

VERBS: Final = ("subscribe", "unsubscribe", "subscriptions", "mute")
MOST_NAMES: Final = 50
MOST_NAME: Final = 200
MOST_MINUTES: Final = 14 * 24 * 60

_CHANNEL = re.compile(r"#([CDG][A-Z0-9]{5,30})")
_LINKED = re.compile(r"<#([CDG][A-Z0-9]+)(?:\|[^<>]*)?>")
_RANGE = re.compile(r"(\d{1,2})(?::(\d\d))?[-–—](\d{1,2})(?::(\d\d))?")  # noqa: RUF001
_TIME = re.compile(r"(\d{1,2}):(\d\d)")
ZONE_FORM: Final = re.compile(r"[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+|UTC")
"""Time zones that can be typed: others can't be told from the words beside them."""

_LENGTH = re.compile(r"(\d{1,5})(m|min|h|d)")
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 24 * 60}
_DEPLOYMENT = frozenset({"in", "on", "to"})
_ALSO = {
    "all": tuple(each.value for each in Event),
    "everything": tuple(each.value for each in Event),
    "failure": (Event.FAILURES.value,),
    "agent": (Event.AGENTS.value,),
    "change": (Event.CHANGES.value,),
    "run": (Event.RUNS.value,),
    "failed-runs": (Event.RUNS.value,),
    "deploy": (Event.DEPLOYS.value,),
}


@dataclass
class _Said:
    """The parts of a text, whatever the verb; `place` is where a bare word belongs."""

    verb: str
    channel: str | None = None
    events: list[str] = field(default_factory=list)
    only: list[str] = field(default_factory=list)
    deployment: str | None = None
    quiet: str | None = None
    digest: str | None = None
    number: int | None = None
    minutes: int | None = None
    all: bool = False
    place: str = "events"


def with_channel_ids(text: str) -> str:
    """Return the text with Slack's links to channels (`<#C012|name>`) as their ids (`#C012`)."""
    return _LINKED.sub(r"#\1", text)


def parse_subscription(verb: str, words: Sequence[Word]) -> SubscriptionCommand:
    """Read a command about who is told. Raises `UsageError`."""
    if verb == "subscribe" and not words:
        return OpenSubscribeForm()
    said, rest = _Said(verb), list(words)
    while rest:
        _read(said, rest.pop(0), rest)
    if len(said.only) > MOST_NAMES:
        raise form_error(verb, f"More than {MOST_NAMES} names are given.")
    events, only = tuple(dict.fromkeys(said.events)), tuple(dict.fromkeys(said.only))
    match verb:
        case "subscribe":
            return Subscribe(said.channel, events, only, said.deployment, said.quiet, said.digest)
        case "unsubscribe":
            return Unsubscribe(said.number, said.channel, said.all)
        case "subscriptions":
            return Subscriptions(said.channel, said.all)
    if said.minutes is None:
        raise form_error(verb, "It isn't said for how long.")
    return MuteChannel(said.minutes, said.channel, events, only, said.deployment)


def _read(said: _Said, word: Word, rest: list[Word]) -> None:
    if word.option is not None:
        _read_option(said, word)
        return
    bare = word.bare.rstrip(",") if word.bare is not None else None
    if bare is not None and bare.startswith("#"):
        _read_channel(said, word.raw.rstrip(","))
    elif said.verb in {"unsubscribe", "subscriptions"}:
        _read_number(said, word)
    elif bare == "for":
        said.place = "only"
    elif bare in _DEPLOYMENT:
        said.deployment = _name(said, rest.pop(0)) if rest else _missing(said, "a deployment")
    elif bare == "quiet" and said.verb == "subscribe":
        said.quiet = _quiet(said, rest)
    elif bare == "digest" and said.verb == "subscribe":
        said.digest = _digest(said, rest)
    elif said.verb == "mute" and said.minutes is None and (length := _length(bare)) is not None:
        said.minutes = _not_too_long(said, length)
    else:
        _read_bare(said, word)


def _read_option(said: _Said, word: Word) -> None:
    if word.option == "all" and said.verb in {"unsubscribe", "subscriptions"}:
        said.all = True
        return
    raise no_option(said.verb, word.option or "")


def _read_channel(said: _Said, raw: str) -> None:
    found = _CHANNEL.fullmatch(raw)
    if found is None:
        if said.verb == "unsubscribe" and raw[1:].isdecimal():
            said.number = int(raw[1:][:18])
            return
        raise form_error(
            said.verb,
            f"Slack doesn't say which channel {short(raw)} is: a private one must be said there.",
        )
    if said.channel not in {None, found[1]}:
        raise form_error(said.verb, "Two channels are named; say one of them.")
    said.channel = found[1]


def _read_number(said: _Said, word: Word) -> None:
    if said.verb != "unsubscribe" or re.fullmatch(r"\d{1,18}", word.raw, re.ASCII) is None:
        raise form_error(said.verb, f"“{short(word.raw)}” has no place here.")
    said.number = int(word.raw)


def _read_bare(said: _Said, word: Word) -> None:
    if said.place == "only":
        if word.quoted is not None:
            said.only.append(_name(said, word))
        else:
            said.only += [_checked(said, part) for part in word.raw.split(",") if part]
        return
    for part in word.raw.lower().split(","):
        if part in _ALSO:
            said.events += _ALSO[part]
        elif part in set(Event):
            said.events.append(part)
        elif part:
            known = [each.value for each in Event]
            raise form_error(
                said.verb,
                f"“{short(part)}” is no event: there are {', '.join(known)} and all."
                " Names of code locations stand after “for”.",
                choices=near(part, known),
            )


def _quiet(said: _Said, rest: list[Word]) -> str:
    found = _RANGE.fullmatch(rest.pop(0).raw) if rest else None
    if found is None:
        _missing(said, "quiet hours such as 22:00-07:00")
    start, end = (f"{int(found[at]):02}:{found[at + 1] or '00'}" for at in (1, 3))
    return _valid(said, f"{start}-{end}{_zone(rest)}", quiet_hours)


def _digest(said: _Said, rest: list[Word]) -> str:
    often = rest.pop(0).raw.lower() if rest else ""
    if often == "weekly":
        day = rest.pop(0).raw.lower()[:3] if rest else ""
        often = f"weekly {day}" if day in WEEKDAYS else ""
    found = _TIME.fullmatch(rest.pop(0).raw) if often and rest else None
    if found is None:
        _missing(said, "the times of a digest, such as daily 09:00 or weekly mon 09:00")
    return _valid(said, f"{often} {int(found[1]):02}:{found[2]}{_zone(rest)}", digest_times)


def _zone(rest: list[Word]) -> str:
    if not rest or rest[0].quoted is not None or ZONE_FORM.fullmatch(rest[0].raw) is None:
        return ""
    return f" {rest.pop(0).raw}"


def _length(bare: str | None) -> int | None:
    if bare == "off":
        return 0
    found = _LENGTH.fullmatch(bare or "")
    return None if found is None else int(found[1]) * _MINUTES[found[2]]


def _not_too_long(said: _Said, minutes: int) -> int:
    if minutes > MOST_MINUTES:
        raise form_error(said.verb, "Nothing is muted for more than 14 days.")
    return minutes


def _valid(said: _Said, text: str, read: Callable[[str], object]) -> str:
    try:
        read(text)
    except ValueError as error:
        raise form_error(said.verb, f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return text


def _name(said: _Said, word: Word) -> str:
    return _checked(said, word.raw if word.quoted is None else word.quoted)


def _checked(said: _Said, name: str) -> str:
    name = name.strip()
    if not name or len(name) > MOST_NAME:
        raise form_error(said.verb, "A name is empty, or longer than 200 characters.")
    return name


def _missing(said: _Said, what: str) -> NoReturn:
    raise form_error(said.verb, f"Something is missing: {what}.")
