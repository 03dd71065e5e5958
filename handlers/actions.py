"""Ids of buttons and forms, and the opaque values that they carry.

A value is the deploy's number, with the target's position where the button is about one location:
`12` or `12:3`. What it may do is looked up and checked again when it is pressed.
"""

import re
from dataclasses import dataclass
from typing import Final

CONFIRM: Final = "deploy.confirm"
PLAN_AGAIN: Final = "deploy.plan_again"
CANCEL: Final = "deploy.cancel"
GO_BACK: Final = "deploy.go_back"
RETRY: Final = "deploy.retry"
ROLL_BACK: Final = "deploy.roll_back"
FULL_ERROR: Final = "deploy.full_error"
OPEN_DAGSTER: Final = "deploy.open_dagster"  # a link; Slack reports the click all the same
OPEN_FORM: Final = "form.open"
FORM_AGAIN: Final = "form.again"  # a form that was refused, with what was typed
COMMAND: Final = "command."
"""Buttons whose value is the text of a command, read and checked as if it was typed."""
TRY_THIS: Final = "command.try"  # a “did you mean” button
SHOW: Final = "command.show"  # another page, or another part, in the place of this one
RUN: Final = "command.run"  # changes something, after Slack has asked
DEPLOY_GIT: Final = "command.run:git"
ADOPT_LIVE: Final = "command.run:adopt"
ONCE: Final = (DEPLOY_GIT, ADOPT_LIVE)
"""Buttons of which one message does what it says once, whoever presses it and how often."""
SHOW_TRACE: Final = "incident.trace"
ACKNOWLEDGE: Final = "incident.acknowledge"
MUTE: Final = "incident.mute"
REEXECUTE: Final = "incident.reexecute"

AGAIN: Final = "proposal.again"
DISCARD: Final = "proposal.discard"
OPEN_PULL_REQUEST: Final = "proposal.open"  # a link

DEPLOY_FORM: Final = "deploy_form"  # callback_id of the modal
REMOVE_FORM: Final = "remove_form"
LOCATION_FORM: Final = "location_form"
REEXECUTE_FORM: Final = "reexecute_form"
SUBSCRIBE_FORM: Final = "subscribe_form"
PROJECT_FORM: Final = "project_form"

SENT: Final = "sent."
"""What a submitted form asks for that isn't the text of a command. No button has such an id."""
REMOVE: Final = "sent.remove"
PUT: Final = "sent.put"
START_AGAIN: Final = "sent.reexecute"
SUBSCRIBE: Final = "sent.subscribe"

BUTTONS: Final = (CONFIRM, PLAN_AGAIN, CANCEL, GO_BACK, RETRY, ROLL_BACK, FULL_ERROR)
"""The buttons of a deploy's card that change something or answer, in the order of the card."""

INCIDENT_BUTTONS: Final = (REEXECUTE, SHOW_TRACE, ACKNOWLEDGE, MUTE)
"""The buttons of a message about failed runs; their value is the incident's number."""

PROPOSAL_BUTTONS: Final = (AGAIN, DISCARD)
"""The buttons of a message about a pull request; their value is the proposal's number."""

LINKS: Final = (OPEN_DAGSTER, OPEN_PULL_REQUEST)
"""Buttons that open an address: Slack reports the click all the same."""


@dataclass(frozen=True)
class ButtonValue:
    """Which deploy, and which of its targets, a pressed button is about."""

    deploy: int
    position: int | None = None


def button_value(deploy: int, position: int | None = None) -> str:
    """Return the value that a button carries."""
    return str(deploy) if position is None else f"{deploy}:{position}"


def read_button_value(value: str) -> ButtonValue | None:
    """Read a button's value; None for one that we didn't make."""
    match = re.fullmatch(r"(\d{1,18})(?::(\d{1,6}))?", value, re.ASCII)
    if match is None:
        return None
    return ButtonValue(int(match[1]), None if match[2] is None else int(match[2]))
