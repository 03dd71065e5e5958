"""Short private answers to commands and buttons."""

import re
from typing import Final

from deploy_core.model.deploys import Deploy, Press, Stop
from handlers.mrkdwn import code, link
from handlers.text.deploys import BUTTONS
from handlers.text.names import name, who
from handlers.text.steps import queue_words

RUN_IT: Final = "Run it"
OPEN_FORM: Final = "Open form"
ADD_LOCATION: Final = "Add a code location"
ALL_THE_SAME: Final = "Do it all the same"


def queued(deploy: int, location: str, ahead: tuple[int, ...]) -> str:
    """Return the answer to a deploy whose target is busy."""
    return f"Deploy {deploy}, {name(location)}: {queue_words(ahead)}."


def stopping(deploy: int, stop: Stop) -> str:
    """Return the answer to a cancel, or a go back, that was taken."""
    if stop is Stop.CANCEL:
        return f"Deploy {deploy} is being cancelled."
    return f"Deploy {deploy}: the wait ends, and what was live before is put back."


def already_sent(deploy: Deploy) -> str:
    """Return the answer to a cancel after the change was sent."""
    return (
        f"Deploy {deploy.id} is already with Dagster+, so it can't be cancelled."
        " It can go back to what was live before."
    )


def card_elsewhere(channel: str, permalink: str | None) -> str:
    """Return where the card is when it can't be in the channel of the command."""
    shown = f"<#{channel}>" if re.fullmatch(r"[A-Z0-9]+", channel) else code(channel)
    where = f"{link(permalink, 'here')}, in {shown}" if permalink else f"in {shown}"
    return f"I can't post in this channel; the deploy's message is {where}."


def card_in_direct_message() -> str:
    """Return where the card is when no channel takes it."""
    return "I can't post in this channel; the deploy's message is in our direct messages."


def in_direct_message(deploy: int) -> str:
    """Return where a file is that only the person who asked may see."""
    return f"The log of deploy {deploy} is long: you have it as a file in our direct messages."


def pressed_already(press: Press) -> str:
    """Return the answer to a second press of a used button."""
    label = BUTTONS.get(press.action, "That button")
    return f"{label} was pressed already, by {who(press.by)}."


def error_in_thread(deploy: int) -> str:
    """Return the answer to “Full error” when its window can no longer be opened."""
    return (
        f"The bot was restarted just then. The full error of deploy {deploy} is in the thread of"
        " its message; or press Full error again."
    )


def choose_with_form() -> str:
    """Return the line above the “Open form” button; a mention can't open a form by itself."""
    return "Which code location should be deployed? Open the form, or name it after `deploy`."


def looking() -> str:
    """Return the private answer while the plan takes its time."""
    return "The plan is being made; git or Dagster+ takes its time to answer."


def said_twice(seconds: int) -> str:
    """Return the answer to the same words by the same person within so many seconds."""
    return (
        "You said the same a moment ago: it is being dealt with, and not done twice."
        f" To have it done again, say it again after {seconds} seconds."
    )


def pressed_here(minutes: int) -> str:
    """Return the answer to a button that works once, pressed again within so many minutes."""
    return (
        "This button was pressed already: it is being dealt with, and not done twice."
        f" To have it done again, write the command, or press it after {minutes} minutes."
    )


def no_deploys() -> str:
    """Return the answer to `deploys` before the first one."""
    return "There are no deploys yet. Start one with `/dagster deploy LOCATION`."
