"""What people read when a code location is removed or brought back."""

from typing import Final

from deploy_core.dagster_plus.values import Run
from deploy_core.model.documents import version_of
from deploy_core.model.people import Actor
from deploy_core.removal import Going
from handlers.mrkdwn import code, words
from handlers.text.names import name, version, who

TITLE: Final = "Remove code location"
SUBMIT: Final = "Remove"
LOADING: Final = "Looking up what would go…"
NAME: Final = "Type the name of the code location to remove it"
RESTORE: Final = "Restore"
RESTORE_TITLE: Final = "Restore it?"
NOT_NOW: Final = "Not now"
REMOVE: Final = "Remove"
RESTORED: Final = "brought back after it was removed"
MOST_NAMES: Final = 8


def going_lines(found: Going) -> list[str]:
    """Return what would go, line by line."""
    what = (
        f"*{name(found.location)}* goes from *{name(found.deployment)}*, at"
        f" {version(version_of(found.document))}. It is kept here and can be brought back with"
        f" {code(f'/dagster restore-location {found.location}', 200)}."
    )
    lines = [what]
    held = found.contents
    if held is None:
        lines.append("It isn't loaded, so nobody can say what is in it.")
    else:
        lines += [
            f"*Assets:* {held.assets}",
            f"*Jobs:* {_listed(held.jobs)}",
            f"*Schedules that are on:* {_listed(held.schedules)}",
            f"*Sensors that are on:* {_listed(held.sensors)}",
        ]
    lines.append(_runs(found.runs))
    return lines


def _runs(runs: tuple[Run, ...] | None) -> str:
    if runs is None:
        return "*Runs in flight:* Dagster+ doesn't say"
    if not runs:
        return "*Runs in flight:* none"
    jobs = _listed([run.job for run in runs])
    return f":warning: *Runs in flight:* {len(runs)} ({jobs})"


def _listed(names: list[str]) -> str:
    if not names:
        return "none"
    shown = ", ".join(words(each, 60) for each in names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def not_the_name(location: str) -> str:
    """Return what stands under the field when another name was typed. Plain text."""
    return f"Type {location[:100]} exactly as it is written."


def removed(location: str, deployment: str, by: Actor) -> str:
    """Return the message after a removal."""
    return (
        f":wastebasket: {name(location)} was removed from {name(deployment)} by {who(by)}."
        f" It can be brought back with {code(f'/dagster restore-location {location}', 200)}."
    )


def restore_asks(deployment: str) -> str:
    """Return what Slack asks before a location is brought back. Plain text."""
    return f"What it was is deployed to {deployment[:60]} again, and verified like any deploy."


def ask_by_button(location: str) -> str:
    """Return the line above a button that opens the form; a mention can't open one by itself."""
    return f"What would go with {name(location)} is shown in a form, which asks for its name."
