"""What people read about schedules, sensors and run queues that have fallen silent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from deploy_core.model.people import Actor
from deploy_core.watch.code_servers import SERVERS
from deploy_core.watch.incidents import FLAPPING, Incident, IncidentState, Said, WatcherSaid
from deploy_core.watch.queue import QUEUE
from deploy_core.watch.schedules import FAILING_TICKS, SCHEDULES, Trouble
from handlers.mrkdwn import code, date, duration, words
from handlers.text.names import name, who

Facts = Mapping[str, JsonValue]

KINDS: Final = (SCHEDULES, SERVERS, QUEUE)
"""The kinds of incidents that are told of here."""

EMOJI: Final = {
    IncidentState.OPEN: ":zzz:",
    IncidentState.SETTLING: ":hourglass:",
    IncidentState.ENDED: ":white_check_mark:",
}

_TITLES: Final = {
    Trouble.LATE: "has no ticks",
    Trouble.FAILING: "fails each tick",
    Trouble.OFF: "is off after a deploy",
}

_WELL: Final = {
    Trouble.LATE: "ticks again",
    Trouble.FAILING: "works again",
    Trouble.OFF: "is on again",
}


def title(incident: Incident) -> str:
    """Return the header. Plain text, not escaped."""
    where = incident.deployment[:60]
    if incident.kind == QUEUE:
        said = "moves again" if incident.ended else "does not move"
        return f"{where}: the run queue {said}"
    if incident.kind == SERVERS:
        return f"{where}: the code server of {incident.subject[:60]} {_stands(incident)}"
    what = f"{where}: {incident.subject[:70]}"
    if incident.ended:
        return f"{what} {_end(incident)}"
    if incident.failures >= FLAPPING:
        return f"{what} comes and goes"
    return f"{what} {_TITLES[_trouble(incident)]}"


def state_words(incident: Incident, now: datetime) -> str:
    """Return how it stands, as a sentence without its point."""
    facts = incident.data or {}
    if incident.kind == QUEUE:
        return _queue_words(incident, facts, now)
    if incident.kind == SERVERS:
        return _server_words(incident, facts, now)
    what = f"{subject(incident)} on {name(incident.deployment)}"
    if incident.ended:
        return f"{what} {_end(incident)}, after {_lasted(incident, now)}"
    match _trouble(incident):
        case Trouble.LATE:
            tick = facts.get("last_tick")
            last = "it never had one" if not isinstance(tick, str) else f"the last was {_at(tick)}"
            return f"{what} is on and has no ticks: {last}, and two of its times have passed"
        case Trouble.FAILING:
            return f"{what} is on, and its last {FAILING_TICKS} ticks failed"
        case Trouble.OFF:
            off = "isn't there any more" if facts.get("gone") else "is off now"
            return f"{what} was on before {name(str(facts.get('location')))} was loaded, and {off}"


def subject(incident: Incident) -> str:
    """Return the schedule or sensor, escaped and bounded."""
    return words(incident.subject, 160)


def error_of(facts: Facts) -> str | None:
    """Return the error of the last tick."""
    error = facts.get("error")
    return error if isinstance(error, str) and error.strip() else None


def changed_by(facts: Facts) -> str | None:
    """Return who has deployed the location where a schedule went off."""
    deploy, by = facts.get("deploy"), facts.get("by")
    if isinstance(deploy, int) and isinstance(by, dict):
        return f"Deploy {deploy} by {who(Actor.model_validate(by))} changed it last."
    version = facts.get("version")
    if isinstance(version, str):
        return f"{code(version, 60)} was not put there by the bot."
    return None


def said_of_schedules(said: WatcherSaid, incident: Incident, facts: Facts) -> str:
    """Return what is said in the thread."""
    what = "The run queue" if incident.kind == QUEUE else subject(incident)
    if incident.kind == SERVERS:
        return _said_of_server(said, incident, facts)
    last = duration(_seconds(facts, "since_last"))
    match said:
        case Said.AGAIN:
            return f"{what} has fallen silent again, {last} after it had recovered."
        case Said.FLAPPING:
            return f"{what} comes and goes: it fell silent {facts.get('failures')} times."
        case Said.REMOVED:
            return f"{what} {_end(incident)}: nothing more is said of it."
        case Said.NEEDS_PEOPLE:
            return "A person is needed."
        case Said.RECOVERED:
            return f"{what} {_end(incident)}. It was silent for {last}."


def many_words(incidents: list[Incident]) -> tuple[str, str]:
    """Return what is said where many fell silent at once, and how many still are."""
    left = sum(not each.ended for each in incidents)
    if incidents and incidents[0].kind == SERVERS:
        said = f"{len(incidents)} code servers could not be reached at once"
        return said, f"{left} still can't" if left else "all answer again"
    said = f"{len(incidents)} schedules and sensors fell silent at once"
    return said, f"{left} still are" if left else "none is any more"


def all_tick_again(incidents: list[Incident]) -> str:
    """Return what is said when none of those that fell silent together is silent any more."""
    return f"None of the {len(incidents)} is silent any more."


def all_answer_again(incidents: list[Incident]) -> str:
    """Return what is said when all code servers that were down together answer again."""
    return f"All {len(incidents)} code servers answer again."


def line(incident: Incident) -> str:
    """Return one of many on one line."""
    what = "the code server of " if incident.kind == SERVERS else ""
    return f"{EMOJI[incident.state]} {what}*{subject(incident)}* {_stands(incident)}"


def _stands(incident: Incident) -> str:
    if incident.ended:
        return _end(incident)
    return "can't be reached" if incident.kind == SERVERS else _TITLES[_trouble(incident)]


def _queue_words(incident: Incident, facts: Facts, now: datetime) -> str:
    place = name(incident.deployment)
    if incident.ended:
        return f"Runs of {place} begin again after {_lasted(incident, now)}"
    waiting, busy = int(_seconds(facts, "waiting")), int(_seconds(facts, "in_progress"))
    wait = "1 run has waited" if waiting == 1 else f"{waiting} runs have waited"
    length = duration(_seconds(facts, "minutes") * 60)
    said = f"{wait} on {place} for more than {length}, and none has begun meanwhile"
    if busy:
        return f"{said}; {busy} in progress may hold a limit of concurrency"
    return f"{said}; none is in progress"


def _server_words(incident: Incident, facts: Facts, now: datetime) -> str:
    location, place = name(incident.subject), name(incident.deployment)
    if incident.ended:
        lasted = _lasted(incident, now)
        return f"The code server of {location} on {place} {_end(incident)}, after {lasted}"
    since = facts.get("since")
    when = f" since {_at(since)}" if isinstance(since, str) else ""
    return (
        f"The code server of {location} on {place} can't be reached, though {location} counts as"
        f" loaded: no tick of its schedules and sensors has reached it{when}"
    )


def _said_of_server(said: WatcherSaid, incident: Incident, facts: Facts) -> str:
    what = f"The code server of {name(incident.subject)}"
    last = duration(_seconds(facts, "since_last"))
    match said:
        case Said.AGAIN:
            return f"{what} can't be reached again, {last} after it had recovered."
        case Said.FLAPPING:
            times = facts.get("failures")
            return f"{what} comes and goes: it could not be reached {times} times."
        case Said.REMOVED:
            return f"{what} is gone with its code location: nothing more is said of it."
        case Said.NEEDS_PEOPLE:
            return "A person is needed."
        case Said.RECOVERED:
            return f"{what} answers again. It was away for {last}."


def _end(incident: Incident) -> str:
    facts = incident.data or {}
    if incident.kind == QUEUE:
        return "moves again"
    if incident.kind == SERVERS:
        return "answers again"
    trouble = _trouble(incident)
    if facts.get("gone"):
        return "is gone"
    if facts.get("off"):
        return "has been off for long" if trouble is Trouble.OFF else "was switched off"
    return _WELL[trouble]


def _trouble(incident: Incident) -> Trouble:
    return Trouble(str((incident.data or {}).get("trouble") or Trouble.LATE.value))


def _lasted(incident: Incident, now: datetime) -> str:
    end = incident.ended_at or now
    return duration(max(0.0, (end - incident.opened_at).total_seconds()))


def _at(text: str) -> str:
    return date(datetime.fromisoformat(text))


def _seconds(facts: Facts, key: str) -> float:
    found = facts.get(key)
    return float(found) if isinstance(found, int | float) else 0.0
