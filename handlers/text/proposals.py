"""What people read about a code location on its way into a repository."""

from collections.abc import Sequence
from typing import Final

from deploy_core.model.proposals import Proposal, ProposalState
from deploy_core.model.pull_requests import Check, CheckState
from deploy_core.proposal_texts import BY_HAND
from handlers import actions
from handlers.mrkdwn import code, link, sentence, words
from handlers.text.names import name, who

BUTTONS: Final = {
    actions.AGAIN: "Try again",
    actions.DISCARD: "Discard",
    actions.OPEN_PULL_REQUEST: "Open pull request",
}
DISCARD_TITLE: Final = "Give it up?"
DISCARD_ASKS: Final = "Its branch is deleted. Nothing was opened, and nothing was deployed."
DISCARD_YES: Final = "Discard"
DISCARD_NO: Final = "Keep it"
MOST_CHECKS: Final = 8
MOST_BY_HAND: Final = 5

_ICONS: Final = {
    CheckState.GOOD: ":white_check_mark:",
    CheckState.BAD: ":x:",
    CheckState.WAITING: ":hourglass_flowing_sand:",
    CheckState.LEFT_OUT: ":heavy_minus_sign:",
}
_WORDS: Final = {
    CheckState.GOOD: "passed",
    CheckState.BAD: "failed",
    CheckState.WAITING: "running",
    CheckState.LEFT_OUT: "left out",
}
_S = ProposalState


def headline(found: Proposal) -> str:
    """Return the whole state in one sentence."""
    location, project = name(found.request.location), name(found.request.project)
    if found.problem is not None and found.problem.stuck:
        return f"{location} isn't in {project} yet: {sentence(found.problem.summary, 500)}"
    pull = f"pull request {found.number}"
    said = {
        _S.NEW: f"Making a branch of {project} with {location}…",
        _S.COMMITTED: f"Pushing a branch of {project} with {location}…",
        _S.PUSHED: f"Opening a pull request of {project} with {location}…",
        _S.OPEN: f"{location} is on its way into {project}: {pull} waits to be merged.",
        _S.MERGED: f"{location} is merged into {project} with {pull}; its deploy starts.",
        _S.FOLLOWING: f"{location} is merged into {project} with {pull}; its CI deploys it.",
        _S.DEPLOYED: f"{location} is merged into {project} with {pull}.",
        _S.LIVE: f"{location} is live on {name(found.request.deployment)}: {project}'s CI has"
        f" deployed {pull}, and it is loaded.",
        _S.BRANCH_ONLY: f"{location} is on a branch of {project}, which is pushed.",
        _S.CLOSED: f"{location} isn't added to {project}: {pull} was closed without a merge.",
        _S.DISCARDED: f"{location} isn't added to {project}: it was given up.",
    }
    return said[found.state]


def lines(found: Proposal) -> list[str]:
    """Return what stands below the headline."""
    request = found.request
    shown = [f"Branch {code(found.branch, 120)} into {code(found.base, 80)}"]
    if found.commit_sha:
        shown[0] += f" · commit {code(found.commit_sha[:7])}"
    if found.url:
        label = f"{name(request.project)} #{found.number}"
        shown.append(f"{link(found.url, label)}{checks_line(found.checks)}")
    if found.problem is not None:
        waits = "" if found.problem.stuck else f"{sentence(found.problem.summary, 500)} "
        next_step = sentence(found.problem.next_step, 500)
        shown.append(f":warning: {waits}{next_step} {code(found.problem.reason)}")
    shown += _next(found)
    return shown


def _next(found: Proposal) -> list[str]:
    deployment = name(found.request.deployment)
    match found.state:
        case _S.OPEN:
            return [f"When it is merged it goes live on {deployment}, and I say so here."]
        case _S.BRANCH_ONLY:
            what = f"{found.request.project}:{found.request.location}"
            again = code(f"/dagster deploy {what} to {found.request.deployment}", 200)
            project = name(found.request.project)
            return [
                f"No git host is configured for {project}: open a pull request of the branch.",
                f"When it is merged, put it live on {deployment}, unless your CI does: {again}",
            ]
        case _S.DEPLOYED:
            return [f"Deploy {found.deploy_id} puts it live on {deployment}: see its own message."]
        case _:
            return []


def checks_line(checks: Sequence[Check] | None) -> str:
    """Return how the checks stand, behind the link of the pull request."""
    if checks is None:
        return " · its checks aren't known"
    if not checks:
        return " · no checks"
    counts = {state: sum(each.state is state for each in checks) for state in CheckState}
    return " · " + ", ".join(
        f"{_ICONS[state]} {count} {_WORDS[state]}" for state, count in counts.items() if count
    )


def bad_checks(checks: Sequence[Check] | None) -> list[str]:
    """Return a line for each check that failed, the first ones."""
    failed = [each for each in checks or () if each.state is CheckState.BAD]
    return [f":x: {link(each.url, words(each.name, 100))}" for each in failed[:MOST_CHECKS]]


def by_hand(found: Proposal) -> list[str]:
    """Return what a person must add to a branch that has no pull request which says so."""
    if found.state is not _S.BRANCH_ONLY or not found.by_hand:
        return []
    shown = [f"• {sentence(line, 300)}" for line in found.by_hand[:MOST_BY_HAND]]
    left = len(found.by_hand) - len(shown)
    return [BY_HAND, *shown, *([f"• and {left} more CI files"] if left else [])]


def notes(found: Proposal) -> list[str]:
    """Return what is live and isn't written into the file, a line each."""
    return [f"• {sentence(note, 400)}" for note in found.request.notes]


def foot(found: Proposal) -> str:
    """Return who asked for it, and why."""
    why = f" · “{words(found.request.why, 200)}”" if found.request.why else ""
    return f"Asked for by {who(found.request.actor)}{why}"
