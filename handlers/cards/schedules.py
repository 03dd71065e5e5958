"""Schedules, sensors, code servers and run queues that have fallen silent, in one message to their
end."""

from datetime import datetime

from deploy_core.watch.code_servers import SERVERS
from deploy_core.watch.incidents import Incident
from deploy_core.watch.queue import QUEUE
from handlers import actions, limits
from handlers.blocks import (
    Block,
    Message,
    command_button,
    context,
    fitting,
    header,
    listed,
    section,
    url_button,
)
from handlers.blocks import actions as row
from handlers.cards.links import CardLinks
from handlers.cards.status import show_status
from handlers.commands import Agents, Command, Redeploy, Status, typed
from handlers.mrkdwn import pre
from handlers.text import schedules as text
from handlers.text.deploys import BUTTONS
from handlers.text.names import name
from handlers.text.status import BUTTONS as STATUS_BUTTONS

MOST_LINES = 30


def schedules_message(incidents: list[Incident], *, links: CardLinks, now: datetime) -> Message:
    """Return the message: of one schedule or queue all, of many a line each."""
    if len(incidents) != 1:
        return _many(incidents, links=links)
    incident, facts = incidents[0], incidents[0].data or {}
    state = text.state_words(incident, now)
    blocks = [header(text.title(incident)), section(f"{text.EMOJI[incident.state]} {state}.")]
    error = text.error_of(facts)
    if error is not None and not incident.ended:
        blocks.append(section(pre(error, 900)))
    changed = text.changed_by(facts)
    if changed is not None:
        blocks.append(context(changed))
    buttons = _buttons(incident, links)
    return Message(f"{state}.", [*blocks, *([row(*buttons)] if buttons else [])])


def _buttons(incident: Incident, links: CardLinks) -> list[Block]:
    location = str((incident.data or {}).get("location") or "")
    show: Command = Status(location, incident.deployment)
    if incident.kind == QUEUE or not location:
        show = Agents(incident.deployment)
    again: list[Block] = []
    if incident.kind == SERVERS and not incident.ended:
        action = f"{actions.RUN}:redeploy"
        command = typed(Redeploy((location,), deployment=incident.deployment))
        again = command_button(STATUS_BUTTONS[action], action, command)
    page = links.page([location]) if location else links.page([])
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, page)
    return [*again, *show_status(show), *([opens] if opens is not None else [])]


def _many(incidents: list[Incident], *, links: CardLinks) -> Message:
    deployment = incidents[0].deployment if incidents else ""
    said, left = text.many_words(incidents)
    blocks = [header(f"{deployment[:60]}: {said}")]
    blocks.append(section(f"{name(deployment)}: {said}, {left}."))
    ordered = sorted(incidents, key=lambda each: (each.ended, each.subject))
    lines = [text.line(each) for each in ordered[:MOST_LINES]]
    blocks += listed(fitting(lines, limits.SECTION_TEXT - 100), len(incidents))
    page = links.page([])
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, page)
    blocks += [row(opens)] if opens is not None else []
    return Message(f"{name(deployment)}: {said}, {left}.", blocks)
