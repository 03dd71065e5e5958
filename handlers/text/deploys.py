"""What people read in Slack about a deploy as a whole: the words of its card.

Functions that return mrkdwn take raw names and escape them; `…_line` ones are one line.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.plan import DeployKind, TargetPlan, Version
from deploy_core.model.states import WENT_LIVE, DeployState, TargetState
from handlers import actions
from handlers.mrkdwn import code, date, link, sentence, words
from handlers.text.names import after, at, name, took, version, who
from handlers.text.outcomes import asked_back, did_not_load, put_back_version, still_live
from handlers.text.steps import queue_words, running_words

_S = TargetState

EMOJI: Final[dict[TargetState, str]] = {
    _S.PLANNED: ":clipboard:",
    _S.QUEUED: ":hourglass:",
    _S.RUNNING: ":arrow_forward:",
    _S.PUTTING_BACK: ":leftwards_arrow_with_hook:",
    _S.VERIFIED: ":white_check_mark:",
    _S.UNPROVEN: ":grey_question:",
    _S.UNCHANGED: ":white_check_mark:",
    _S.PUT_BACK: ":leftwards_arrow_with_hook:",
    _S.FAILED: ":x:",
    _S.CANCELLED: ":no_entry_sign:",
    _S.EXPIRED: ":alarm_clock:",
    _S.SUPERSEDED: ":busts_in_silhouette:",
    _S.NEEDS_HUMAN: ":rotating_light:",
}
"""Beside the words, never instead of them."""


STATES: Final[dict[TargetState, str]] = {
    _S.PLANNED: "waits for Confirm",
    _S.QUEUED: "queued",
    _S.RUNNING: "running",
    _S.PUTTING_BACK: "rolling back",
    _S.VERIFIED: "live and verified",
    _S.UNPROVEN: "loaded, version not proven",
    _S.UNCHANGED: "live already, unchanged",
    _S.PUT_BACK: "rolled back",
    _S.FAILED: "failed",
    _S.CANCELLED: "cancelled",
    _S.EXPIRED: "expired",
    _S.SUPERSEDED: "superseded",
    _S.NEEDS_HUMAN: "needs a person",
}


BUTTONS: Final[dict[str, str]] = {
    actions.CONFIRM: "Confirm",
    actions.PLAN_AGAIN: "Plan again",
    actions.CANCEL: "Cancel",
    actions.GO_BACK: "Go back",
    actions.RETRY: "Retry",
    actions.ROLL_BACK: "Roll back",
    actions.FULL_ERROR: "Full error",
    actions.OPEN_DAGSTER: "Open in Dagster+",
}


_DOING: Final = {
    DeployKind.DEPLOY: "Deploying {what} to {place}{at}",
    DeployKind.ADD: "Adding {what} to {place}{at}",
    DeployKind.REDEPLOY: "Redeploying {what} on {place}{at}",
    DeployKind.ROLLBACK: "Rolling back {what} on {place}{to}",
}


UPDATING: Final = "Updating {what} on {place}{to}"
UPDATE: Final = "update {what} on {place}"

_PLAN_TO: Final = {
    DeployKind.DEPLOY: "deploy {what} to {place}",
    DeployKind.ADD: "add {what} to {place}",
    DeployKind.REDEPLOY: "redeploy {what} on {place}",
    DeployKind.ROLLBACK: "roll back {what} on {place}",
}


_KINDS: Final = {
    DeployKind.DEPLOY: "Deploy",
    DeployKind.ADD: "Deploy",
    DeployKind.REDEPLOY: "Redeploy",
    DeployKind.ROLLBACK: "Rollback",
}


def began(deploy: Deploy) -> datetime:
    """Return when the deploy could begin: a person's time to confirm it isn't its own."""
    return deploy.confirmed_at or deploy.created_at


def doing(deploy: Deploy, target: Target) -> str:
    """Return what is being done with one location, in running text."""
    form = UPDATING if _updates(deploy) else _DOING[deploy.kind]
    return form.format(
        what=name(target.location),
        place=name(deploy.deployment),
        at=at(target.plan.version),
        to=at(target.plan.version, "to"),
    )


def plan_to(deploy: Deploy) -> str:
    """Return what the plan of a deploy is for, to be put behind “the plan to”."""
    what = f"{len(deploy.targets)} locations"
    if len(deploy.targets) == 1:
        what = name(deploy.targets[0].location)
    form = UPDATE if _updates(deploy) else _PLAN_TO[deploy.kind]
    return form.format(what=what, place=name(deploy.deployment))


def _updates(deploy: Deploy) -> bool:
    """Tell whether a location that is added was there already."""
    return deploy.kind is DeployKind.ADD and any(t.plan.live for t in deploy.targets)


def title(deploy: Deploy) -> str:
    """Return the header: what, where and how it stands. Plain text, not escaped."""
    place = f"on {deploy.deployment}"
    if len(deploy.targets) == 1:
        return f"{deploy.targets[0].location[:60]} {place}: {STATES[deploy.targets[0].state]}"
    return f"{len(deploy.targets)} locations {place}: {counts(deploy.targets)}"


def counts(targets: Iterable[Target]) -> str:
    """Return how many targets are in which state, the ones that need eyes first."""
    found = Counter(target.state for target in targets)
    said = {
        **STATES,
        _S.UNPROVEN: "loaded but not proven",
        _S.UNCHANGED: "unchanged",
    }  # no comma within a list of commas
    return ", ".join(f"{found[state]} {said[state]}" for state in EYES_FIRST if found[state])


EYES_FIRST: Final = (
    _S.NEEDS_HUMAN,
    _S.FAILED,
    _S.PUT_BACK,
    _S.PUTTING_BACK,
    _S.SUPERSEDED,
    _S.UNPROVEN,
    _S.RUNNING,
    _S.PLANNED,
    _S.QUEUED,
    _S.EXPIRED,
    _S.CANCELLED,
    _S.VERIFIED,
    _S.UNCHANGED,
)
"""States in the order in which a person should look at them."""


def about_line(deploy: Deploy, now: datetime) -> str:
    """Return who started it, when, for how long and why."""
    parts = [f"{_KINDS[deploy.kind]} {deploy.id} by {who(deploy.by)}", date(deploy.created_at)]
    length = took(began(deploy), deploy.ended_at or now)
    if length is not None and deploy.state not in {DeployState.PLANNED, DeployState.EXPIRED}:
        parts.append(f"took {length}" if deploy.ended else f"{length} so far")
    if deploy.why:
        parts.append(f"“{words(deploy.why, 300)}”")
    return " · ".join(parts)


def change_line(plan: TargetPlan) -> str:
    """Return from which version to which, with the compare link and the image."""
    if plan.live is None:
        line = "first deploy" + (f", {version(plan.version)}" if plan.version.is_named else "")
    elif plan.live.version == plan.version and not plan.version.is_named:
        line = "no commit and no image name its version"
    elif plan.live.version.label == plan.version.label:
        line = f"{version(plan.version)} again"
    else:
        line = f"from {version(plan.live.version)} to {version(plan.version)}"
    if plan.commits_total:
        what = "1 commit" if plan.commits_total == 1 else f"{plan.commits_total} commits"
        line += f" ({link(plan.compare_url, what)})"
    elif plan.compare_url:
        line += f" ({link(plan.compare_url, 'compare')})"
    if plan.version.commit and plan.version.image:
        line += f", image {code(Version(image=plan.version.image).label, 80)}"
    if plan.ref and not (plan.version.commit or "").startswith(plan.ref):
        line += f", ref {code(plan.ref, 60)}"
    return line


def unchanged_line(plan: TargetPlan) -> str:
    """Return why nothing was sent for a location of a larger deploy."""
    live = version(plan.live.version if plan.live is not None else None)
    return (
        f"image and settings are the same at {version(plan.version)} as at {live}: nothing was sent"
    )


def state_line(deploy: Deploy, target: Target, now: datetime) -> str:
    """Return how one target stands, in words."""
    state = target.state
    if state is _S.QUEUED:
        return queue_words(target.ahead)
    if state in {_S.RUNNING, _S.PUTTING_BACK}:
        return running_words(target, now)
    if state in WENT_LIVE:
        length = after(target.started_at, target.ended_at or now)
        if state is _S.UNPROVEN:
            return f"loaded{length}, version not proven"
        return STATES[state] + length
    return STATES[state] + _why(deploy, target)


def _why(deploy: Deploy, target: Target) -> str:
    """Return what follows the word for an end that is no good one."""
    match target.state:
        case _S.PUT_BACK:
            asked = target.stop_by if asked_back(target) else None
            by = f", as {who(asked)} asked" if asked is not None else ""
            return f" to {put_back_version(target)}: live and verified{by}"
        case _S.SUPERSEDED:
            return f": somebody else changed it on {name(deploy.deployment)} meanwhile"
        case _S.CANCELLED:
            by = f" by {who(target.stop_by)}" if target.stop_by is not None else ""
            return f"{by}; {still_live(target)}"
        case _S.EXPIRED:
            return f": the plan was not confirmed in time; {still_live(target)}"
        case _S.NEEDS_HUMAN:
            failure = target.put_back_failure or target.failure
            said = sentence(failure.summary, 300) if failure is not None else ""
            return f": {said or 'look at it in Dagster+'}"
        case _:
            return ""


def failed_heading(target: Target, same: int = 0) -> str:
    """Return the line above an error that `same` other locations have too."""
    what = "didn't load" if did_not_load(target) else "failed"
    more = f" (and {same} more with the same error)" if same else ""
    return f"{EMOJI[_S.FAILED]} *{name(target.location)}* {what}{more}:"


def ask_to_confirm(deploy: Deploy) -> str:
    """Return what is asked of the author, by a protected deployment, before an update, where
    nobody knows what is live, or where a rollback may not load."""
    failed = deploy.plan.put_backs_failed
    if failed:
        return (
            f"{put_backs_failed(failed)} Look at it in Dagster+ first: nothing happens until"
            f" {who(deploy.by)} presses Confirm. The plan expires {date(deploy.confirm_until)}."
        )
    if _updates(deploy):
        what = name(deploy.targets[0].location)
        return (
            f"{what} exists on {name(deploy.deployment)}, so this updates it: nothing happens until"
            f" {who(deploy.by)} presses Confirm. The plan expires {date(deploy.confirm_until)}."
        )
    unloaded = [target.location for target in deploy.targets if target.plan.unloaded_before]
    if unloaded:
        return (
            f"{name(unloaded[0])} had not loaded when it was replaced: nothing happens until"
            f" {who(deploy.by)} presses Confirm. The plan expires {date(deploy.confirm_until)}."
        )
    return (
        f"{name(deploy.deployment)} is protected: nothing happens until {who(deploy.by)} presses"
        f" Confirm. The plan expires {date(deploy.confirm_until)}."
    )


def put_backs_failed(failed: Mapping[str, int]) -> str:
    """Return of which locations nobody knows what is live, and since which deploys."""
    shown = list(failed.items())[:3]
    named = ", ".join(f"{name(location)} (deploy {deploy})" for location, deploy in shown)
    more = f" and {len(failed) - len(shown)} more" if len(failed) > len(shown) else ""
    return f"Putting back has failed and what is live is unknown: {named}{more}."


def pressed_line(deploy: Deploy) -> str:
    """Return who used which button."""
    parts = [
        f"{BUTTONS.get(press.action, 'A button')} pressed by {who(press.by)}"
        for press in deploy.presses[-8:]
    ]
    return " · ".join(parts)
