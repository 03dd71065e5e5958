"""What people read about who is told, and about what was held back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from deploy_core.model.deploys import Deploy
from deploy_core.model.people import Actor
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import Incident
from deploy_core.watch.subscriptions import Event, Mute, Scope, Subscription
from handlers import actions
from handlers.mrkdwn import channel_name, code, date, duration, link, words
from handlers.text.names import name, who

EVENTS: Final = {
    Event.FAILURES: "code locations that fail to load, and recover",
    Event.AGENTS: "agents that are gone, and come back",
    Event.CHANGES: "changes made outside the bot",
    Event.RUNS: "runs that fail",
    Event.SILENCE: "schedules, sensors and run queues that fall silent",
    Event.DEPLOYS: "deploys that have ended",
}

BUTTONS: Final[dict[str, str]] = {f"{actions.TRY_THIS}:unsubscribe": "Unsubscribe"}

MOST_NAMES = 20


def scope_words(scope: Scope) -> str:
    """Return what a subscription or a mute is about."""
    parts = []
    if scope.only:
        listed = ", ".join(code(each, 80) for each in scope.only[:MOST_NAMES])
        more = len(scope.only) - MOST_NAMES
        parts.append(f"for {listed}" + (f" and {more} more" if more > 0 else ""))
    if scope.deployment is not None:
        parts.append(f"on {name(scope.deployment)}")
    return " ".join(parts) or "for everything"


def events_words(events: Iterable[Event]) -> str:
    """Return the events; none of them means all."""
    listed = list(events)
    if not listed or set(listed) == set(Event):
        return "all that happens"
    return ", ".join(EVENTS[each] for each in listed)


def subscription_line(subscription: Subscription) -> str:
    """Return all that a subscription says, on one line."""
    parts = []
    if subscription.events or subscription.digest is None:
        parts.append(f"{events_words(subscription.events)}, {scope_words(subscription)}")
    if subscription.digest is not None:
        about = "" if parts else f", {scope_words(subscription)}"
        parts.append(f"a digest {code(subscription.digest, 60)}{about}")
    if subscription.quiet is not None:
        parts.append(f"quiet {code(subscription.quiet, 60)}")
    return "; ".join(parts)


def subscribed(number: int, subscription: Subscription, by: Actor) -> str:
    """Return what is said in the channel that is subscribed now."""
    return (
        f"{who(by)} has subscribed this channel to {subscription_line(subscription)}."
        f" `/dagster unsubscribe {number}` ends it."
    )


def subscribed_there(number: int, subscription: Subscription) -> str:
    """Return the answer to whoever has subscribed another channel."""
    where = channel_name(subscription.channel)
    return f"Subscription {number}: {where} is told of {subscription_line(subscription)}."


def fits_now(locations: int) -> str:
    """Return how many code locations the names stand for."""
    what = "1 code location fits" if locations == 1 else f"{locations} code locations fit"
    return f"Just now {what}."


def is_subscribed(number: int, subscription: Subscription) -> str:
    """Return the answer to a subscription that is there already."""
    where = channel_name(subscription.channel)
    return f"{where} is told of that already, by subscription {number}."


def unsubscribed(numbers: Iterable[int], channel: str) -> str:
    """Return the answer to `unsubscribe`."""
    listed = [str(each) for each in numbers]
    what = f"Subscription {listed[0]} has" if len(listed) == 1 else "These subscriptions have"
    which = "" if len(listed) == 1 else f" ({', '.join(listed)})"
    return f"{what} ended{which} in {channel_name(channel)}."


def unsubscribed_by(numbers: Iterable[int], by: Actor) -> str:
    """Return what is said in a channel whose subscriptions somebody has ended."""
    listed = ", ".join(str(each) for each in numbers)
    return f"{who(by)} has ended this channel's subscriptions: {listed}."


def own_channel_line(deployments: Iterable[str]) -> str:
    """Return what a deployment's own channel is told without a subscription."""
    named = ", ".join(name(each) for each in deployments)
    return f"It is the own channel of {named}: it is told of everything there."


def fixed_line(subscription: Subscription) -> str:
    """Return a subscription of the configuration file."""
    return f"{subscription_line(subscription)} (the configuration file)"


def not_in_force(number: int) -> str:
    """Return what is said of a subscription that the configuration file goes over."""
    return (
        f"Subscription {number} doesn't count: the configuration file says what this channel is"
        " told, and wins."
    )


def nothing_subscribed(channel: str | None) -> str:
    """Return the answer where nothing is subscribed."""
    where = "No channel" if channel is None else channel_name(channel)
    subject = f"{where} is" if channel is None else f"{where} isn't"
    return f"{subject} subscribed to anything. `/dagster subscribe` does it."


def muted(mute: Mute, by: Actor) -> str:
    """Return what is said in a channel that is muted now."""
    about = "" if not (mute.events or mute.only or mute.deployment) else f" {_about(mute)}"
    return (
        f"{who(by)} has muted this channel{about} until {date(mute.until)}. What is still so then"
        " is said then. `/dagster mute off` ends it."
    )


def mute_line(mute: Mute) -> str:
    """Return a mute, on one line."""
    return f"muted until {date(mute.until)}: {_about(mute)}"


def _about(mute: Mute) -> str:
    return f"{events_words(mute.events)}, {scope_words(mute)}"


def unmuted(by: Actor) -> str:
    """Return what is said in a channel that is no longer muted."""
    return (
        f"{who(by)} has ended the muting of this channel. What it has held back already comes at"
        " the time that was said."
    )


def not_muted(channel: str) -> str:
    """Return the answer to the end of a mute that isn't there."""
    return f"{channel_name(channel)} isn't muted."


def over_line(incident: Incident) -> str:
    """Return something that came and went while nothing was told."""
    ended = incident.ended_at or incident.changed_at
    lasted = duration(max(0.0, (ended - incident.opened_at).total_seconds()))
    if incident.kind == RUNS:
        job = (incident.data or {}).get("job")
        return f"runs of {name(str(job))} failed, for {lasted}"
    if incident.kind == "locations":
        return f"*{name(incident.subject)}* failed to load, for {lasted}"
    return f"{name(incident.subject)}, for {lasted}"


def meanwhile(deployment: str, count: int, since: datetime) -> str:
    """Return what is said of all that was held back and is over."""
    what = "1 thing broke and is" if count == 1 else f"{count} things broke and are"
    return f"While this channel was quiet, since {date(since)}, {what} over on {name(deployment)}"


def deploy_foot(deploy: Deploy, card: str | None) -> str:
    """Return whose deploy it was, and where its message is."""
    why = f" · “{words(deploy.why, 100)}”" if deploy.why else ""
    shown = f" · {link(card, 'its message')}" if card is not None else ""
    return f"Deploy {deploy.id} by {who(deploy.by)}{why}{shown}"


def closed(data: Mapping[str, JsonValue]) -> str:
    """Return what people in charge are told about a channel that can't be posted to."""
    named = data.get("deployments")
    listed = ", ".join(name(str(each)) for each in named) if isinstance(named, list) else ""
    return (
        f"I can't post in {channel_name(str(data.get('closed')))}, which is told of {listed}: it is"
        " archived or gone, or I am not in it. Invite me to it, or name another one. Until then"
        " its messages come to you or to the deployment's home channel."
    )
