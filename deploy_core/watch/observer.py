"""Looks at a deployment, compares it with what was seen last, and keeps what follows."""

import asyncio
from collections.abc import Iterable

import structlog
from pydantic import JsonValue

from deploy_core.clock import Clock
from deploy_core.model.errors import DagsterPlusError
from deploy_core.model.python_error import ChainedError, PythonError
from deploy_core.settings import CoreSettings
from deploy_core.store.history import Change
from deploy_core.store.store import Store
from deploy_core.store.watching import Facts, Look
from deploy_core.watch.reading import LocationSeen, Reading
from deploy_core.watch.readings import Readings
from deploy_core.watch.transitions import Happened, Observation, Transition, compare

LOCATIONS = "locations"
"""The kind of a look at the locations, and of the incidents that it finds."""

MOST_ERRORS = 30
"""So many errors are read in one look; locations that fail together mostly fail alike."""

MOST_TEXT = 4_000
MOST_FRAMES = 40
MOST_CHAIN = 10

_log = structlog.get_logger()


class Observer:
    """One per process; the store decides whose look counts."""

    def __init__(
        self, settings: CoreSettings, readings: Readings, store: Store, clock: Clock
    ) -> None:
        self._settings = settings
        self._readings = readings
        self._store = store
        self._clock = clock

    async def look(self, deployment: str) -> bool:
        """Look once. Returns False where another process was faster.

        Raises `DagsterPlusError` when Dagster+ can't be asked, `StoreError`: then nothing was seen,
        and nothing is said.
        """
        history, watching = self._store.history, self._store.watching
        running = set(await history.open_deploys(deployment))
        reading = await self._readings.read(deployment)
        kept = await watching.last(deployment, LOCATIONS)
        if kept is not None and kept.at >= reading.at:
            return False  # a slow answer, older than what is known
        changes = await history.changes(deployment)
        # What one of our deploys was at while we asked is told by its card, once it has ended.
        running |= set(await history.open_deploys(deployment))
        running |= {name for name, change in changes.items() if change.at >= reading.at}
        before = None if kept is None else Observation.model_validate(kept.data)
        ours = {name: change.requested for name, change in changes.items()}
        seen, happened = await asyncio.to_thread(compare, before, reading, held=running, ours=ours)
        facts = await self._facts(reading, happened, changes)
        look = Look(
            deployment=deployment,
            kind=LOCATIONS,
            before=0 if kept is None else kept.version,
            at=reading.at,
            data=seen.model_dump(mode="json"),
            moves=[
                (each.location, each.happened, facts.get(each.location, {})) for each in happened
            ],
            changes=[_change(each, reading) for each in _told_alone(happened)],
            channels=self._channels(deployment),
        )
        if not await watching.keep(look):
            return False
        for each in happened:
            _log.info("seen", deployment=deployment, location=each.location, what=each.happened)
        return True

    def _channels(self, deployment: str) -> tuple[str, ...]:
        settings = self._settings.deployments[deployment]
        channel = settings.watch_channel or settings.home_channel
        return () if channel is None else (channel,)

    async def _facts(
        self, reading: Reading, happened: Iterable[Transition], changes: dict[str, Change]
    ) -> dict[str, Facts]:
        """Return what there is to know about each failure."""
        failed = [
            each
            for each in happened
            if each.happened in {Happened.FAILED, Happened.FAILED_DIFFERENTLY}
        ]
        errors = await asyncio.gather(
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


def cut(error: PythonError) -> PythonError:
    """Return an error that can be kept with an incident: its beginning and its innermost frames."""
    return PythonError(
        message=error.message[:MOST_TEXT],
        stack=tuple(frame[:500] for frame in error.stack[-MOST_FRAMES:]),
        chain=tuple(
            ChainedError(
                message=link.message[:MOST_TEXT],
                stack=tuple(frame[:500] for frame in link.stack[-MOST_FRAMES:]),
                is_explicit=link.is_explicit,
            )
            for link in (*error.chain[: MOST_CHAIN // 2], *error.chain[MOST_CHAIN // 2 :][-5:])
        ),
    )


def error_of(facts: dict[str, JsonValue] | None) -> PythonError | None:
    """Return the error that is kept with an incident."""
    kept = (facts or {}).get("error")
    return None if not isinstance(kept, dict) else PythonError.model_validate(kept)
