"""Looks at a deployment, compares it with what was seen last, and keeps what follows."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import JsonValue

from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import Run, RunStatus
from deploy_core.endings import all_of
from deploy_core.model.errors import DagsterPlusError
from deploy_core.model.python_error import PythonError
from deploy_core.settings import CoreSettings
from deploy_core.store.history import Change
from deploy_core.store.look import Facts, Look, Note
from deploy_core.store.store import Store
from deploy_core.watch.agents import (
    AFTER_HEARTBEAT,
    AgentsMove,
    AgentsNoted,
    Patience,
    Silence,
    judge,
    silences,
)
from deploy_core.watch.kept_errors import cut
from deploy_core.watch.reading import LocationSeen, Reading
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.subscriptions import Channels, Event, Rules
from deploy_core.watch.transitions import Happened, Observation, Transition, compare

LOCATIONS = "locations"
"""The kind of a look at the locations, and of the incidents that it finds."""

AGENTS = "agents"
"""The same for the agents."""

_BEGUN: tuple[RunStatus, ...] = ("STARTING", "STARTED", "SUCCESS", "FAILURE")

MOST_NAMES = 20

MOST_ERRORS = 30
"""So many errors are read in one look; locations that fail together mostly fail alike."""

_log = structlog.get_logger()


class Observer:
    """One per process; the store decides whose look counts."""

    def __init__(
        self,
        settings: CoreSettings,
        dagster: DagsterPlus,
        readings: Readings,
        store: Store,
        recipients: Recipients,
    ) -> None:
        self._dagster = dagster
        self._readings = readings
        self._store = store
        self._recipients = recipients
        self._patience = Patience(
            work=timedelta(seconds=settings.watch.agent_work),
            silence=timedelta(seconds=settings.watch.agent_silence),
        )

    async def look(self, deployment: str) -> bool:
        """Look at the locations and at the agents of a deployment, with one reading of both.

        Returns False where another process was faster. Raises as the two do.
        """
        reading, counted = await self._look_at_locations(deployment)
        return await self._look_at_agents(reading) and counted

    async def _look_at_agents(self, reading: Reading) -> bool:
        kept = await self._store.watching.last(reading.deployment, AGENTS)
        if kept is not None and kept.at >= reading.at:
            return False
        before = None if kept is None else AgentsNoted.model_validate(kept.data)
        silent = silences(reading)
        runs = await self._runs(reading.deployment, silent.values()) if silent else []
        noted, moves = judge(before, reading, runs, self._patience)
        same = before is not None and noted.silences == before.silences and not moves
        if same and not await self._store.watching.settling(reading.deployment, AGENTS):
            return True  # nothing to keep: the next look is compared with the same
        rules = await self._recipients.rules(reading.deployment)
        hanging = {each.subject: _hanging(each) for each in moves}

        def told(subject: str) -> Channels:
            """Return who is told: whoever a location belongs to that hangs on the agents."""
            names: Sequence[str | None] = hanging.get(subject) or (None,)
            about = partial(rules.about, Event.AGENTS, reading.deployment)
            return rules.told([about(name) for name in names], reading.at)

        look = Look(
            deployment=reading.deployment,
            kind=AGENTS,
            before=0 if kept is None else kept.version,
            at=reading.at,
            data=noted.model_dump(mode="json"),
            moves=[
                (each.subject, each.happened, _facts_of_silence(each))
                for each in moves
                if each.happened is not None
            ],
            notes=[
                Note(_facts_of_silence(each), told(each.subject))
                for each in moves
                if each.happened is None
            ],
            told=told,
        )
        return await self._store.watching.keep(look)

    async def _runs(self, deployment: str, silent: Iterable[Silence]) -> list[Run]:
        """Return the runs that wait, and those that moved since the last heartbeat."""
        waiting = await self._dagster.runs(deployment, statuses=("QUEUED", "NOT_STARTED"))
        beats = [each.last_heartbeat for each in silent if each.last_heartbeat is not None]
        if not beats:
            return waiting
        moved = await self._dagster.runs(
            deployment, statuses=_BEGUN, updated_after=min(beats) + AFTER_HEARTBEAT
        )
        return [*waiting, *moved]

    async def _look_at_locations(self, deployment: str) -> tuple[Reading, bool]:
        """Look once. Returns False where another process was faster.

        Raises `DagsterPlusError` when Dagster+ can't be asked, `StoreError`: then nothing was seen,
        and nothing is said.
        """
        history, watching = self._store.history, self._store.watching
        running = set(await history.open_deploys(deployment))
        reading = await self._readings.read(deployment)
        kept = await watching.last(deployment, LOCATIONS)
        if kept is not None and kept.at >= reading.at:
            return reading, False  # a slow answer, older than what is known
        changes = await history.changes(deployment)
        # What one of our deploys was at while we asked is told by its card, once it has ended.
        running |= set(await history.open_deploys(deployment))
        running |= {name for name, change in changes.items() if change.at >= reading.at}
        before = None if kept is None else Observation.model_validate(kept.data)
        ours = {name: change.requested for name, change in changes.items()}
        seen, happened = await asyncio.to_thread(compare, before, reading, held=running, ours=ours)
        facts = await self._facts(reading, happened, changes)
        removed = await self._removed_here(deployment, kept.at) if kept and happened else set()
        rules = await self._recipients.rules(deployment) if happened else Rules()

        def told(location: str, event: Event = Event.FAILURES) -> Channels:
            return rules.told([rules.about(event, deployment, location)], reading.at)

        look = Look(
            deployment=deployment,
            kind=LOCATIONS,
            before=0 if kept is None else kept.version,
            at=reading.at,
            data=seen.model_dump(mode="json"),
            moves=[
                (each.location, each.happened, facts.get(each.location, {})) for each in happened
            ],
            changes=[
                Note(_change(each, reading), told(each.location, Event.CHANGES))
                for each in _told_alone(happened)
                if each.happened is not Happened.REMOVED or each.location not in removed
            ],
            told=told,
        )
        if not await watching.keep(look):
            return reading, False
        if happened:
            what = Counter(each.happened.value for each in happened)
            names = [each.location for each in happened[:MOST_NAMES]]
            _log.info("seen", deployment=deployment, **what, locations=names)
        return reading, True

    async def _removed_here(self, deployment: str, since: datetime) -> set[str]:
        """Return what people have removed through us: that was told by whoever did it."""
        return await self._store.removals.since(deployment, since)

    async def _facts(
        self, reading: Reading, happened: Iterable[Transition], changes: dict[str, Change]
    ) -> dict[str, Facts]:
        """Return what there is to know about each failure."""
        failed = [
            each
            for each in happened
            if each.happened in {Happened.FAILED, Happened.FAILED_DIFFERENTLY}
        ]
        errors = await all_of(
            *(
                self._error(reading.deployment, reading.locations[each.location])
                for each in failed[:MOST_ERRORS]
            )
        )
        found = dict(zip((each.location for each in failed), errors, strict=False))
        return {
            each.location: _facts_of(
                each,
                reading.locations[each.location],
                found.get(each.location),
                changes.get(each.location),
            )
            for each in failed
        }

    async def _error(self, deployment: str, seen: LocationSeen) -> PythonError | None:
        try:
            return await self._readings.error(deployment, seen)
        except DagsterPlusError:
            return None  # that it failed is known all the same


def _told_alone(happened: Iterable[Transition]) -> list[Transition]:
    """Return the changes from outside that no failure or recovery tells of."""
    by_location: dict[str, set[Happened]] = {}
    for each in happened:
        by_location.setdefault(each.location, set()).add(each.happened)
    plain = {Happened.ADDED, Happened.CHANGED, Happened.REMOVED}
    return [
        each
        for each in happened
        if each.happened in plain and not by_location[each.location] - plain
    ]


def _change(each: Transition, reading: Reading) -> Facts:
    seen = reading.locations.get(each.location)
    return {
        "location": each.location,
        "what": each.happened.value,
        "before": each.before,
        "after": each.after,
        "queue": seen.queue if seen is not None else None,
    }


def _facts_of(
    each: Transition, seen: LocationSeen, error: PythonError | None, change: Change | None
) -> Facts:
    ours = change is not None and change.requested == seen.requested
    return {
        "version": seen.label,
        "before": each.before,
        "changed": each.changed,
        "queue": seen.queue,
        "error": None if error is None else cut(error).model_dump(mode="json"),
        "deploy": change.deploy if ours and change is not None else None,
        "by": change.by.model_dump(mode="json") if ours and change is not None else None,
    }


def _hanging(each: AgentsMove) -> list[str]:
    return [] if each.silence is None else [seen.name for seen in each.silence.locations]


def _facts_of_silence(each: AgentsMove) -> Facts:
    if each.silence is None:
        return {}
    beat = each.silence.last_heartbeat
    names: list[JsonValue] = [seen.name for seen in each.silence.locations[:MOST_NAMES]]
    return {
        "subject": each.subject,
        "why": each.why,
        "last_heartbeat": None if beat is None else beat.isoformat(),
        "locations": names,
        "count": len(each.silence.locations),
    }
