"""What people read about how a location ended: what failed, what was put back, what is live."""

from typing import Final

from deploy_core.model.deploys import Deploy, Failure, StepState, Stop, Target
from deploy_core.model.documents import version_of
from deploy_core.model.errors import NothingToGoBackTo, PutBackFailed
from deploy_core.model.explain import Explanation
from deploy_core.model.plan import DeployKind, StepName, Version
from deploy_core.model.states import WENT_LIVE, TargetState
from handlers.mrkdwn import sentence
from handlers.text.names import name, version


def put_back_version(target: Target) -> str:
    """Return the version that was put back: what the journal says, else what was live before."""
    return version(_put_back(target))


def _put_back(target: Target) -> Version | None:
    step = target.step(StepName.PUT_BACK_APPLY)
    document = step.output.get("document") if step is not None else None
    if isinstance(document, dict):
        return version_of(document)
    return target.plan.live.version if target.plan.live is not None else None


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
    return target.state is not TargetState.FAILED or step.state is StepState.FINISHED


def still_live(target: Target) -> str:
    """Return what is live where our change was never sent, or was taken back."""
    if target.plan.live is None:
        return "nothing was changed"
    if not changed(target) and _nobody_knows(target):
        return "nothing was changed, and what is live is still unknown"
    if changed(target):
        return f"{put_back_version(target)} is live again"
    return f"nothing was changed, {version(target.plan.live.version)} is still live"


def _nobody_knows(target: Target) -> bool:
    """Tell whether what was live before is unknown: an earlier deploy could not put it back."""
    refused = target.failure is not None and target.failure.reason == PutBackFailed.reason
    return refused or target.plan.put_back_failed is not None


def put_back_line(deploy: Deploy, target: Target) -> str:
    """Return what became of the version that was live before a failure."""
    if target.state is TargetState.PUT_BACK:
        return f"Rolled back to {put_back_version(target)}: live and verified."
    if target.state is TargetState.PUTTING_BACK:
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
        locked = f" {LOCKED}" if target.state is TargetState.NEEDS_HUMAN else ""
        return f"It could not be rolled back: {why}{locked}"
    return FIRST_DEPLOY if target.plan.live is None else f"There is nothing to go back to. {why}"


LOCKED: Final = (
    "Until a version is seen live again, every deploy of it waits for a person's Confirm."
)

FIRST_DEPLOY: Final = "There is nothing to go back to: this was its first deploy."


def _not_put_back(deploy: Deploy, target: Target) -> str:
    live = target.plan.live
    if live is None:
        return FIRST_DEPLOY
    why = ""
    if target.state is TargetState.NEEDS_HUMAN:
        why = ": look first at what is live in Dagster+"
    elif deploy.kind is DeployKind.ROLLBACK:
        why = ": a rollback is never rolled back by itself"
    elif not deploy.plan.put_back:
        why = f": that is switched off for {name(deploy.deployment)}"
    elif not live.loaded:
        why = ": what was live before had not loaded either"
    return f"It was not rolled back{why}."


def did_not_load(target: Target) -> bool:
    """Tell whether the agent had the code and could not load it."""
    return target.failure is not None and target.failure.python_error is not None


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
    parts = [f"{name(target.location)}{_live(target)}" for target in deploy.targets]
    return f"Live on {name(deploy.deployment)} now: " + ", ".join(parts)


def _live(target: Target) -> str:
    """Return what is live after the target ended, as far as we know, to be put behind its name."""
    if target.state in WENT_LIVE:
        unsure = " (not proven)" if target.state is TargetState.UNPROVEN else ""
        return _at(target.plan.version) + unsure
    if target.state is TargetState.PUT_BACK:
        return _at(_put_back(target))
    if not changed(target) and not _nobody_knows(target):  # among them what was unchanged
        before = target.plan.live
        return " not at all" if before is None else _at(before.version)
    if target.state is TargetState.CANCELLED and target.plan.live is not None:
        return _at(_put_back(target))
    if did_not_load(target):
        return f"{_at(target.plan.version)} (doesn't load)"
    return " at an unknown version: look in Dagster+"


def _at(found: Version | None) -> str:
    return "" if found is not None and not found.is_named else f" at {version(found)}"
