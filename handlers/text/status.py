"""What people read about code locations and agents as they stand."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from deploy_core.dagster_plus.values import AgentStatus, Repository
from deploy_core.drift import Drift
from deploy_core.field_drift import FieldDrift
from deploy_core.model.errors import DeployError
from deploy_core.status import LocationStatus
from deploy_core.store.history import Change
from deploy_core.watch.reading import Health
from handlers import actions
from handlers.mrkdwn import code, date, duration, link, sentence, words
from handlers.text.names import name, who

EMOJI: Final = {
    Health.FAILED: ":x:",
    Health.SERVER_DOWN: ":no_mobile_phones:",
    Health.AGENT_DOWN: ":electric_plug:",
    Health.LOADING: ":hourglass:",
    Health.NOT_LOADED: ":hourglass:",
    Health.LOADED: ":white_check_mark:",
}

FILTERS: Final = {
    "failed": Health.FAILED,
    "server-down": Health.SERVER_DOWN,
    "agent-down": Health.AGENT_DOWN,
    "loading": Health.LOADING,
    "loaded": Health.LOADED,
}
"""The states of `status --state` that are a location's health."""

BUTTONS: Final[dict[str, str]] = {
    f"{actions.SHOW}:previous": "Previous",
    f"{actions.SHOW}:next": "Next",
    f"{actions.SHOW}:again": "Refresh",
    f"{actions.SHOW}:status": "Show status",
    f"{actions.RUN}:deploy": "Deploy",
    actions.DEPLOY_GIT: "Deploy git's version",
    actions.ADOPT_LIVE: "Adopt live version",
    f"{actions.RUN}:redeploy": "Redeploy",
    f"{actions.RUN}:rollback": "Roll back this location",
    f"{actions.TRY_THIS}:add": "Add a location…",
    f"{actions.TRY_THIS}:edit": "Edit",
    f"{actions.RUN}:restore": "Restore",
    f"{actions.TRY_THIS}:remove": "Remove",
}

NOW: Final = timedelta(seconds=5)
"""What Dagster+ said within this time counts as said now."""


def counts(locations: Iterable[LocationStatus]) -> str:
    """Return how many locations stand how, the worst first."""
    found = Counter(each.health for each in locations)
    said = ", ".join(f"{found[health]} {health.value}" for health in Health if found[health])
    return said or "no code locations"


def as_of(at: datetime, now: datetime, trouble: DeployError | None) -> str:
    """Return how old the answer is, and why it is no newer."""
    age = max(now - at, timedelta())
    if trouble is not None:
        return (
            f":warning: Dagster+ can't be asked now: {sentence(trouble.summary, 300)}"
            f" What it said {duration(age.total_seconds())} ago is shown."
        )
    if age <= NOW:
        return "As Dagster+ says now."
    return f"As Dagster+ said {duration(age.total_seconds())} ago."


def health_words(status: LocationStatus) -> str:
    """Return how a location stands, and since when."""
    said = status.health.value
    if status.since is None:
        return said
    return f"{said} since {date(status.since)}"


def by_whom(change: Change | None) -> str:
    """Return who put there what is live."""
    if change is None:
        return "put there outside the bot"
    if change.put_back:
        return f"put back by deploy {change.deploy} of {who(change.by)}"
    return f"deployed by {who(change.by)} with deploy {change.deploy}"


def drift_words(drift: Drift | None) -> str:
    """Return how far it is from the default branch; empty when that isn't known."""
    if drift is None:
        return ""
    ref = code(drift.ref, 60)
    if not drift.known:
        return f"its commit isn't in the repository of {ref}"
    parts = []
    if drift.behind:
        number = f"{drift.behind} commit{'s' if drift.behind != 1 else ''} behind"
        parts.append(f"{link(drift.compare_url, number)} {ref}")
    if drift.beside:
        parts.append(f"{drift.beside} commit{'s' if drift.beside != 1 else ''} not on {ref}")
    return ", ".join(parts) or f"level with {ref}"


def fields_words(fields: FieldDrift | None) -> str:
    """Return how many fields differ from git; empty when none does, or when that isn't known."""
    if fields is None or not fields.count:
        return ""
    return (
        "1 field differs from git"
        if fields.count == 1
        else f"{fields.count} fields differ from git"
    )


def fields_title(fields: FieldDrift) -> str:
    """Return the line above the fields that differ."""
    return f"*Live differs from {code(fields.ref, 60)}*, which would change:"


def only_live_title() -> str:
    """Return the line above the fields that only live has."""
    return "*Live only*, and left as it is by a deploy:"


def more_fields(count: int) -> str:
    """Return the line below some of the fields."""
    return f"• and {count} more"


def deploy_git_asks(fields: FieldDrift, deployment: str) -> str:
    """Return what is asked before git's version is deployed."""
    return (
        f"The newest commit of {fields.ref[:60]} goes to {deployment[:60]}, as with any deploy."
        f" Fields of live that change: {len(fields.changes)}."
    )


def adopt_live_asks(project: str) -> str:
    """Return what is asked before a pull request is opened."""
    return f"A pull request to {project[:60]} makes its file say what is live. Nothing is deployed."


def open_words(deploys: tuple[int, ...]) -> str:
    """Return which deploys of ours run or wait."""
    if not deploys:
        return ""
    shown = ", ".join(str(number) for number in deploys[:5])
    more = f" and {len(deploys) - 5} more" if len(deploys) > 5 else ""
    return f"deploy{'s' if len(deploys) > 1 else ''} {shown}{more} not ended yet"


def contents_line(repository: Repository, *, alone: bool) -> str:
    """Return the numbers of what is in a repository."""
    on = [sum(one.running for one in kind) for kind in (repository.schedules, repository.sensors)]
    parts = [
        _number(repository.assets, "asset"),
        _number(len(repository.jobs), "job"),
        _number(len(repository.schedules), "schedule") + _on(on[0], len(repository.schedules)),
        _number(len(repository.sensors), "sensor") + _on(on[1], len(repository.sensors)),
    ]
    before = "" if alone else f"{name(repository.name)}: "
    return before + ", ".join(parts)


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _on(running: int, count: int) -> str:
    return f" ({running} on, {count - running} off)" if count else ""


def queue_name(queue: str | None) -> str:
    """Return the name of a queue."""
    return "the default queue" if queue is None else f"the queue {code(queue, 60)}"


def agent_name(agent: AgentStatus) -> str:
    """Return what people call an agent: its label, or the beginning of its id."""
    return words(agent.label or agent.id[:12], 60) or "(no name)"


def agent_line(agent: AgentStatus, now: datetime) -> str:
    """Return how an agent is."""
    parts = ["running" if agent.running else "*not running*"]
    if agent.last_heartbeat is not None:
        age = max(0.0, (now - agent.last_heartbeat).total_seconds())
        parts.append(f"last heartbeat {duration(age)} ago")
    else:
        parts.append("no heartbeat known")
    if agent.type:
        parts.append(words(agent.type, 60))
    if agent.version:
        parts.append(f"version {words(agent.version, 40)}")
    if agent.queues is None:
        parts.append("its queues are not told")
    else:
        named = ", ".join(code(queue, 40) for queue in agent.queues[:8])
        parts.append(f"queues {named}" if named else "no named queue")
    emoji = ":white_check_mark:" if agent.running else ":electric_plug:"
    return f"{emoji} *{agent_name(agent)}*: " + " · ".join(parts)
