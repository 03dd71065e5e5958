"""What broke, in one message that follows it to its end; and what was changed outside the bot."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from deploy_core.model.python_error import PythonError
from deploy_core.watch.incidents import Incident, IncidentState
from handlers import actions, limits
from handlers.blocks import (
    Block,
    Message,
    command_button,
    confirm,
    context,
    fitting,
    header,
    listed,
    section,
    url_button,
    weight,
)
from handlers.blocks import actions as row
from handlers.cards.failures import error_lines, explained_error
from handlers.cards.links import CardLinks
from handlers.cards.status import show_status
from handlers.commands import Agents, Redeploy, Rollback, Status, typed
from handlers.mrkdwn import code, pre, words
from handlers.text import incidents as text
from handlers.text.deploys import BUTTONS
from handlers.text.names import name
from handlers.text.outcomes import cause_lines
from handlers.text.status import BUTTONS as STATUS_BUTTONS

MOST_LINES = 30


def incidents_message(
    incidents: list[Incident],
    errors: Mapping[int, PythonError],
    *,
    links: CardLinks,
    now: datetime,
) -> Message:
    """Return the message of what broke: of one location all, of many a line each."""
    if len(incidents) == 1 and incidents[0].kind == "agents":
        return _agents(incidents[0], now)
    if len(incidents) == 1:
        return _one(incidents[0], errors.get(incidents[0].id), links=links, now=now)
    return _many(incidents, errors, links=links, now=now)


def _one(
    incident: Incident, error: PythonError | None, *, links: CardLinks, now: datetime
) -> Message:
    facts = incident.data or {}
    state = f"{name(incident.subject)} on {name(incident.deployment)}"
    state += f" {text.state_words(incident, now)}"
    blocks = [header(text.title(incident)), section(f"{text.EMOJI[incident.state]} {state}")]
    headline = ""
    if error is not None and not incident.ended:
        found = explained_error(error, "load_failed")
        headline = f": {words(found.headline, 300)}"
        blocks.append(section(f"{pre(error_lines(found), 900)}\n{cause_lines(found)}"))
    blocks.append(context(text.changed_by(facts)))
    buttons = _buttons(incident, links)
    return Message(
        text=f"{state}{headline}.", blocks=[*blocks, *([row(*buttons)] if buttons else [])]
    )


def _agents(incident: Incident, now: datetime) -> Message:
    facts = incident.data or {}
    state = text.silence_words(incident, now)
    blocks = [header(text.silence_title(incident))]
    blocks.append(section(f"{text.EMOJI[incident.state]} {state}."))
    if not incident.ended:
        blocks.append(section(f"{text.heartbeat_line(facts)}\n{text.hanging_line(facts)}"))
    buttons = show_status(Agents(incident.deployment))
    return Message(text=f"{state}.", blocks=[*blocks, *([row(*buttons)] if buttons else [])])


def note_message(data: Mapping[str, JsonValue]) -> Message:
    """Return the note that Dagster+ and the work disagree about an agent."""
    line = text.disagreement(data)
    return Message(text=line, blocks=[section(f":information_source: {line}")])


def _buttons(incident: Incident, links: CardLinks) -> list[Block]:
    location, deployment = incident.subject, incident.deployment
    buttons = show_status(Status(location, deployment))
    if incident.state is IncidentState.OPEN:
        again = typed(Redeploy(locations=(location,), deployment=deployment))
        label = STATUS_BUTTONS[f"{actions.RUN}:redeploy"]
        what = f"What is live on {deployment[:60]} is sent once more, so that the code starts anew."
        asked = confirm(f"Redeploy {location[:60]}?", what, label, "Not now")
        buttons += command_button(label, f"{actions.RUN}:redeploy", again, confirm=asked)
        if (incident.data or {}).get("deploy") is not None:
            back = typed(Rollback(locations=(location,), deployment=deployment))
            what = f"What was live on {deployment[:60]} before its last deploy is deployed again."
            asked = confirm(f"Roll back {location[:60]}?", what, "Roll back", "Not now")
            label = STATUS_BUTTONS[f"{actions.RUN}:rollback"]
            buttons += command_button(label, f"{actions.RUN}:rollback", back, confirm=asked)
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, links.page([location]))
    return [*buttons, *([opens] if opens is not None else [])]


def _many(
    incidents: list[Incident],
    errors: Mapping[int, PythonError],
    *,
    links: CardLinks,
    now: datetime,
) -> Message:
    deployment = incidents[0].deployment if incidents else ""
    broken = [each for each in incidents if not each.ended]
    said = f"{len(incidents)} locations failed to load at once"
    now_said = f"{len(broken)} still fail" if broken else "all load again"
    blocks = [header(f"{deployment}: {said}"), section(f"{name(deployment)}: {said}, {now_said}.")]
    for example, count in _alike(broken, errors):
        found = explained_error(errors[example], "load_failed")
        blocks.append(
            section(f"*{count} with*\n{pre(error_lines(found), 600)}\n{cause_lines(found)}")
        )
    lines = [
        f"{text.EMOJI[each.state]} *{name(each.subject)}* {text.state_words(each, now)}"
        for each in sorted(incidents, key=lambda each: (each.ended, each.subject))
    ]
    held = fitting(lines[:MOST_LINES], limits.SECTION_TEXT - 100)
    most = limits.MESSAGE_BLOCKS_JSON - 1_000
    while held and weight([*blocks, section("\n".join(held))]) > most:
        held.pop()
    blocks += listed(held, len(lines))
    buttons = show_status(Status(None, deployment, state="failed"))
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, links.page([]))
    buttons += [opens] if opens is not None else []
    return Message(
        text=f"{name(deployment)}: {said}, {now_said}.",
        blocks=[*blocks, *([row(*buttons)] if buttons else [])],
    )


def _alike(incidents: list[Incident], errors: Mapping[int, PythonError]) -> list[tuple[int, int]]:
    """Return one incident for each kind of error, with how many are alike; at most three."""
    kinds: dict[str, list[int]] = {}
    for each in incidents:
        if each.id in errors:
            found = explained_error(errors[each.id], "load_failed")
            kinds.setdefault(error_lines(found), []).append(each.id)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    return [(group[0], len(group)) for group in ordered[:3]]


def changes_message(data: Mapping[str, JsonValue], *, links: CardLinks) -> Message:
    """Return the message of what was added, changed or removed outside the bot in one look."""
    kept = data.get("changes")
    changes = [each for each in kept if isinstance(each, dict)] if isinstance(kept, list) else []
    count = data.get("count")
    total = count if isinstance(count, int) else len(changes)
    deployment = str(data.get("deployment"))
    what = "1 code location was" if total == 1 else f"{total} code locations were"
    lines = [text.change_line(change) for change in changes[:MOST_LINES]]
    while limits.size("\n".join(lines)) > limits.SECTION_TEXT - 100:
        lines.pop()
    blocks = [section(f":pencil2: {what} changed outside the bot on {code(deployment, 80)}:")]
    blocks.append(section("\n".join(lines)))
    if len(lines) < total:
        blocks.append(context(f"and {total - len(lines)} more"))
    page = links.page([str(changes[0].get("location"))] if total == 1 else [])
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, page)
    blocks += [row(opens)] if opens is not None else []
    first = "; ".join(lines[:3]).replace("*", "")
    more = f" and {total - 3} more" if total > 3 else ""
    return Message(
        text=f"Changed outside the bot on {name(deployment)}: {first}{more}.", blocks=blocks
    )
