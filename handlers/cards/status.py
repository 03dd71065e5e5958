"""What is live: one line a location, the ones that are broken first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from handlers import limits
from handlers.blocks import Message, context, header, section, weight
from handlers.mrkdwn import code, date, words
from handlers.text.deploys import name


class LiveState(StrEnum):
    """How a code location stands in Dagster+, those that need eyes first."""

    BROKEN = "doesn't load"
    LOADING = "loading"
    LOADED = "loaded"


_EMOJI: Final = {
    LiveState.BROKEN: ":x:",
    LiveState.LOADING: ":hourglass:",
    LiveState.LOADED: ":white_check_mark:",
}
_FIRST: Final = {state: at for at, state in enumerate(LiveState)}


@dataclass(frozen=True)
class StatusLine:
    """One code location: its state, a version's label, and the error's headline if it is broken.

    `deploy` is the number of our deploy that put it there, if one did; `since` is when it changed.
    """

    location: str
    state: LiveState
    version: str
    headline: str = ""
    since: datetime | None = None
    deploy: int | None = None


def status_message(deployment: str, lines: list[StatusLine]) -> Message:
    """Return what is live on a deployment; what doesn't fit is counted."""
    ordered = sorted(lines, key=lambda line: (_FIRST[line.state], line.location))
    blocks = [header(f"{deployment}: {_counts(lines)}")]
    held: list[str] = []
    shown = 0
    for line in map(_line, ordered):
        grown = "\n".join([*held, line])
        if limits.size(grown) > 2_500:
            blocks.append(section("\n".join(held)))
            held, grown = [], line
        if weight([*blocks, section(grown)]) > limits.MESSAGE_BLOCKS_JSON - 300:
            break
        held.append(line)
        shown += 1
    if held:
        blocks.append(section("\n".join(held)))
    if shown < len(ordered):
        blocks.append(context(f"and {len(ordered) - shown} more: {_counts(ordered[shown:])}"))
    broken = [line for line in ordered if line.state is not LiveState.LOADED][:3]
    said = [f"{name(deployment)}: {_counts(lines)}."]
    said += [f"{name(line.location)}: {line.state.value}." for line in broken]
    return Message(text=" ".join(said), blocks=blocks)


def _counts(lines: list[StatusLine]) -> str:
    if not lines:
        return "no code locations"
    found = [(state, sum(line.state is state for line in lines)) for state in LiveState]
    return ", ".join(f"{count} {state.value}" for state, count in found if count)


def _line(line: StatusLine) -> str:
    parts = [f"{_EMOJI[line.state]} *{name(line.location)}*: {line.state.value}"]
    parts.append(code(line.version, 60))
    if line.since is not None:
        parts.append(f"since {date(line.since)}")
    if line.deploy is not None:
        parts.append(f"deploy {line.deploy}")
    said = " · ".join(parts)
    return f"{said}\n    {words(line.headline, 200)}" if line.headline else said
