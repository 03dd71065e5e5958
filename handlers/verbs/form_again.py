"""A form that was refused after it was sent is opened once more, with all that was filled in."""

import json

from deploy_core.model.errors import DeployError, UsageError
from handlers import actions, limits
from handlers.blocks import actions as row
from handlers.blocks import button
from handlers.cards.answers import error_message
from handlers.desk import Ask, Desk
from handlers.location_form import Described
from handlers.subscribe_form import Filled
from handlers.text import forms as text
from handlers.verbs import location_form, subscribe_form


async def offer_again(desk: Desk, ask: Ask, error: DeployError) -> None:
    """Say why what a form asked for was refused, with a button that opens it again."""
    value = json.dumps([ask.key, error.summary])
    if limits.size(value) > limits.BUTTON_VALUE:
        value = json.dumps([ask.key, ""])
    again = button(text.OPEN_AGAIN, actions.FORM_AGAIN, value, style="primary")
    await desk.private(ask, error_message(error, further=(row(again),)))


async def open_again(desk: Desk, ask: Ask) -> None:
    """Open a form that was refused once more. Raises `UsageError`, `SlackError`."""
    key, problem = _again(ask.value)
    kept = await desk.store.inbox.payload_of(key)
    earlier = None if kept is None else Ask.from_payload(key, kept)
    if earlier is None or earlier.by.key != ask.by.key or ask.trigger_id is None:
        raise UsageError(text.LOST, next_step=text.LOST_STEP)
    if earlier.action == actions.PUT and (said := Described.read(earlier.value)) is not None:
        await location_form.open_described(desk, earlier, ask.trigger_id, said, problem)
    elif earlier.action == actions.SUBSCRIBE and (filled := Filled.read(earlier.value)) is not None:
        await subscribe_form.open_filled(desk, earlier, ask.trigger_id, filled, problem)
    else:
        raise UsageError(text.LOST, next_step=text.LOST_STEP)


def _again(value: str) -> tuple[str, str]:
    try:
        key, problem = json.loads(value)
    except (ValueError, TypeError):
        raise UsageError("This button isn't one of ours.") from None
    return str(key), str(problem)
