"""What goes into the thread of a deploy's message: traces, the mention at the end, log lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.explain import full_trace, without_credentials
from deploy_core.model.states import TargetState
from handlers import limits
from handlers.cards.summary import summary
from handlers.mrkdwn import pre, visible
from handlers.text import deploys as text
from handlers.text import names, outcomes
from handlers.text import thread as sentences

MOST_FILE = 1_000_000


@dataclass(frozen=True)
class ThreadPost:
    """A message in the thread; what is too long for one is a text file beside it."""

    text: str
    file_name: str | None = None
    file_text: str | None = None


def failure_detail(target: Target, build_log: str = "") -> ThreadPost:
    """Return the whole error of a target, and after it the log of its build: in the message when
    short, else as a file."""
    trace = full_error_text(target)
    if target.failure is not None and target.failure.reason in _OF_BUILDS:
        trace = f"{trace}{_build_log(build_log)}".strip()
    if not trace:
        return ThreadPost(sentences.no_detail(target.location))
    if limits.size(trace) <= limits.INLINE_TRACE:
        inline = f"{sentences.full_error(target.location)}\n{pre(trace, limits.MESSAGE_TEXT * 2)}"
        if limits.size(inline) <= limits.MESSAGE_TEXT:
            return ThreadPost(inline)
    lines = trace.count("\n") + 1
    cut = trace if len(trace) <= MOST_FILE else trace[:MOST_FILE] + sentences.FILE_CUT
    return ThreadPost(
        sentences.full_error_in_file(target.location, lines),
        file_name=file_name(target.location, target.deploy_id),
        file_text=cut,
    )


_OF_BUILDS = frozenset({"build_failed", "build_timed_out", "disk_full", "engine_gone"})
"""Failures of which the build's own log may tell more."""


def _build_log(log: str) -> str:
    return f"\n\n{sentences.WHOLE_BUILD_LOG}\n{_plain(log)}" if log.strip() else ""


def _plain(log: str) -> str:
    return visible(without_credentials(log)).strip()


def file_name(location: str, deploy: int) -> str:
    """Return a plain file name for an error."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", location).strip("._")[:60] or "location"
    return f"deploy_{deploy}_{plain}_error.txt"


def end_mention(deploy: Deploy, now: datetime) -> str:
    """Return the reply that tells the starter how it ended: edits notify nobody."""
    return f"{names.who(deploy.by)} {summary(deploy, now)}"


def failure_broadcast(deploy: Deploy, now: datetime) -> str | None:
    """Return the reply that is shown in the channel too, or None where nothing failed. One
    sentence: the card has the rest."""
    failed = [
        target
        for target in deploy.targets
        if target.state in _SHOWN_IN_CHANNEL and not outcomes.asked_back(target)
    ]
    if not failed:
        return None
    return end_mention(deploy, now)


_SHOWN_IN_CHANNEL = frozenset(
    {TargetState.FAILED, TargetState.PUT_BACK, TargetState.NEEDS_HUMAN, TargetState.SUPERSEDED}
)


def journal(
    deploy: Deploy, now: datetime, build_logs: Mapping[int, str] = MappingProxyType({})
) -> ThreadPost:
    """Return every step of every location with its times, as `logs` shows them, and the logs of
    the builds, which are given by their targets' positions."""
    lines = [line for target in deploy.targets for line in _journal_lines(target, now)]
    for target in deploy.targets:
        if log := build_logs.get(target.position):
            lines += ["", sentences.build_log_of(target.location), _plain(log)]
    content = visible("\n".join(lines))
    heading = sentences.journal_heading(deploy.id)
    if limits.size(content) <= limits.INLINE_TRACE:
        inline = f"{heading}\n{pre(content, limits.MESSAGE_TEXT * 2)}"
        if limits.size(inline) <= limits.MESSAGE_TEXT:
            return ThreadPost(inline)
    return ThreadPost(heading, file_name=f"deploy_{deploy.id}_log.txt", file_text=content)


def _journal_lines(target: Target, now: datetime) -> list[str]:
    lines = [f"{target.location}: {text.STATES[target.state]}"]
    for step in target.steps:
        length = names.took(step.started_at, step.ended_at or now)
        took = f", {length}" if length is not None else ""
        lines.append(f"  {step.started_at:%H:%M:%S} {step.name.value} {step.state.value}{took}")
    if target.failure is not None:
        lines.append(f"  {target.failure.reason}: {without_credentials(target.failure.summary)}")
    if target.put_back_failure is not None:
        failure = target.put_back_failure
        lines.append(f"  rolling back: {failure.reason}: {without_credentials(failure.summary)}")
    if target.note:
        lines.append(f"  {target.note}")
    return lines


def full_error_text(target: Target) -> str:
    """Return everything known of a target's failures as plain text: traces and details."""
    parts: list[str] = []
    for failure in (target.failure, target.put_back_failure):
        if failure is None:
            continue
        if failure.python_error is not None:
            parts.append(full_trace(failure.python_error))
        if failure.detail:
            parts.append(without_credentials(failure.detail))
    return visible("\n".join(parts)).strip()
