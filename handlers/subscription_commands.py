"""What a person can ask for about who is told, and how it is written as text."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Subscribe:
    """Have a channel told; without one the channel that it is said in. `events` is empty for all
    of them, unless a digest is asked for. Quiet hours and digests may have no zone yet."""

    channel: str | None = None
    events: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    deployment: str | None = None
    quiet: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class OpenSubscribeForm:
    """`subscribe` and nothing more: open the form."""


@dataclass(frozen=True)
class Unsubscribe:
    """End a subscription by its number, or all of a channel."""

    number: int | None = None
    channel: str | None = None
    all: bool = False


@dataclass(frozen=True)
class Subscriptions:
    """Say what a channel is told of, or `all` channels."""

    channel: str | None = None
    all: bool = False


@dataclass(frozen=True)
class MuteChannel:
    """Tell a channel nothing new for so many minutes; 0 ends it."""

    minutes: int
    channel: str | None = None
    events: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    deployment: str | None = None


SubscriptionCommand = Subscribe | OpenSubscribeForm | Unsubscribe | Subscriptions | MuteChannel


def subscription_words(command: SubscriptionCommand) -> list[str]:
    """Return the words of the text that reads as this command."""
    named = None if isinstance(command, OpenSubscribeForm) else command.channel
    channel = f"#{named}" if named is not None else ""
    match command:
        case Subscribe():
            said = _scope(command.events, command.only, command.deployment)
            quiet = f"quiet {command.quiet}" if command.quiet is not None else ""
            digest = f"digest {command.digest}" if command.digest is not None else ""
            words = [channel, *said, quiet, digest]
            return ["subscribe", *words] if any(words) else ["subscribe", "all"]
        case OpenSubscribeForm():
            return ["subscribe"]
        case Unsubscribe():
            number = str(command.number) if command.number is not None else ""
            return ["unsubscribe", number, channel, "--all" if command.all else ""]
        case Subscriptions():
            return ["subscriptions", channel, "--all" if command.all else ""]
        case MuteChannel():
            said = _scope(command.events, command.only, command.deployment)
            return ["mute", channel, length_words(command.minutes), *said]


def length_words(minutes: int) -> str:
    """Return so many minutes as they are typed: `off`, `45m`, `2h`, `3d`."""
    if not minutes:
        return "off"
    for size, letter in ((24 * 60, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{letter}"
    return f"{minutes}m"


def _scope(events: tuple[str, ...], only: tuple[str, ...], deployment: str | None) -> list[str]:
    names = ["for", *map(_quoted, only)] if only else []
    return [*events, *names, *(["in", _quoted(deployment)] if deployment is not None else [])]


def _quoted(name: str) -> str:
    if re.fullmatch(r"[A-Za-z][\w.*?/-]*\d*", name, re.ASCII) and not _means_something(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _means_something(name: str) -> bool:
    return name.lower() in {"for", "in", "on", "to", "quiet", "digest"}
