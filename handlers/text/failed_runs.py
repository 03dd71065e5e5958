"""What people read about runs that failed."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from deploy_core.model.people import Actor
from deploy_core.watch.failed_runs import Failures
from deploy_core.watch.incidents import FLAPPING, Incident, IncidentState, Said, WatcherSaid
from deploy_core.watch.marks import Mark, MarkKind
from handlers import actions
from handlers.mrkdwn import code, date, duration, words
from handlers.text.names import name, who

Facts = Mapping[str, JsonValue]

BUTTONS: Final[dict[str, str]] = {
    actions.REEXECUTE: "Re-execute from failure",
    actions.SHOW_TRACE: "Show trace",
    actions.ACKNOWLEDGE: "Acknowledge",
    actions.MUTE: "Mute for 24 h",
}

MUTED_FOR = timedelta(hours=24)

MUTE_ASKED: Final = (
    "For 24 hours nothing is said of it, also when it comes again. This message still counts."
)

MOST_JOBS = 5


def title(incident: Incident, exception: str) -> str:
    """Return the header. Plain text, not escaped."""
    what = f"{exception[:60] or 'Failure'} in runs on {incident.deployment[:60]}"
    if incident.ended:
        return f"{what}: {'not seen any more' if is_quiet(incident) else 'fixed'}"
    return f"{what} comes and goes" if incident.failures >= FLAPPING else what


def runs_line(incident: Incident, failures: Failures, now: datetime) -> str:
    """Return how many runs failed, of what, since when, and whether it is over."""
    of = jobs_words(failures) if len(failures.jobs) == 1 else f"{len(failures.jobs)} jobs"
    line = f"{number(failures.runs)} of {of} on {name(incident.deployment)} failed alike"
    if failures.attempts > failures.runs:
        line += f", with their retries {failures.attempts}"
    if incident.ended:
        return f"{line}; {end_words(incident, failures, now)}"
    if incident.state is IncidentState.SETTLING:
        line += " and works just now"
    if failures.runs == 1:
        return f"{line}, {date(failures.last_at)}"
    return f"{line}, since {date(failures.first_at)}, the last {date(failures.last_at)}"


def end_words(incident: Incident, failures: Failures, now: datetime) -> str:
    """Return why it is over."""
    if is_quiet(incident):
        return f"none since {date(failures.last_at)}"
    end = incident.ended_at or now
    return f"fixed after {duration(max(0.0, (end - failures.first_at).total_seconds()))}"


def is_quiet(incident: Incident) -> bool:
    """Tell whether it is over because nothing was heard of it, not because it was seen to work."""
    return (incident.data or {}).get("quiet_days") is not None


def jobs_words(failures: Failures) -> str:
    """Return the jobs with their code locations, and their numbers where there are several."""
    shown = []
    for each in failures.jobs[:MOST_JOBS]:
        place = f" in {name(each.location)}" if each.location else ""
        count = f" ({each.runs})" if len(failures.jobs) > 1 else ""
        shown.append(f"{name(each.job)}{place}{count}")
    more = len(failures.jobs) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def where_line(facts: Facts, failures: Failures) -> str:
    """Return the step and the jobs that failed."""
    step = facts.get("step")
    of_step = f"Step {code(str(step), 80)}" if step else "Outside of any step"
    return f"{of_step} · {jobs_words(failures)}"


def known_line(facts: Facts) -> str:
    """Return whether this was seen before."""
    known, days = facts.get("known"), facts.get("known_days")
    if isinstance(known, str):
        return f"Known: it was there before, the last time {date(datetime.fromisoformat(known))}."
    length = f"{days:g} days" if isinstance(days, int | float) else "some days"
    return f"New: not seen in the last {length}."


def change_line(facts: Facts) -> str | None:
    """Return what was changed shortly before the first failure."""
    change, location = facts.get("change"), facts.get("location")
    if not isinstance(change, dict):
        return None
    seconds = change.get("seconds")
    before = duration(float(seconds)) if isinstance(seconds, int | float) else "shortly"
    what = name(str(location))
    deploy, by = change.get("deploy"), change.get("by")
    if isinstance(deploy, int) and isinstance(by, dict):
        actor = who(Actor.model_validate(by))
        return f"Deploy {deploy} by {actor} changed {what} {before} before the first failure."
    version = code(str(change.get("version")), 60)
    return (
        f"{what} was loaded anew with {version} {before} before the first failure, not by the bot."
    )


def marks_lines(marks: Iterable[Mark], now: datetime) -> list[str]:
    """Return who looks after it, and until when it is muted."""
    lines = []
    for mark in marks:
        if mark.kind is MarkKind.ACKNOWLEDGED:
            lines.append(f"{who(mark.by)} has acknowledged this, {date(mark.at)}.")
        elif mark.kind is MarkKind.MUTED and mark.until is not None and mark.until > now:
            lines.append(f"Muted by {who(mark.by)} until {date(mark.until)}.")
    return lines


def already(mark: Mark) -> str:
    """Return what a person is told who presses a button after somebody else."""
    match mark.kind:
        case MarkKind.ACKNOWLEDGED:
            return f"{who(mark.by)} has acknowledged this already, {date(mark.at)}."
        case MarkKind.MUTED:
            until = f" until {date(mark.until)}" if mark.until is not None else ""
            return f"{who(mark.by)} has muted this already{until}."
        case MarkKind.NEEDS_PEOPLE:
            return "People were asked already."
        case MarkKind.TRACE:
            return "The trace is in the thread already."


def said_of_runs(said: WatcherSaid, facts: Facts) -> str:
    """Return what is said in the thread."""
    opened = duration(_seconds(facts, "since_opened"))
    match said:
        case Said.AGAIN:
            return f"It fails again, {duration(_seconds(facts, 'since_last'))} after it was fixed."
        case Said.FLAPPING:
            return f"This comes and goes: it was back {facts.get('failures')} times in {opened}."
        case Said.REMOVED:
            return "No run has failed with this for a long time, so it counts as over."
        case Said.NEEDS_PEOPLE:
            return "A person is needed."
        case Said.RECOVERED:
            run, job = facts.get("fixed_by"), facts.get("fixed_job")
            if not isinstance(run, str):
                return f"No run fails with this any more, after {opened}."
            proof = f"the later run {code(run[:8], 20)} of {name(str(job))} succeeded"
            return f"Fixed after {opened}: {proof}."


def many_title(deployment: str, groups: int) -> str:
    """Return the header where many kinds of failure began at once. Plain text, not escaped."""
    return f"Runs on {deployment[:60]} fail in {groups} ways"


def many_line(deployment: str, groups: int, left: int) -> str:
    """Return how many kinds of failure began at once, and how many there still are."""
    now = f"{left} are not over" if left else "all are over"
    return f"Runs on {name(deployment)} began to fail in {groups} ways at once; {now}"


def group_line(incident: Incident, failures: Failures | None, headline: str) -> str:
    """Return one kind of failure on one line."""
    count = number(failures.runs) if failures is not None else "runs"
    of = f" of {jobs_words(failures)}" if failures is not None else ""
    over = ", over" if incident.ended else ""
    mark = ":white_check_mark:" if incident.ended else ":x:"
    return f"{mark} *{words(headline, 120)}*: {count}{of}{over}"


def number(runs: int) -> str:
    """Return a number of runs."""
    return "1 run" if runs == 1 else f"{runs} runs"


def all_fixed(incidents: list[Incident]) -> str:
    """Return what is said when all kinds of failure that began together are over."""
    return f"None of the {len(incidents)} kinds of failure is left."


def trace_heading(run: str) -> str:
    """Return what stands above a trace."""
    return f"The error of the run {code(run[:8], 20)}"


def no_error(run: str) -> str:
    """Return what is said where Dagster+ has no error of a run."""
    return f"Dagster+ names no error for the run {code(run[:8], 20)}; its log may tell more."


EMOJI: Final = {
    IncidentState.OPEN: ":x:",
    IncidentState.SETTLING: ":hourglass:",
    IncidentState.ENDED: ":white_check_mark:",
}


def _seconds(facts: Facts, key: str) -> float:
    found = facts.get(key)
    return float(found) if isinstance(found, int | float) else 0.0
