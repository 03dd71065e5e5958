"""Who is told of what; what was held back and is over; a channel that can't be posted to."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from deploy_core.model.deploys import Deploy
from deploy_core.model.states import GOOD_ENDS
from deploy_core.store.subscriptions import Kept
from deploy_core.watch.incidents import Incident
from deploy_core.watch.subscriptions import Mute, Subscription
from handlers import actions, limits
from handlers.blocks import Block, Message, button, command_button, context, section, weight
from handlers.blocks import actions as row
from handlers.cards.summary import summary
from handlers.commands import typed
from handlers.mrkdwn import channel_name
from handlers.subscription_commands import OpenSubscribeForm, Unsubscribe
from handlers.text import subscribe_form as form_text
from handlers.text import subscriptions as text

MOST_SHOWN = 20
MOST_LISTED = 25


def subscriptions_message(
    channel: str | None,
    fixed: Sequence[Subscription],
    kept: Sequence[Kept],
    mutes: Sequence[Mute],
    *,
    own_of: Sequence[str] = (),
) -> Message:
    """Return what a channel is told of, or with no channel what all are. `own_of` are the
    deployments whose own channel it is."""
    blocks: list[Block] = []
    if own_of:
        blocks.append(context(text.own_channel_line(own_of)))
    over = {each.channel for each in fixed}
    blocks += [section(_where(channel, each, text.fixed_line(each))) for each in fixed]
    for each in kept:
        blocks.append(_line(channel, each))
        if each.subscription.channel in over:
            blocks.append(context(text.not_in_force(each.id)))
    blocks += [section(f"{channel_name(each.channel)}: {text.mute_line(each)}") for each in mutes]
    said = f"{len(fixed) + len(kept)} subscriptions."
    if not (fixed or kept or own_of or mutes):
        said = text.nothing_subscribed(channel)
        blocks = [section(said)]
    shown = blocks[:MOST_LISTED]
    while weight(shown) > limits.MESSAGE_BLOCKS_JSON - 500:
        shown.pop()
    if len(shown) < len(blocks):
        shown.append(context(f"and {len(blocks) - len(shown)} more"))
    if channel is None or not fixed:
        shown.append(row(subscribe_button()))
    return Message(text=said, blocks=shown)


def subscribe_button() -> Block:
    """Return the button that opens the form by which a channel is subscribed."""
    [(action, label)] = form_text.BUTTONS.items()
    return button(label, action, typed(OpenSubscribeForm()))


def unsubscribe_button(kept: Kept) -> list[Block]:
    """Return the button that ends a subscription."""
    action = f"{actions.TRY_THIS}:unsubscribe"
    return command_button(text.BUTTONS[action], action, typed(Unsubscribe(kept.id)))


def _line(channel: str | None, kept: Kept) -> Block:
    line = f"*{kept.id}* · {text.subscription_line(kept.subscription)}"
    return section(_where(channel, kept.subscription, line), *unsubscribe_button(kept))


def _where(channel: str | None, subscription: Subscription, line: str) -> str:
    return line if channel is not None else f"{channel_name(subscription.channel)}: {line}"


def meanwhile_message(data: Mapping[str, JsonValue], incidents: list[Incident]) -> Message:
    """Return what came and went while a channel was quiet."""
    numbers = data.get("incidents")
    count = len(numbers) if isinstance(numbers, list) else len(incidents)
    since = datetime.fromisoformat(str(data["since"]))
    said = text.meanwhile(str(data.get("deployment")), count, since)
    lines = [f"• {text.over_line(each)}" for each in incidents[:MOST_SHOWN]]
    blocks = [section(f":white_check_mark: {said}:"), *([section("\n".join(lines))] * bool(lines))]
    if count > len(lines):
        blocks.append(context(f"and {count - len(lines)} more"))
    return Message(text=f"{said}.", blocks=blocks)


def ended_message(deploy: Deploy, card: str | None, *, now: datetime) -> Message:
    """Return how a deploy has ended; `card` is the address of its own message."""
    said = summary(deploy, now)
    good = all(target.state in GOOD_ENDS for target in deploy.targets)
    line = f"{':white_check_mark:' if good else ':x:'} {said}"
    return Message(text=said, blocks=[section(line), context(text.deploy_foot(deploy, card))])


def closed_message(data: Mapping[str, JsonValue]) -> Message:
    """Return what people in charge are told about a channel that can't be posted to."""
    line = text.closed(data)
    return Message(text=line, blocks=[section(f":warning: {line}")])
