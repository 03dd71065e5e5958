"""What people read about the steps of a deploy."""

from datetime import datetime
from typing import Final

from pydantic import JsonValue

from deploy_core.model.deploys import StepRun, StepState, Stop, Target
from deploy_core.model.plan import StepName
from handlers.text.names import after, so_far, took, who

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


_NOTHING_TO_DO: Final[dict[StepName, tuple[str, JsonValue, str]]] = {
    StepName.BUILD: ("log_file", None, "image built before"),
    StepName.PUSH: ("pushed", False, "image in the registry"),
    StepName.UPLOAD_PEX: ("bytes_sent", 0, "PEX files uploaded before"),
}
"""What a step's output has, and is said, where the step found its work done."""


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
        done, length = _done(step), took(step.started_at, end)
        return f"{done} in {length}" if length is not None else done
    if step.state is StepState.STARTED:
        return f"{STEPS[step.name]}{so_far(step.started_at, now)}"
    ended = "failed" if step.state is StepState.FAILED else "stopped"
    return f"{ended} while {STEPS[step.name]}{after(step.started_at, end)}"


def _done(step: StepRun) -> str:
    if step.name in _NOTHING_TO_DO:
        key, value, said = _NOTHING_TO_DO[step.name]
        if key in step.output and step.output[key] == value:
            return said
    return _DONE[step.name]
