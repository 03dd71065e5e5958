"""What people read about what broke, recovered or was changed outside the bot."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from deploy_core.model.people import Actor
from deploy_core.model.plan import Version
from deploy_core.watch.agents import ALL
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import (
    FLAPPING,
    SETTLES_IN,
    Incident,
    IncidentState,
    Said,
    WatcherSaid,
)
from handlers.mrkdwn import channel_name, code, date, duration, words
from handlers.text.alerts import alerted_too
from handlers.text.failed_runs import said_of_runs
from handlers.text.names import name, who
from handlers.text.schedules import KINDS as SILENT
from handlers.text.schedules import said_of_schedules

Facts = Mapping[str, JsonValue]

EMOJI: Final = {
    IncidentState.OPEN: ":x:",
    IncidentState.SETTLING: ":hourglass:",
    IncidentState.ENDED: ":white_check_mark:",
}


def state_words(incident: Incident, now: datetime) -> str:
    """Return how an incident stands."""
    flaps = f", failed {incident.failures} times" if incident.failures > 1 else ""
    if incident.state is IncidentState.OPEN:
        return f"fails to load since {date(incident.changed_at)}{flaps}"
    if incident.state is IncidentState.SETTLING:
        return f"loads just now, and has flapped{flaps}"
    end = incident.ended_at or now
    lasted = duration(max(0.0, (end - incident.opened_at).total_seconds()))
    return f"loads again after {lasted}{flaps}"


def title(incident: Incident) -> str:
    """Return the header. Plain text, not escaped."""
    place = f"{incident.subject[:60]} on {incident.deployment[:60]}"
    if incident.state is IncidentState.ENDED:
        return f"{place} loads again"
    if incident.failures >= FLAPPING:
        return f"{place} flaps"
    return f"{place} fails to load"


def changed_by(facts: Facts) -> str:
    """Return who changed the location last, and to what."""
    version = _version(facts.get("version")) or "This version"
    deploy, by = facts.get("deploy"), facts.get("by")
    if isinstance(deploy, int) and isinstance(by, dict):
        actor = Actor.model_validate(by)
        when = "just before, " if facts.get("changed") else ""
        return f"{version} was put there {when}by {who(actor)} with deploy {deploy}."
    if facts.get("changed"):
        before = _version(facts.get("before"))
        was = f" It was {before} before." if before else ""
        return f"{version} was put there outside the bot.{was}"
    return f"{version} had loaded before: nothing was deployed to it since the last look."


def silence_title(incident: Incident) -> str:
    """Return the header of an alarm about agents. Plain text, not escaped."""
    what = "no agent" if incident.subject == ALL else f"no agent on {incident.subject[:80]}"
    if incident.ended:
        return f"{incident.deployment[:60]}: an agent runs again"
    return f"{incident.deployment[:60]}: {what} is running"


def silence_words(incident: Incident, now: datetime) -> str:
    """Return how an alarm about agents stands."""
    place = name(incident.deployment)
    what = "No agent" if incident.subject == ALL else f"No agent on {words(incident.subject, 80)}"
    if incident.ended:
        end = incident.ended_at or now
        lasted = duration(max(0.0, (end - incident.opened_at).total_seconds()))
        return f"An agent serves {place} again after {lasted}"
    return f"{what} of {place} is running since {date(incident.changed_at)}"


def heartbeat_line(facts: Facts) -> str:
    """Return the two witnesses of a silence."""
    beat, why = facts.get("last_heartbeat"), words(str(facts.get("why") or ""), 200)
    last = "No heartbeat is known"
    if isinstance(beat, str):
        last = f"The last heartbeat was {date(datetime.fromisoformat(beat))}"
    return f"{last}, and {why}." if why else f"{last}."


def hanging_line(facts: Facts) -> str:
    """Return which locations hang on the agents that are silent."""
    named, count = facts.get("locations"), facts.get("count")
    shown = [name(str(each)) for each in named] if isinstance(named, list) else []
    total = count if isinstance(count, int) else len(shown)
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    what = "1 code location hangs" if total == 1 else f"{total} code locations hang"
    return f"{what} on it: {', '.join(shown)}{more}"


def disagreement(facts: Facts) -> str:
    """Return the note that Dagster+ and the work disagree about an agent."""
    subject = str(facts.get("subject"))
    what = "no agent" if subject == ALL else f"no agent on {words(subject, 80)}"
    return (
        f"Dagster+ says that {what} of {name(str(facts.get('deployment')))} is running, but"
        f" {words(str(facts.get('why')), 200)}. This is no alarm; it is only said once."
    )


def said_words(said: Said, incident: Incident, facts: Facts) -> str:
    """Return what is said in the thread of an incident of any kind."""
    if said is Said.ALERTED:
        return alerted_too(facts)
    if incident.kind == RUNS:
        return said_of_runs(said, facts)
    if incident.kind in SILENT:
        return said_of_schedules(said, incident, facts)
    if incident.kind == "agents":
        return _said_of_agents(said, incident, facts)
    return _said_of_locations(said, incident, facts)


def _said_of_locations(said: WatcherSaid, incident: Incident, facts: Facts) -> str:
    what = name(incident.subject)
    last, opened = _seconds(facts, "since_last"), _seconds(facts, "since_opened")
    failures = facts.get("failures")
    match said:
        case Said.AGAIN:
            return f"{what} fails to load again, {duration(last)} after it had recovered."
        case Said.FLAPPING:
            return (
                f"{what} flaps: it failed {failures} times in {duration(opened)}. Nothing more is"
                f" said of it until it has been well for {duration(SETTLES_IN.total_seconds())}."
            )
        case Said.REMOVED:
            return f"{what} was removed from {name(incident.deployment)}."
        case Said.NEEDS_PEOPLE:
            return _needs_people(what, facts)
        case Said.RECOVERED:
            often = isinstance(failures, int) and failures > 1
            times = f"; it failed {failures} times in {duration(opened)}."
            return f"{what} loads again{times if often else f'. It was down for {duration(last)}.'}"


def _needs_people(what: str, facts: Facts) -> str:
    redeploys = int(_seconds(facts, "redeploys"))
    times = "once" if redeploys == 1 else f"{redeploys} times"
    if facts.get("why") == "too many":
        return (
            f":raised_hand: {what} still fails to load, and the medic has redeployed as much today"
            " as it may. A person is needed."
        )
    return (
        f":raised_hand: The medic has redeployed {what} {times}, and it still fails to load."
        " A person is needed."
    )


def _said_of_agents(said: WatcherSaid, incident: Incident, facts: Facts) -> str:
    place, last = name(incident.deployment), duration(_seconds(facts, "since_last"))
    if said is Said.AGAIN:
        return f"The agent of {place} is gone again, {last} after it had come back."
    if said is Said.FLAPPING:
        return f"The agent of {place} comes and goes: it was gone {facts.get('failures')} times."
    return f"An agent serves {place} again. It was gone for {last}."


def all_ended(incidents: list[Incident]) -> str:
    """Return what is said when all that broke together has recovered."""
    return f"All {len(incidents)} load again."


def belongs_elsewhere(channel: str) -> str:
    """Return what is said where a message stands that its own channel didn't take."""
    return f"This belongs to {channel_name(channel)}, where I can't post: invite me to it."


def change_line(change: Facts) -> str:
    """Return one change from outside."""
    what, location = change.get("what"), name(str(change.get("location")))
    before, after = (_version(change.get(key)) for key in ("before", "after"))
    if what == "added":
        return f"*{location}* was added" + (f", {after}" if after else "")
    if what == "removed":
        return f"*{location}* was removed" + (f"; it was {before}" if before else "")
    if before == after:
        return f"*{location}* was changed" + (
            f", and its version is still {after}" if after else ""
        )
    return f"*{location}* was changed, {before or 'another version'} to {after or 'another one'}"


def _version(label: JsonValue) -> str:
    """Return a version as code; empty where nobody knows it."""
    known = isinstance(label, str) and label != Version().label
    return code(str(label), 60) if known else ""


def _seconds(facts: Facts, key: str) -> float:
    found = facts.get(key)
    return float(found) if isinstance(found, int | float) else 0.0
