"""The form by which a channel is subscribed: opened at once, it needs nothing from Dagster+."""

from deploy_core.model.errors import PayloadInvalid
from handlers.cards.answers import open_form_message
from handlers.commands import typed
from handlers.desk import Ask, Desk
from handlers.subscribe_form import Filled, Offer, subscribe_form
from handlers.subscription_commands import OpenSubscribeForm
from handlers.text import subscribe_form as text
from handlers.verbs.subscriptions import subscribe, zone_at_first


async def open_subscribe_form(desk: Desk, ask: Ask, command: OpenSubscribeForm) -> None:
    """Open the form, or offer a button that does where Slack gave no trigger. Raises
    `SlackError`."""
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command), text.OPENS_A_FORM))
    else:
        await desk.slack.open_view(ask.trigger_id, subscribe_form(_offer(desk, ask)))


async def open_filled(desk: Desk, ask: Ask, trigger_id: str, filled: Filled, problem: str) -> None:
    """Open a form that was refused once more, as it was filled in. Raises `SlackError`."""
    offer = _offer(desk, ask, filled, problem)
    await desk.slack.open_view(trigger_id, subscribe_form(offer))


async def subscribe_filled(desk: Desk, ask: Ask) -> None:
    """Have a channel told of what a form says. Raises `PayloadInvalid`, and what `subscribe`
    raises."""
    filled = Filled.read(ask.value)
    if filled is None:
        raise PayloadInvalid("Slack sent a form that can't be read.")
    await subscribe(desk, ask, filled.command)


def _offer(desk: Desk, ask: Ask, filled: Filled | None = None, problem: str = "") -> Offer:
    return Offer(
        channel=ask.channel,
        deployments=tuple(desk.settings.deployments),
        zone=zone_at_first(desk, None),
        filled=None if filled is None else filled.fields,
        problem=problem,
    )
