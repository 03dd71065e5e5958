"""Runs that failed alike, in one message that counts them and follows them to the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deploy_core.model.explain import full_trace
from deploy_core.model.python_error import PythonError
from deploy_core.watch.failed_runs import Failures
from deploy_core.watch.incidents import Incident
from deploy_core.watch.kept_errors import error_of
from deploy_core.watch.marks import Mark, MarkKind
from deploy_core.watch.reexecution import Order
from handlers import actions, limits
from handlers.blocks import (
    Block,
    Message,
    button,
    confirm,
    context,
    fitting,
    header,
    listed,
    section,
    url_button,
)
from handlers.blocks import actions as row
from handlers.cards.failures import error_lines, explained_error
from handlers.cards.links import CardLinks
from handlers.cards.thread import ThreadPost
from handlers.mrkdwn import pre, visible, words
from handlers.text import failed_runs as text
from handlers.text.deploys import BUTTONS
from handlers.text.reexecutions import carried_out, orders_lines

MOST_LINES = 20

MOST_FILE = 200_000


@dataclass(frozen=True)
class Group:
    """One incident with all that is known of it."""

    incident: Incident
    failures: Failures | None
    marks: tuple[Mark, ...] = ()
    orders: tuple[Order, ...] = ()

    @property
    def error(self) -> PythonError | None:
        return error_of(self.incident.data)


def failed_runs_message(groups: list[Group], *, links: CardLinks, now: datetime) -> Message:
    """Return the message: of one kind of failure all, of many a line each."""
    if len(groups) == 1 and groups[0].failures is not None:
        return _one(groups[0], groups[0].failures, links=links, now=now)
    return _many(groups)


def _one(group: Group, failures: Failures, *, links: CardLinks, now: datetime) -> Message:
    incident, facts = group.incident, group.incident.data or {}
    state = text.runs_line(incident, failures, now)
    headline, exception = "", ""
    blocks = [section(f"{text.EMOJI[incident.state]} {state}.")]
    if group.error is not None:
        found = explained_error(group.error, "run_failed")
        exception = "" if found.exception == "Error" else found.exception
        headline = f": {words(found.headline, 300)}"
        blocks.append(section(pre(error_lines(found), 900)))
    blocks.insert(0, header(text.title(incident, exception)))
    blocks.append(section(text.where_line(facts, failures)))
    lines = [text.known_line(facts), text.change_line(facts), *text.marks_lines(group.marks, now)]
    lines += orders_lines(group.orders)
    blocks.append(context(*(line for line in lines if line)))
    buttons = _buttons(group, failures, links, now)
    return Message(
        text=f"{state}{headline}.", blocks=[*blocks, *([row(*buttons)] if buttons else [])]
    )


def _buttons(group: Group, failures: Failures, links: CardLinks, now: datetime) -> list[Block]:
    value = str(group.incident.id)
    done = {mark.kind for mark in group.marks if mark.until is None or mark.until > now}
    opens = url_button(
        BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, links.run(failures.last_run)
    )
    buttons = [opens] if opens is not None else []
    if group.error is not None and MarkKind.TRACE not in done:
        buttons.append(_button(actions.SHOW_TRACE, value))
    if group.incident.ended:
        return buttons
    buttons.append(_button(actions.REEXECUTE, value))
    if MarkKind.ACKNOWLEDGED not in done:
        buttons.append(_button(actions.ACKNOWLEDGE, value))
    if MarkKind.MUTED not in done:
        label = text.BUTTONS[actions.MUTE]
        asked = confirm("Mute this failure?", text.MUTE_ASKED, label, "Not now")
        buttons.append(button(label, actions.MUTE, value, confirm=asked))
    return buttons


def _button(action: str, value: str) -> Block:
    return button(text.BUTTONS[action], action, value)


def _many(groups: list[Group]) -> Message:
    deployment = groups[0].incident.deployment if groups else ""
    left = sum(not group.incident.ended for group in groups)
    said = text.many_line(deployment, len(groups), left)
    ordered = sorted(
        groups,
        key=lambda group: (
            group.incident.ended,
            -(group.failures.runs if group.failures is not None else 0),
            group.incident.id,
        ),
    )
    blocks = [header(text.many_title(deployment, len(groups))), section(f"{said}.")]
    lines = [
        text.group_line(group.incident, group.failures, _headline(group))
        for group in ordered[:MOST_LINES]
    ]
    blocks += listed(fitting(lines, limits.SECTION_TEXT - 100), len(ordered))
    return Message(text=f"{said}.", blocks=blocks)


def _headline(group: Group) -> str:
    if group.error is None:
        return "Failure without an error"
    return explained_error(group.error, "run_failed").headline


def trace_post(incident: Incident) -> ThreadPost:
    """Return the whole error of an incident: in the message when it is short, else as a file."""
    facts = incident.data or {}
    run, error = str(facts.get("run") or ""), error_of(facts)
    if error is None:
        return ThreadPost(text.no_error(run))
    heading, trace = text.trace_heading(run), visible(full_trace(error)).strip()
    inline = f"{heading}\n{pre(trace, limits.MESSAGE_TEXT * 2)}"
    if limits.size(trace) <= limits.INLINE_TRACE and limits.size(inline) <= limits.MESSAGE_TEXT:
        return ThreadPost(inline)
    name = "".join(char for char in run[:8] if char.isalnum()) or "run"
    return ThreadPost(heading, file_name=f"run_{name}_error.txt", file_text=trace[:MOST_FILE])


def order_post(order: Order, links: CardLinks) -> ThreadPost:
    """Return what the thread is told once an order is carried out."""
    children = [each.child for each in order.launches if each.child]
    return ThreadPost(carried_out(order, {child: links.run(child) for child in children}))


def groups_of(
    incidents: list[Incident],
    failures: Mapping[int, Failures],
    marks: Mapping[int, tuple[Mark, ...]],
    orders: Mapping[int, tuple[Order, ...]],
) -> list[Group]:
    """Return the incidents with what is known of them."""
    return [
        Group(each, failures.get(each.id), marks.get(each.id, ()), orders.get(each.id, ()))
        for each in incidents
    ]
