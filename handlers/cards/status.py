"""What is live in a deployment: one line a location, the ones that are broken first, in pages."""

from dataclasses import replace
from datetime import datetime

from deploy_core.status import DeploymentStatus, LocationStatus
from deploy_core.watch.reading import Health
from handlers import actions, limits
from handlers.blocks import (
    Block,
    Message,
    command_button,
    context,
    header,
    section,
    url_button,
    weight,
)
from handlers.blocks import actions as row
from handlers.cards.failures import error_lines, explained_error
from handlers.cards.links import CardLinks
from handlers.commands import STATES, Command, Status, typed
from handlers.location_commands import OpenAddForm
from handlers.mrkdwn import code, link, words
from handlers.text import status as text
from handlers.text.deploys import BUTTONS as DEPLOY_BUTTONS
from handlers.text.names import name

PAGE_WEIGHT = limits.MESSAGE_BLOCKS_JSON - 3_500
"""What the lines of a page may take; the rest is for the header, the age and the buttons."""

BUTTONS_WEIGHT = 2_600
PAGE_LINES = 40
SECTION_TEXT = 2_500


def status_message(
    status: DeploymentStatus,
    locations: tuple[LocationStatus, ...],
    command: Status,
    *,
    links: CardLinks,
    now: datetime,
) -> Message:
    """Return one page of these locations, which are in their order; `command` asked for them."""
    wanted = tuple(each for each in locations if _fits(each, command.state))
    pages = _pages([status_line(each) for each in wanted])
    number = min(command.page, len(pages))
    said = _summary(status, locations, wanted, command)
    blocks = [header(f"{status.deployment}: {text.counts(locations)}")]
    if command.name is not None or command.state is not None:
        blocks.append(context(_narrowed(wanted, command)))
    blocks += [section("\n".join(lines)) for lines in pages[number - 1]]
    age = text.as_of(status.at, now, status.trouble)
    page = f"Page {number} of {len(pages)}. " if len(pages) > 1 else ""
    blocks.append(context(page + age))
    buttons = _buttons(locations, replace(command, page=number), len(pages), links)
    return Message(text=f"{said} {age}", blocks=[*blocks, *([row(*buttons)] if buttons else [])])


def _fits(location: LocationStatus, state: str | None) -> bool:
    if state == "behind":
        return location.drift is not None and location.drift.behind > 0
    if state == "outside":
        return location.change is None
    if state == "loading":
        return location.health in {Health.LOADING, Health.NOT_LOADED}
    return state is None or location.health is text.FILTERS[state]


def _narrowed(wanted: tuple[LocationStatus, ...], command: Status) -> str:
    parts = [code(command.name, 80)] if command.name is not None else []
    parts += [f"state {code(command.state)}"] if command.state is not None else []
    return f"Only {' and '.join(parts)}: {text.counts(wanted)}"


def _summary(
    status: DeploymentStatus,
    locations: tuple[LocationStatus, ...],
    wanted: tuple[LocationStatus, ...],
    command: Status,
) -> str:
    said = [f"{name(status.deployment)}: {text.counts(locations)}."]
    if command.name is not None or command.state is not None:
        said.append(f"{_narrowed(wanted, command)}.")
    worst = [each for each in wanted if each.health is not Health.LOADED][:3]
    return " ".join([*said, *(f"{name(each.name)}: {each.health.value}." for each in worst)])


def status_line(status: LocationStatus, *, most: int = 200) -> str:
    """Return a location on one line, and under it the first `most` characters of its error."""
    version = link(status.commit_url, code(status.seen.label, 60))
    parts = [
        f"{text.EMOJI[status.health]} *{name(status.name)}*: {text.health_words(status)}",
        version,
        text.by_whom(status.change),
    ]
    if status.drift is not None and (status.drift.behind or status.drift.beside):
        parts.append(text.drift_words(status.drift))
    if differ := text.fields_words(status.fields):
        parts.append(differ)
    if status.open_deploys:
        parts.append(text.open_words(status.open_deploys))
    said = " · ".join(parts)
    if status.error is None:
        return said
    headline = error_lines(explained_error(status.error, "load_failed")).split("\n")[0]
    return f"{said}\n    {words(headline, most)}"


def _pages(lines: list[str]) -> list[list[list[str]]]:
    """Return the lines in pages, and in each page in the sections that hold them."""
    if not lines:
        return [[["There is nothing of this kind."]]]
    pages: list[list[list[str]]] = [[[]]]
    used = 0
    for line in lines:
        cost = weight([section(line)])
        in_page = sum(map(len, pages[-1]))
        if in_page and (used + cost > PAGE_WEIGHT or in_page >= PAGE_LINES):
            pages.append([[]])
            used = 0
        if limits.size("\n".join([*pages[-1][-1], line])) > SECTION_TEXT:
            pages[-1].append([])
        pages[-1][-1].append(line)
        used += cost
    return pages


def _buttons(
    locations: tuple[LocationStatus, ...], command: Status, pages: int, links: CardLinks
) -> list[Block]:
    """Paging comes first: a very long name leaves no room for the rest."""
    shown: list[Block] = []
    if command.page > 1:
        shown += _show("previous", replace(command, page=command.page - 1))
    if command.page < pages:
        shown += _show("next", replace(command, page=command.page + 1))
    for state in STATES:
        count = sum(_fits(each, state) for each in locations)
        if state not in {command.state, "loaded"} and count:
            label = f"{state.replace('-', ' ').capitalize()} ({count})"
            shown += _show(state, replace(command, state=state, page=1), label)
    if command.state is not None:
        shown += _show("all", replace(command, state=None, page=1), "All")
    shown += _show("again", command)
    shown += add_location(command.deployment)
    page = links.page([])
    opens = url_button(DEPLOY_BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, page)
    shown += [opens] if opens is not None else []
    while weight(shown) > BUTTONS_WEIGHT:
        shown.pop()
    return shown


def show_status(command: Command) -> list[Block]:
    """Return the button under another message that shows a status, or the agents."""
    action = f"{actions.SHOW}:status"
    return command_button(text.BUTTONS[action], action, typed(command))


def add_location(deployment: str | None = None) -> list[Block]:
    """Return the button that opens the form of a new code location."""
    action = f"{actions.TRY_THIS}:add"
    return command_button(text.BUTTONS[action], action, typed(OpenAddForm(deployment=deployment)))


def _show(what: str, command: Status, label: str | None = None) -> list[Block]:
    action = f"{actions.SHOW}:{what}"
    value = typed(replace(command, here=False))
    return command_button(label or text.BUTTONS[action], action, value)
