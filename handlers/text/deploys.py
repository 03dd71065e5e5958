"""What people read in Slack about a deploy: every word of its card and its thread.

Functions that return mrkdwn take raw names and escape them; `…_line` ones are one line.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from deploy_core.model.deploys import Deploy, Failure, StepRun, StepState, Stop, Target
from deploy_core.model.documents import version_of
from deploy_core.model.errors import NothingToGoBackTo
from deploy_core.model.explain import Explanation
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, StepName, TargetPlan, Version
from deploy_core.model.states import GOOD_ENDS, DeployState, TargetState
from handlers import actions
from handlers.mrkdwn import code, date, duration, link, person, sentence, words

_S = TargetState

EMOJI: Final[dict[TargetState, str]] = {
    _S.PLANNED: ":clipboard:",
    _S.QUEUED: ":hourglass:",
    _S.RUNNING: ":arrow_forward:",
    _S.PUTTING_BACK: ":leftwards_arrow_with_hook:",
    _S.VERIFIED: ":white_check_mark:",
    _S.UNPROVEN: ":grey_question:",
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

STEPS: Final[dict[StepName, str]] = {
    StepName.CHECKOUT: "checking out the code",
    StepName.FIND_IMAGE: "looking for the image",
    StepName.BUILD: "building the image",
    StepName.PUSH: "pushing the image",
    StepName.BUILD_PEX: "building the PEX files",
    StepName.UPLOAD_PEX: "uploading the PEX files",
    StepName.READ_LIVE: "reading what is live",
    StepName.APPLY: "sending the change to Dagster+",
    StepName.WAIT: "waiting for the agent to load it",
    StepName.VERIFY: "verifying what is live",
    StepName.PUT_BACK_APPLY: "sending the earlier version to Dagster+",
    StepName.PUT_BACK_WAIT: "waiting for the agent to load the earlier version",
    StepName.PUT_BACK_VERIFY: "verifying that the earlier version is live",
}
"""What is being done in a step."""

_DONE: Final[dict[StepName, str]] = {
    StepName.CHECKOUT: "checked out",
    StepName.FIND_IMAGE: "image found",
    StepName.BUILD: "image built",
    StepName.PUSH: "image pushed",
    StepName.BUILD_PEX: "PEX files built",
    StepName.UPLOAD_PEX: "PEX files uploaded",
    StepName.READ_LIVE: "live version read",
    StepName.APPLY: "change sent",
    StepName.WAIT: "loaded by the agent",
    StepName.VERIFY: "verified",
    StepName.PUT_BACK_APPLY: "earlier version sent",
    StepName.PUT_BACK_WAIT: "earlier version loaded",
    StepName.PUT_BACK_VERIFY: "earlier version verified",
}

_DOING: Final = {
    DeployKind.DEPLOY: "Deploying {what} to {place} at {version}",
    DeployKind.REDEPLOY: "Redeploying {what} on {place} at {version}",
    DeployKind.ROLLBACK: "Rolling back {what} on {place} to {version}",
}
_PLAN_TO: Final = {
    DeployKind.DEPLOY: "deploy {what} to {place}",
    DeployKind.REDEPLOY: "redeploy {what} on {place}",
    DeployKind.ROLLBACK: "roll back {what} on {place}",
}
_KINDS: Final = {
    DeployKind.DEPLOY: "Deploy",
    DeployKind.REDEPLOY: "Redeploy",
    DeployKind.ROLLBACK: "Rollback",
}


def who(actor: Actor) -> str:
    """Return the person as a mention, or the terminal's user."""
    return person(actor.id) if actor.kind == "slack" else code(actor.key, 60)


def name(location: str) -> str:
    """Return a location's or deployment's name, escaped and bounded."""
    return words(location, 80) or "(no name)"


def version(found: Version | None) -> str:
    """Return a version as code."""
    return code(found.label, 60) if found is not None else "`unknown version`"


def label(found: Version) -> str:
    """Return a version in running text, without the marks of code."""
    return words(found.label, 60)


def took(start: datetime | None, end: datetime) -> str | None:
    """Return the time between two moments in words; None where it is nothing to speak of: without
    a start, or under a second."""
    length = 0.0 if start is None else (end - start).total_seconds()
    return duration(length) if length >= 1 else None


def after(start: datetime | None, end: datetime) -> str:
    """Return ` after 12 s`, to be put behind a verb; empty where it is nothing to speak of."""
    length = took(start, end)
    return f" after {length}" if length is not None else ""


def so_far(start: datetime | None, now: datetime) -> str:
    """Return `, 12 s so far`, to be put behind what is being done; empty in the first second."""
    length = took(start, now)
    return f", {length} so far" if length is not None else ""


def began(deploy: Deploy) -> datetime:
    """Return when the deploy could begin: a person's time to confirm it isn't its own."""
    return deploy.confirmed_at or deploy.created_at


def doing(deploy: Deploy, target: Target) -> str:
    """Return what is being done with one location, in running text."""
    return _DOING[deploy.kind].format(
        what=name(target.location),
        place=name(deploy.deployment),
        version=label(target.plan.version),
    )


def plan_to(deploy: Deploy) -> str:
    """Return what the plan of a deploy is for, to be put behind “the plan to”."""
    what = f"{len(deploy.targets)} locations"
    if len(deploy.targets) == 1:
        what = name(deploy.targets[0].location)
    return _PLAN_TO[deploy.kind].format(what=what, place=name(deploy.deployment))


def title(deploy: Deploy) -> str:
    """Return the header: what, where and how it stands. Plain text, not escaped."""
    place = f"on {deploy.deployment}"
    if len(deploy.targets) == 1:
        return f"{deploy.targets[0].location[:60]} {place}: {STATES[deploy.targets[0].state]}"
    return f"{len(deploy.targets)} locations {place}: {counts(deploy.targets)}"


def counts(targets: Iterable[Target]) -> str:
    """Return how many targets are in which state, the ones that need eyes first."""
    found = Counter(target.state for target in targets)
    said = {**STATES, _S.UNPROVEN: "loaded but not proven"}  # no comma within a list of commas
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
        line = f"first deploy, {version(plan.version)}"
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


def state_line(deploy: Deploy, target: Target, now: datetime) -> str:
    """Return how one target stands, in words."""
    state = target.state
    if state is _S.QUEUED:
        return queue_words(target.ahead)
    if state in {_S.RUNNING, _S.PUTTING_BACK}:
        return running_words(target, now)
    if state in GOOD_ENDS:
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


def queue_words(ahead: tuple[int, ...]) -> str:
    """Return the place in the queue, and behind whom."""
    if not ahead:
        return "queued, next in line"
    shown = ", ".join(str(number) for number in ahead[:5])
    more = f" and {len(ahead) - 5} more" if len(ahead) > 5 else ""
    deploys = "deploy" if len(ahead) == 1 else "deploys"
    return f"queued, number {len(ahead) + 1} in line, behind {deploys} {shown}{more}"


def running_words(target: Target, now: datetime) -> str:
    """Return the step that runs, and for how long; with what a person asked meanwhile."""
    step = target.steps[-1] if target.steps else None
    asked = ""
    if target.stop is not None and target.stop_by is not None:
        what = "cancel" if target.stop is Stop.CANCEL else "go back"
        asked = f" ({who(target.stop_by)} asked to {what})"
    if step is None:
        return "starting" + asked
    doing = STEPS[step.name]
    if step.state is StepState.FAILED:
        return f"failed while {doing}, deciding what follows{asked}"
    if step.state is not StepState.STARTED:
        return f"{doing}: done{asked}"
    return f"{doing}{so_far(step.started_at, now)}{asked}"


def steps_line(steps: tuple[StepRun, ...], now: datetime) -> str:
    """Return every step with its duration in words."""
    return ", ".join(_step(step, now) for step in steps[-12:])


def _step(step: StepRun, now: datetime) -> str:
    end = step.ended_at or now
    if step.state is StepState.FINISHED:
        length = took(step.started_at, end)
        return f"{_DONE[step.name]} in {length}" if length is not None else _DONE[step.name]
    if step.state is StepState.STARTED:
        return f"{STEPS[step.name]}{so_far(step.started_at, now)}"
    ended = "failed" if step.state is StepState.FAILED else "stopped"
    return f"{ended} while {STEPS[step.name]}{after(step.started_at, end)}"


def put_back_version(target: Target) -> str:
    """Return the version that was put back: what the journal says, else what was live before."""
    step = target.step(StepName.PUT_BACK_APPLY)
    document = step.output.get("document") if step is not None else None
    if isinstance(document, dict):
        return version(version_of(document))
    return version(target.plan.live.version if target.plan.live is not None else None)


def asked_back(target: Target) -> bool:
    """Tell whether it was put back because a person asked, not because it failed."""
    return target.stop is Stop.GO_BACK and (
        target.failure is None or target.failure.python_error is None
    )


def changed(target: Target) -> bool:
    """Tell whether the change reached Dagster+: sent, and not refused there and then."""
    step = target.step(StepName.APPLY)
    if step is None:
        return False
    return target.state is not _S.FAILED or step.state is StepState.FINISHED


def still_live(target: Target) -> str:
    """Return what is live where our change was never sent, or was taken back."""
    if target.plan.live is None:
        return "nothing was changed"
    if changed(target):
        return f"{put_back_version(target)} is live again"
    return f"nothing was changed, {version(target.plan.live.version)} is still live"


def put_back_line(deploy: Deploy, target: Target) -> str:
    """Return what became of the version that was live before a failure."""
    if target.state is _S.PUT_BACK:
        return f"Rolled back to {put_back_version(target)}: live and verified."
    if target.state is _S.PUTTING_BACK:
        return f"Rolling back to {put_back_version(target)} now."
    if target.put_back_failure is not None:
        return _could_not(target, target.put_back_failure)
    if not changed(target):
        still = still_live(target)
        return f"{still[0].upper()}{still[1:]}."
    return _not_put_back(deploy, target)


def _could_not(target: Target, failure: Failure) -> str:
    why = sentence(f"{failure.summary} {failure.next_step}", 500)
    if failure.reason != NothingToGoBackTo.reason:
        return f"It could not be rolled back: {why}"
    return FIRST_DEPLOY if target.plan.live is None else f"There is nothing to go back to. {why}"


FIRST_DEPLOY: Final = "There is nothing to go back to: this was its first deploy."


def _not_put_back(deploy: Deploy, target: Target) -> str:
    live = target.plan.live
    if live is None:
        return FIRST_DEPLOY
    why = ""
    if target.state is _S.NEEDS_HUMAN:
        why = ": look first at what is live in Dagster+"
    elif deploy.kind is DeployKind.ROLLBACK:
        why = ": a rollback is never rolled back by itself"
    elif not deploy.plan.put_back:
        why = f": that is switched off for {name(deploy.deployment)}"
    elif not live.loaded:
        why = ": what was live before had not loaded either"
    return f"It was not rolled back{why}."


def failed_heading(target: Target, same: int = 0) -> str:
    """Return the line above an error that `same` other locations have too."""
    what = "didn't load" if did_not_load(target) else "failed"
    more = f" (and {same} more with the same error)" if same else ""
    return f"{EMOJI[_S.FAILED]} *{name(target.location)}* {what}{more}:"


def did_not_load(target: Target) -> bool:
    """Tell whether the agent had the code and could not load it."""
    return target.failure is not None and target.failure.python_error is not None


def ask_to_confirm(deploy: Deploy) -> str:
    """Return what a protected deployment asks of the author."""
    return (
        f"{name(deploy.deployment)} is protected: nothing happens until {who(deploy.by)} presses"
        f" Confirm. The plan expires {date(deploy.confirm_until)}."
    )


def cause_lines(found: Explanation) -> str:
    """Return the likely cause and the next step of a load error."""
    return (
        f"*Likely cause:* {sentence(found.cause, 400)}\n"
        f"*Next step:* {sentence(found.next_step, 400)}"
    )


def failure_line(failure: Failure) -> str:
    """Return a failure without a Python error: what happened and the next step."""
    line = sentence(failure.summary, 500) or "It failed."
    step = sentence(failure.next_step, 400)
    return f"{line}\n*Next step:* {step}" if step else line


def live_line(deploy: Deploy) -> str:
    """Return what is live at the end, for the few locations of a small deploy."""
    found = [(name(target.location), live_version(target)) for target in deploy.targets]
    parts = [f"{what} at {live}" if live else f"{what} not at all" for what, live in found]
    return f"Live on {name(deploy.deployment)} now: " + ", ".join(parts)


def live_version(target: Target) -> str | None:
    """Return what is live after the target ended, as far as we know; None for nothing."""
    if target.state in {_S.VERIFIED, _S.UNPROVEN}:
        unsure = " (not proven)" if target.state is _S.UNPROVEN else ""
        return version(target.plan.version) + unsure
    if target.state is _S.PUT_BACK:
        return put_back_version(target)
    if not changed(target):
        before = target.plan.live
        return None if before is None else version(before.version)
    if target.state is _S.CANCELLED and target.plan.live is not None:
        return put_back_version(target)
    if did_not_load(target):
        return f"{version(target.plan.version)} (doesn't load)"
    return "an unknown version: look in Dagster+"


def pressed_line(deploy: Deploy) -> str:
    """Return who used which button."""
    parts = [
        f"{BUTTONS.get(press.action, 'A button')} pressed by {who(press.by)}"
        for press in deploy.presses[-8:]
    ]
    return " · ".join(parts)
