"""Looks at schedules, sensors, their code servers and the run queue for what has fallen silent."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import RunStatus
from deploy_core.endings import all_of
from deploy_core.settings import CoreSettings
from deploy_core.store.history import Change
from deploy_core.store.look import Facts, Look
from deploy_core.store.store import Store
from deploy_core.watch.agents import silences
from deploy_core.watch.code_servers import (
    SERVERS,
    ServersNoted,
    Unreached,
    judge_servers,
    unreached_servers,
)
from deploy_core.watch.queue import QUEUE, SUBJECT, QueueNoted, QueueSeen, judge_queue
from deploy_core.watch.reading import Reading
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.schedules import (
    FAILING_TICKS,
    SCHEDULES,
    InstigatorMove,
    Loads,
    SchedulesNoted,
    Trouble,
    judge_schedules,
)
from deploy_core.watch.subscriptions import Channels, Event, Rules
from deploy_core.watch.transitions import Happened

MOST_RUNS = 50
"""So many runs that wait, and that are in progress, are counted."""

Noted = SchedulesNoted | ServersNoted | QueueNoted

_WAITING: tuple[RunStatus, ...] = ("QUEUED",)
_IN_PROGRESS: tuple[RunStatus, ...] = ("STARTING", "STARTED", "CANCELING")
_MOVED: tuple[RunStatus, ...] = ("STARTED", "SUCCESS", "FAILURE", "CANCELED")


class ScheduleObserver:
    """One per process; the store decides whose look counts."""

    def __init__(
        self,
        settings: CoreSettings,
        dagster: DagsterPlus,
        readings: Readings,
        store: Store,
        clock: Clock,
        recipients: Recipients,
    ) -> None:
        self._settings = settings
        self._dagster = dagster
        self._readings = readings
        self._store = store
        self._clock = clock
        self._recipients = recipients
        self._forget = timedelta(days=settings.watch.known_days)
        self._patience = timedelta(minutes=settings.watch.queue_minutes)
        self._server = timedelta(seconds=settings.watch.code_server_seconds)

    async def look(self, deployment: str) -> bool:
        """Look once at all. Returns False where another process was faster.

        Raises `DagsterPlusError` when Dagster+ can't be asked, `StoreError`: then nothing was seen.
        """
        first = self._readings.last(deployment) or await self._readings.read(deployment)
        at = self._clock.now()
        ticking = await self._dagster.schedules(deployment, FAILING_TICKS + 1)
        reading = await self._readings.read(deployment)
        unreached = unreached_servers(ticking.instigators, reading)
        loads = Loads(_loads(first), _loads(reading), ticking.locations)
        kept = await self._store.watching.last(deployment, SCHEDULES)
        counted = True
        if kept is None or kept.at < at:
            before = None if kept is None else SchedulesNoted.model_validate(kept.data)
            noted, moves = await asyncio.to_thread(
                judge_schedules, before, ticking.instigators, loads, at, self._forget
            )
            if moves or not await self._nothing_new(deployment, SCHEDULES, before, noted):
                changes = await self._store.history.changes(deployment) if moves else {}
                version = 0 if kept is None else kept.version
                happened = [_happened(move, reading, changes) for move in moves]
                places = {move.subject: move.location for move in moves}
                counted = await self._keep(deployment, SCHEDULES, version, noted, happened, places)
        if silences(reading):
            return counted  # an agent that is gone explains the rest, and is told of by itself
        counted &= await self._look_at_servers(reading, unreached, ticking.locations, at)
        return await self._look_at_queue(deployment) and counted

    async def _look_at_servers(
        self,
        reading: Reading,
        unreached: Mapping[str, Unreached],
        listed: Collection[str],
        at: datetime,
    ) -> bool:
        deployment = reading.deployment
        kept = await self._store.watching.last(deployment, SERVERS)
        if kept is not None and kept.at >= at:
            return False
        before = None if kept is None else ServersNoted.model_validate(kept.data)
        noted, moves = judge_servers(before, unreached, reading, listed, at, self._server)
        if not moves and await self._nothing_new(deployment, SERVERS, before, noted):
            return True
        version = 0 if kept is None else kept.version
        places = {name: name for name, _, _ in moves}
        return await self._keep(deployment, SERVERS, version, noted, moves, places, Event.FAILURES)

    async def _look_at_queue(self, deployment: str) -> bool:
        kept, at = await self._store.watching.last(deployment, QUEUE), self._clock.now()
        if kept is not None and kept.at >= at:
            return False
        before = None if kept is None else QueueNoted.model_validate(kept.data)
        seen = await self._queue(deployment, at)
        noted, happened = judge_queue(before, seen, at)
        if happened is None and await self._nothing_new(deployment, QUEUE, before, noted):
            return True
        facts: Facts = {
            "waiting": len(seen.waiting),
            "in_progress": len(seen.in_progress),
            "minutes": self._settings.watch.queue_minutes,
        }
        version = 0 if kept is None else kept.version
        moves = [] if happened is None else [(SUBJECT, happened, facts)]
        return await self._keep(deployment, QUEUE, version, noted, moves, {})

    async def _queue(self, deployment: str, at: datetime) -> QueueSeen:
        waiting = await self._dagster.runs(
            deployment,
            statuses=_WAITING,
            created_before=at - self._patience,
            most=MOST_RUNS,
        )
        if not waiting:
            return QueueSeen((), (), (), self._patience)
        in_progress, moved = await all_of(
            self._dagster.runs(deployment, statuses=_IN_PROGRESS, most=MOST_RUNS),
            self._dagster.runs(
                deployment, statuses=_MOVED, updated_after=at - self._patience, most=MOST_RUNS
            ),
        )
        return QueueSeen(waiting, in_progress, moved, self._patience)

    async def _nothing_new(
        self, deployment: str, kind: str, before: Noted | None, noted: Noted
    ) -> bool:
        """Tell whether a look needn't be kept: the next one is compared with the same, and no
        incident waits for one that confirms its end."""
        same = before is not None and noted.model_copy(update={"at": before.at}) == before
        return same and not await self._store.watching.settling(deployment, kind)

    async def _keep(
        self,
        deployment: str,
        kind: str,
        before: int,
        noted: Noted,
        moves: Sequence[tuple[str, Happened, Facts]],
        places: Mapping[str, str],
        event: Event = Event.SILENCE,
    ) -> bool:
        """Keep a look; `places` has the code location of each subject that is in one."""
        rules = await self._recipients.rules(deployment) if moves else Rules()

        def told(subject: str) -> Channels:
            about = rules.about(event, deployment, places.get(subject))
            return rules.told([about], noted.at)

        look = Look(
            deployment=deployment,
            kind=kind,
            before=before,
            at=noted.at,
            data=noted.model_dump(mode="json"),
            moves=moves,
            told=told,
        )
        return await self._store.watching.keep(look)


def _loads(reading: Reading) -> dict[str, str | None]:
    return {name: seen.report for name, seen in reading.locations.items()}


def _happened(
    move: InstigatorMove, reading: Reading, changes: Mapping[str, Change]
) -> tuple[str, Happened, Facts]:
    facts: Facts = {"off": move.off, "gone": move.gone}
    if move.why is not None:
        facts |= {
            "location": move.location,
            "trouble": move.why.value,
            "last_tick": None if move.last_tick is None else move.last_tick.isoformat(),
            "error": move.error,
        }
    if move.why is Trouble.OFF:
        seen, change = reading.locations.get(move.location), changes.get(move.location)
        facts["version"] = seen.label if seen is not None else None
        if change is not None and seen is not None and change.requested == seen.requested:
            facts |= {"deploy": change.deploy, "by": change.by.model_dump(mode="json")}
    return move.subject, move.happened, facts
