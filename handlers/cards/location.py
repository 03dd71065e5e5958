"""All about one code location, with the next steps as buttons."""

from datetime import datetime

from deploy_core.agents import agent_problem
from deploy_core.field_drift import FieldDrift
from deploy_core.model.deploys import Deploy
from deploy_core.model.plan import FieldChange
from deploy_core.status import LocationDetail
from deploy_core.watch.reading import Health
from handlers import actions, limits
from handlers.blocks import (
    Block,
    Message,
    command_button,
    confirm,
    context,
    fitting,
    header,
    section,
    url_button,
    weight,
)
from handlers.blocks import actions as row
from handlers.cards.failures import error_lines, explained_error, short_failure
from handlers.cards.links import CardLinks
from handlers.cards.plan import change_line, field_value
from handlers.commands import Deploy as DeployCommand
from handlers.commands import Redeploy, Rollback, Status, typed
from handlers.location_commands import Adopt, EditLocation
from handlers.mrkdwn import code, date, duration, link, pre, words
from handlers.text import deploys as deploy_text
from handlers.text import status as text
from handlers.text.names import name, who
from handlers.text.outcomes import cause_lines

MOST_REPOSITORIES = 5
MOST_FIELDS = 8
"""So many fields that differ from git are shown, of each kind."""


def location_message(detail: LocationDetail, *, links: CardLinks, now: datetime) -> Message:
    """Return all about the location: the error first, then what is live, what is in it, what was
    done to it."""
    status = detail.status
    age = text.as_of(detail.at, now, detail.trouble)
    blocks = [header(f"{status.name} on {detail.deployment}: {status.health.value}")]
    blocks += _error(detail)
    blocks.append(section("\n".join(_facts(detail, now))))
    blocks += _fields(detail.status.fields)
    history = [_deploy_line(deploy, status.name, now) for deploy in detail.deploys]
    if history:
        blocks.append(section("*Last deploys*\n" + "\n".join(history)))
    while weight(blocks) > limits.MESSAGE_BLOCKS_JSON - 3_000:
        blocks.pop()
    blocks.append(context(age))
    said = (
        f"{name(status.name)} on {name(detail.deployment)}: {text.health_words(status)},"
        f" {code(status.seen.label, 60)} {text.by_whom(status.change)}."
    )
    return Message(text=f"{said} {age}", blocks=[*blocks, *_row(detail, links)])


def _error(detail: LocationDetail) -> list[Block]:
    if detail.status.error is None:
        return []
    found = explained_error(detail.status.error, "load_failed")
    return [section(f"{pre(error_lines(found), 900)}\n{cause_lines(found)}")]


def _fields(fields: FieldDrift | None) -> list[Block]:
    if fields is None:
        return []
    parts = (
        (text.fields_title(fields), [change_line(change) for change in fields.changes]),
        (text.only_live_title(), [_live_line(change) for change in fields.only_live]),
    )
    blocks = []
    for title, lines in parts:
        held = fitting(lines[:MOST_FIELDS], limits.SECTION_TEXT - 200)
        more = [text.more_fields(len(lines) - len(held))] if len(lines) > len(held) else []
        blocks += [section("\n".join([title, *held, *more]))] if lines else []
    return blocks


def _live_line(change: FieldChange) -> str:
    return f"• {code(change.path, 80)}: {code(field_value(change.path, change.before), 100)}"


def _facts(detail: LocationDetail, now: datetime) -> list[str]:
    status = detail.status
    version = link(status.commit_url, code(status.seen.label, 60))
    image = status.seen.version.image
    if image and status.seen.version.commit:
        version += f", image {code(image.rsplit('/', 1)[-1], 120)}"
    lines = [
        f"{text.EMOJI[status.health]} *State:* {text.health_words(status)}",
        f"*Live:* {version}, {text.by_whom(status.change)}"
        + (f" {date(status.change.at)}" if status.change is not None else ""),
    ]
    if status.project is not None:
        drift = text.drift_words(status.drift)
        lines.append(f"*Project:* {name(status.project)}" + (f", {drift}" if drift else ""))
    lines.append(f"*Agent:* {_agent(detail, now)}")
    lines += _contents(detail)
    if status.open_deploys:
        lines.append(f"*Now:* {text.open_words(status.open_deploys)}")
    return lines


def _agent(detail: LocationDetail, now: datetime) -> str:
    queue = detail.status.seen.queue
    problem = agent_problem(detail.agents, queue)
    if problem is not None:
        return f"{text.queue_name(queue)}; {words(problem.summary, 200)}"
    serving = [
        agent
        for agent in detail.agents
        if agent.running and (queue is None or agent.queues is None or queue in agent.queues)
    ]
    named = ", ".join(text.agent_name(agent) for agent in serving[:3])
    more = f" and {len(serving) - 3} more" if len(serving) > 3 else ""
    beats = [agent.last_heartbeat for agent in serving if agent.last_heartbeat is not None]
    last = ""
    if beats:
        age = max(0.0, (now - max(beats)).total_seconds())
        last = f", last heartbeat {duration(age)} ago"
    return f"{text.queue_name(queue)}, served by {named}{more}{last}"


def _contents(detail: LocationDetail) -> list[str]:
    if detail.repositories is None:
        if detail.status.health in {Health.FAILED, Health.NOT_LOADED}:
            return []
        return ["*Contains:* Dagster+ doesn't say"]
    shown = detail.repositories[:MOST_REPOSITORIES]
    alone = len(detail.repositories) == 1
    lines = [f"*Contains:* {text.contents_line(each, alone=alone)}" for each in shown]
    left = len(detail.repositories) - len(shown)
    return [*lines, f"and {left} more repositories"] if left else lines


def _deploy_line(deploy: Deploy, location: str, now: datetime) -> str:
    target = next(each for each in deploy.targets if each.location == location)
    line = (
        f"*{deploy.id}* · {date(deploy.created_at)} · {who(deploy.by)}:"
        f" {deploy_text.state_line(deploy, target, now)}"
    )
    why = words(short_failure(target), 160) if target.failure is not None else ""
    return f"{line}\n    {why}" if why else line


def _row(detail: LocationDetail, links: CardLinks) -> list[Block]:
    buttons = _buttons(detail, links)
    return [row(*buttons)] if buttons else []


def _buttons(detail: LocationDetail, links: CardLinks) -> list[Block]:
    location, deployment = detail.status.name, detail.deployment
    show = Status(location, deployment)
    again = f"{actions.SHOW}:again"
    buttons = command_button(text.BUTTONS[again], again, typed(show))
    if detail.status.project is not None:
        buttons += _of_project(detail, detail.status.project)
    else:
        edit = f"{actions.TRY_THIS}:edit"
        command = typed(EditLocation(location, deployment))
        buttons += command_button(text.BUTTONS[edit], edit, command)
    command = typed(Redeploy(locations=(location,), deployment=deployment))
    what = f"What is live on {deployment[:60]} is sent once more, so that the code starts anew."
    buttons += _run("redeploy", command, f"Redeploy {location[:60]}?", what)
    if any(target.sent for deploy in detail.deploys for target in deploy.targets):
        command = typed(Rollback(locations=(location,), deployment=deployment))
        what = f"What was live on {deployment[:60]} before its last deploy is deployed again."
        buttons += _run("rollback", command, f"Roll back {location[:60]}?", what)
    page = links.page([location])
    opens = url_button(deploy_text.BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, page)
    return [*buttons, *([opens] if opens is not None else [])]


def _of_project(detail: LocationDetail, project: str) -> list[Block]:
    location, deployment, fields = detail.status.name, detail.deployment, detail.status.fields
    deploy = typed(DeployCommand(locations=(location,), deployment=deployment))
    title = f"Deploy {location[:60]}?"
    if fields is None or not fields.changes:
        what = f"The newest commit of its project's default branch goes to {deployment[:60]}."
        shown = _run("deploy", deploy, title, what)
    else:
        shown = _asked(actions.DEPLOY_GIT, deploy, title, text.deploy_git_asks(fields, deployment))
    if fields is not None and fields.count:
        adopt = typed(Adopt(location, project, deployment, update=True))
        asks = text.adopt_live_asks(project)
        shown += _asked(actions.ADOPT_LIVE, adopt, f"Adopt {location[:60]}?", asks)
    return shown


def _run(what: str, command: str, title: str, said: str) -> list[Block]:
    return _asked(f"{actions.RUN}:{what}", command, title, said)


def _asked(action: str, command: str, title: str, said: str) -> list[Block]:
    label = text.BUTTONS[action]
    asked = confirm(title, said, label[:30], "Not now")
    return command_button(label, action, command, confirm=asked)
