"""When a silent agent is an alarm: two witnesses, the heartbeat and the work. Pure.

Dagster+ may say that no agent runs while runs start all the same (dagster#34190), so its word alone
is no alarm. The second witness is work that doesn't move: a location that waits to be loaded, runs
that stay queued, or a silence so long that nothing else explains it. Work that does move speaks
against the alarm, and that is noted once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deploy_core.agents import agent_problem
from deploy_core.dagster_plus.values import Run
from deploy_core.watch.reading import LocationSeen, Reading
from deploy_core.watch.transitions import Happened, Row

AFTER_HEARTBEAT = timedelta(seconds=45)
"""A run that began so long after the last heartbeat was not begun by an agent that is gone:
heartbeats come every 30 seconds."""

ALL = "all agents"
"""The subject of an alarm about a deployment without any agent that runs."""


@dataclass(frozen=True)
class Patience:
    """Work that has not moved for `work` is a witness; a silence of `silence` is one by itself,
    where nothing speaks against it."""

    work: timedelta
    silence: timedelta


class Told(StrEnum):
    """What was said of a silence."""

    NOTHING = "nothing"
    NOTE = "note"  # Dagster+ and the work disagree
    ALARM = "alarm"
    BEFORE = "before"  # it was silent before anybody watched


class SilenceNoted(Row):
    """A silence that lasts; `since` is when it was first seen."""

    since: datetime
    told: Told


class AgentsNoted(Row):
    """What was seen last of the agents: the silences by their subject."""

    at: datetime
    silences: dict[str, SilenceNoted]


@dataclass(frozen=True)
class Silence:
    """No agent runs for these locations. `subject` is a queue, the default queue, or `ALL`."""

    subject: str
    locations: tuple[LocationSeen, ...]
    last_heartbeat: datetime | None


@dataclass(frozen=True)
class AgentsMove:
    """What to tell: an alarm (`FAILED`), its end (`RECOVERED`), or with None a note."""

    subject: str
    happened: Happened | None
    silence: Silence | None
    why: str = ""


def silences(reading: Reading) -> dict[str, Silence]:
    """Return what no agent serves, by subject."""
    if not reading.agents and not reading.locations:
        return {}
    found: dict[str, list[LocationSeen]] = {}
    nobody = not any(agent.running for agent in reading.agents)
    for seen in reading.locations.values():
        if agent_problem(reading.agents, seen.queue) is not None:
            found.setdefault(ALL if nobody else queue_subject(seen.queue), []).append(seen)
    beats = [a.last_heartbeat for a in reading.agents if a.last_heartbeat and not a.running]
    last = max(beats, default=None)
    return {
        subject: Silence(subject, tuple(sorted(hanging, key=lambda one: one.name)), last)
        for subject, hanging in found.items()
    }


def queue_subject(queue: str | None) -> str:
    """Return the subject of a queue."""
    return "the default queue" if queue is None else f"queue {queue}"


def judge(
    before: AgentsNoted | None, reading: Reading, runs: Collection[Run], patience: Patience
) -> tuple[AgentsNoted, tuple[AgentsMove, ...]]:
    """Return what is to be kept, and what is to be told.

    `runs` are those that wait, and those that moved since the last heartbeat.
    """
    found = silences(reading)
    known: Mapping[str, SilenceNoted] = before.silences if before is not None else {}
    moves: list[AgentsMove] = []
    noted: dict[str, SilenceNoted] = {}
    for subject in sorted(found.keys() | known.keys()):
        silence, old = found.get(subject), known.get(subject)
        if silence is None:
            if old is not None and old.told is Told.ALARM:
                moves.append(AgentsMove(subject, Happened.RECOVERED, None))
            continue
        if before is None:
            noted[subject] = SilenceNoted(since=reading.at, told=Told.BEFORE)
            continue
        since = old.since if old is not None else reading.at
        told = old.told if old is not None else Told.NOTHING
        move = _verdict(silence, told, reading.at - since, reading.at, runs, patience)
        if move is not None:
            moves.append(move)
            told = Told.NOTE if move.happened is None else Told.ALARM
        noted[subject] = SilenceNoted(since=since, told=told)
    return AgentsNoted(at=reading.at, silences=noted), tuple(moves)


def _verdict(
    silence: Silence,
    told: Told,
    waited: timedelta,
    now: datetime,
    runs: Collection[Run],
    patience: Patience,
) -> AgentsMove | None:
    if told in {Told.ALARM, Told.BEFORE}:
        return None
    names = {seen.name for seen in silence.locations}
    mine = [run for run in runs if run.location in names]
    against = _began_since(silence, mine)
    if against is not None:
        if told is Told.NOTE:
            return None
        why = f"the run {against.id[:8]} of {against.job} began after the last heartbeat"
        return AgentsMove(silence.subject, None, silence, why)
    why = _witness(silence, mine, waited, now, patience)
    return None if not why else AgentsMove(silence.subject, Happened.FAILED, silence, why)


def _began_since(silence: Silence, runs: list[Run]) -> Run | None:
    if silence.last_heartbeat is None:
        return None
    until = silence.last_heartbeat + AFTER_HEARTBEAT
    began = [run for run in runs if run.started_at is not None and run.started_at > until]
    return max(began, key=lambda run: run.started_at or until, default=None)


def _witness(
    silence: Silence, runs: list[Run], waited: timedelta, now: datetime, patience: Patience
) -> str:
    loading = [seen.name for seen in silence.locations if seen.loading]
    if loading and waited >= patience.work:
        more = f" and {len(loading) - 1} more" if len(loading) > 1 else ""
        return f"{loading[0]}{more} waits to be loaded"
    queued = [
        run for run in runs if run.started_at is None and run.created_at <= now - patience.work
    ]
    if queued and waited >= patience.work:
        number = "1 run waits" if len(queued) == 1 else f"{len(queued)} runs wait"
        return f"{number} to be started"
    if waited >= patience.silence:
        return "nothing has moved for a long time"
    return ""
