"""The whole result of a deploy in a sentence: the `text` of its message, read where blocks aren't
shown (notifications, screen readers, search)."""

from datetime import datetime

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.states import DeployState, TargetState
from handlers.cards.failures import short_failure
from handlers.mrkdwn import words
from handlers.text import deploys as text
from handlers.text import names, outcomes, steps
from handlers.text.names import label, name

_S = TargetState


def summary(deploy: Deploy, now: datetime) -> str:
    """Return the state or the result in words, escaped, below 1,500 characters."""
    if deploy.state is DeployState.PLANNED:
        return _waits(deploy)
    if len(deploy.targets) == 1:
        return one(deploy, deploy.targets[0], now)
    total, place = len(deploy.targets), name(deploy.deployment)
    counts = text.counts(deploy.targets)
    if not deploy.ended:
        return f"Deploying {total} locations to {place}: {counts}."
    if deploy.state is DeployState.EXPIRED:
        return _expired(deploy)
    after = names.after(text.began(deploy), deploy.ended_at or now)
    states = {target.state for target in deploy.targets}
    if states <= {_S.VERIFIED, _S.UNCHANGED}:
        how = f"{after}: {counts}" if _S.UNCHANGED in states else f", verified{after}"
        return f"{total} locations are live on {place}{how}."
    line = f"The deploy of {total} locations to {place} ended{after}: {counts}."
    bad = [target for target in deploy.targets if target.failure is not None]
    shown = [f"{name(target.location)}: {words(short_failure(target), 150)}" for target in bad[:3]]
    if shown:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        line += " Failed: " + "; ".join(shown) + more + "."
    return line


def one(deploy: Deploy, target: Target, now: datetime) -> str:
    """Return the state or the result of one location in words, escaped."""
    what, place = name(target.location), name(deploy.deployment)
    state = target.state
    if state is _S.QUEUED:
        return f"{what} on {place}: {steps.queue_words(target.ahead)}."
    if state is _S.EXPIRED:
        return _expired(deploy)
    if state in {_S.RUNNING, _S.PUTTING_BACK}:
        return f"{text.doing(deploy, target)}: {steps.running_words(target, now)}."
    return _ended(deploy, target, now)


def _waits(deploy: Deploy) -> str:
    version = names.at(deploy.targets[0].plan.version) if len(deploy.targets) == 1 else ""
    return f"The plan to {text.plan_to(deploy)}{version} waits for Confirm."


def _expired(deploy: Deploy) -> str:
    return f"The plan to {text.plan_to(deploy)} was not confirmed in time and has expired."


def _ended(deploy: Deploy, target: Target, now: datetime) -> str:
    what, place = name(target.location), name(deploy.deployment)
    ours = label(target.plan.version)
    state = target.state
    if state is _S.VERIFIED:
        after = names.after(target.started_at, target.ended_at or now)
        return f"{what} is live on {place}{names.at(target.plan.version)}, verified{after}."
    if state is _S.UNPROVEN:
        return f"{what} is loaded on {place}; that it is {ours} was not proven."
    went_back = state is _S.PUT_BACK and outcomes.asked_back(target)
    if state in {_S.CANCELLED, _S.UNCHANGED} or went_back:
        return f"{what} on {place}: {text.state_line(deploy, target, now)}."
    if state is _S.SUPERSEDED:
        return f"{what} on {place} was changed by somebody else meanwhile; {ours} is superseded."
    why = words(short_failure(target), 300)
    why = f": {why.rstrip('.')}" if why else ""
    back = outcomes.put_back_line(deploy, target)
    if state is _S.NEEDS_HUMAN:
        return f"{what} on {place} needs a person{why}. {back}"
    failed = "didn't load" if outcomes.did_not_load(target) else "failed"
    return f"{what} {failed} on {place}{why}. {back}"
