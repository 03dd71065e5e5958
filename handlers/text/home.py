"""What people read on the app's Home tab."""

from datetime import datetime
from typing import Final

from deploy_core.model.deploys import Deploy
from deploy_core.store.subscriptions import Kept
from handlers import actions
from handlers.mrkdwn import channel_name, date
from handlers.text import deploys as deploy_text
from handlers.text.names import name, who
from handlers.text.subscriptions import subscription_line

TITLE: Final = "Dagster+"
WAITING: Final = "*Waits for you*"
RUNNING: Final = "*Running and waiting deploys*"
SUBSCRIPTIONS: Final = "*Your subscriptions*"
NOTHING_RUNS: Final = "No deploy is running."
NO_SUBSCRIPTIONS: Final = (
    "Nothing that you have subscribed a channel to. The button, or `/dagster subscribe` in a"
    " channel, does it."
)

AWAY: Final = "Dagster+ can't be asked now, so this may be old:"
SLOW: Final = "Dagster+ takes its time to answer."
DEPLOY: Final = "Deploy…"

BUTTONS: Final[dict[str, str]] = {actions.OPEN_FORM: DEPLOY}


def not_known(deployment: str, why: str) -> str:
    """Return what stands for a deployment that can't be asked."""
    return f":warning: *{name(deployment)}*: {why}"


def deploy_line(deploy: Deploy, now: datetime) -> str:
    """Return a deploy on one line."""
    if len(deploy.targets) == 1:
        target = deploy.targets[0]
        what, state = name(target.location), deploy_text.state_line(deploy, target, now)
    else:
        what = f"{len(deploy.targets)} locations"
        state = deploy_text.counts(deploy.targets)
    place = f", in {channel_name(deploy.place.channel)}" if deploy.place is not None else ""
    return (
        f"*{deploy.id}* · {what} on {name(deploy.deployment)}: {state}\n"
        f"{who(deploy.by)} · {date(deploy.created_at)}{place}"
    )


def kept_line(kept: Kept) -> str:
    """Return a subscription on one line."""
    where = channel_name(kept.subscription.channel)
    return f"*{kept.id}* · {where}: {subscription_line(kept.subscription)}"


def as_of(at: datetime) -> str:
    """Return when this was so."""
    return f"As it was {date(at)}; it is renewed while you look at it."


def more(count: int) -> str:
    """Return how many aren't shown."""
    return f"and {count} more"
