"""What Slack makes of text that a person types: mentions, channels, links, escaped signs."""

import re
from collections.abc import Callable

from sandbox.slack.state import State

Replace = Callable[[re.Match[str]], str]

_LINK = re.compile(r"\bhttps?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")
_MAIL = re.compile(r"\b[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}\b")
_DOMAIN = re.compile(r"(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|cloud|eu|ai)(?:/\S*)?\b")
_PERSON = re.compile(r"(?<![\w<])@([\w.-]*\w)")
_CHANNEL = re.compile(r"(?<![\w<&])#([\w-]+)")
_KEPT = re.compile(r"<(?:[@#!][A-Za-z0-9^|_ .-]+|https?://[^>]+|mailto:[^>]+)>")


def escape_signs(text: str) -> str:
    """The three signs that mean something in Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_slack_sends(state: State, text: str) -> str:
    """Typed text as it is stored in a message, or sent with an escaping slash command.

    Mentions and links that are already in Slack's form stay as they are.
    """
    done: list[str] = []
    start = 0
    for kept in _KEPT.finditer(text):
        done.append(_plain_part(state, text[start : kept.start()]))
        done.append(kept.group())
        start = kept.end()
    return "".join([*done, _plain_part(state, text[start:])])


def _plain_part(state: State, text: str) -> str:
    people = {each.name.lower(): each.id for each in state.people.values()}
    channels = {each.name: each.id for each in state.channels.values() if each.im_with is None}

    def person(match: re.Match[str]) -> str:
        found = people.get(match.group(1).lower())
        return f"<@{found}>" if found else match.group()

    def channel(match: re.Match[str]) -> str:
        found = channels.get(match.group(1))
        return f"<#{found}|{match.group(1)}>" if found else match.group()

    pieces = re.split(r"(`[^`]*`|\s+)", escape_signs(text))
    return "".join(
        each if each.startswith("`") else _word(each, person, channel) for each in pieces
    )


def _word(word: str, person: Replace, channel: Replace) -> str:
    if _LINK.search(word):
        return _LINK.sub(lambda match: f"<{match.group()}>", word)
    if _MAIL.search(word):
        return _MAIL.sub(lambda match: f"<mailto:{match.group()}|{match.group()}>", word)
    word = _PERSON.sub(person, word)
    word = _CHANNEL.sub(channel, word)
    if word.startswith("<"):
        return word
    return _DOMAIN.sub(lambda match: f"<http://{match.group()}|{match.group()}>", word)
