"""The whole result of a deploy in a sentence: the `text` of its message, read where blocks aren't
shown (notifications, screen readers, search)."""

from datetime import datetime

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.states import DeployState, TargetState
from handlers.cards.failures import short_failure
from handlers.mrkdwn import words
from handlers.text import deploys as text
from handlers.text.deploys import label, name

_S = TargetState


def summary(deploy: Deploy, now: datetime) -> str:
    """Return the state or the result in words, escaped, below 1,500 characters."""
    if len(deploy.targets) == 1:
        return one(deploy, deploy.targets[0], now)
    total = len(deploy.targets)
    place = name(deploy.deployment)
    if not deploy.ended:
        if deploy.state is DeployState.PLANNED:
            return f"The plan to deploy {total} locations to {place} waits for Confirm."
        return f"Deploying {total} locations to {place}: {text.counts(deploy.targets)}."
    took = text.seconds(deploy.created_at, deploy.ended_at or now)
    line = f"{total} locations deployed to {place} after {took}: {text.counts(deploy.targets)}."
    bad = [target for target in deploy.targets if target.failure is not None]
    shown = [f"{name(target.location)}: {words(short_failure(target), 150)}" for target in bad[:3]]
    if shown:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        line += " Failed: " + "; ".join(shown) + more + "."
    return line


def one(deploy: Deploy, target: Target, now: datetime) -> str:
    """Return the state or the result of one location in words, escaped."""
    what, place = name(target.location), name(deploy.deployment)
    ours = label(target.plan.version)
    state = target.state
    if state is _S.PLANNED:
        return f"The plan to deploy {what} to {place} at {ours} waits for Confirm."
    if state is _S.QUEUED:
        return f"{what} on {place}: {text.queue_words(target.ahead)}."
    if state in {_S.RUNNING, _S.PUTTING_BACK}:
        return f"Deploying {what} to {place} at {ours}: {text.running_words(target, now)}."
    return _ended(deploy, target, now)


def _ended(deploy: Deploy, target: Target, now: datetime) -> str:
    what, place = name(target.location), name(deploy.deployment)
    ours = label(target.plan.version)
    state = target.state
    if state in {_S.VERIFIED, _S.UNPROVEN}:
        took = text.seconds(target.started_at or deploy.created_at, target.ended_at or now)
        if state is _S.VERIFIED:
            return f"{what} is live on {place} at {ours}, verified, after {took}."
        return f"{what} is loaded on {place} after {took}; that it is {ours} was not proven."
    if state is _S.CANCELLED or (state is _S.PUT_BACK and text.asked_back(target)):
        return f"{what} on {place}: {text.state_line(deploy, target, now)}."
    if state is _S.SUPERSEDED:
        return f"{what} on {place} was changed by somebody else meanwhile; {ours} is superseded."
    why = words(short_failure(target), 300)
    why = f": {why.rstrip('.')}" if why else ""
    back = text.put_back_line(deploy, target)
    if state is _S.NEEDS_HUMAN:
        return f"{what} on {place} needs a person{why}. {back}"
    return f"{what} failed on {place}{why}. {back}"
