"""How a target that failed is shown: the error first, then the line, the cause, the next step."""

from functools import lru_cache

from deploy_core.model.advice import explain_reason
from deploy_core.model.deploys import Deploy, Failure, Target
from deploy_core.model.explain import Explanation, explain, without_credentials
from deploy_core.model.plan import StepName
from deploy_core.model.python_error import PythonError
from deploy_core.model.states import TargetState
from handlers.mrkdwn import pre, sentence
from handlers.text import outcomes

SHOWN = frozenset({TargetState.FAILED, TargetState.PUT_BACK, TargetState.PUTTING_BACK})
"""States in which the failure itself is what a person wants to read."""


def explained(target: Target) -> Explanation | None:
    """Return the explanation of a target's Python error, if it has one."""
    if target.failure is None or target.failure.python_error is None:
        return None
    checkout = target.step(StepName.CHECKOUT)
    folder = checkout.output.get("folder") if checkout is not None else None
    root = folder if isinstance(folder, str) else None
    return explained_error(target.failure.python_error, target.failure.reason, root)


@lru_cache(maxsize=400)
def explained_error(error: PythonError, reason: str, root: str | None = None) -> Explanation:
    """Return the explanation of a load error, at once when it was explained before."""
    # a card is drawn at every step, and three hundred locations can fail with long traces
    return explain(error, reason=reason, checkout_root=root)


def failure_text(deploy: Deploy, target: Target) -> str:
    """Return the mrkdwn of one failed target, below 2,500 characters."""
    assert target.failure is not None  # noqa: S101 - callers show failures only
    found = explained(target)
    if found is None:
        return "\n".join(
            line
            for line in (
                outcomes.failure_line(_cleaned(target.failure)),
                _advice(deploy, target, target.failure),
                outcomes.put_back_line(deploy, target),
            )
            if line
        )
    return "\n".join(
        (
            pre(error_lines(found), 900),
            outcomes.cause_lines(found),
            outcomes.put_back_line(deploy, target),
        )
    )


def error_lines(found: Explanation) -> str:
    """Return the headline and the user's own line, as they stand in the code block."""
    if found.frame is None:
        return found.headline
    function = found.frame.function
    inside = f" in {function}" if function and function != "<module>" else ""
    lines = [found.headline, f"{found.frame.place}{inside}"[:250]]
    if found.frame.code:
        lines.append(f"    {found.frame.code}")
    return "\n".join(lines)


def short_failure(target: Target) -> str:
    """Return a failure on part of one line: the headline, or the summary. Raw text."""
    if target.failure is None:
        return ""
    found = explained(target)
    if found is None:
        return without_credentials(target.failure.summary)
    place = f" ({found.frame.place})" if found.frame is not None else ""
    return f"{found.headline}{place}"


def failure_key(target: Target) -> str:
    """Return what makes two failures the same for a person: the same error on the same line."""
    return short_failure(target)


def _advice(deploy: Deploy, target: Target, failure: Failure) -> str:
    # for the agent's absence the summary says all of it; a time-out has more than one cause
    if failure.reason != "load_timed_out":
        return ""
    advice = explain_reason(failure.reason, location=target.location, deployment=deploy.deployment)
    return "" if advice is None else f"*Likely cause:* {sentence(advice.cause, 400)}"


def _cleaned(failure: Failure) -> Failure:
    return failure.model_copy(update={"summary": without_credentials(failure.summary)})
