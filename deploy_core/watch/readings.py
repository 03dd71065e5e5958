"""Warm readings of each deployment, shared by all who look: the last one is always at hand."""

import asyncio
from dataclasses import dataclass, field

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import all_of, end_tasks
from deploy_core.model.errors import DagsterPlusError
from deploy_core.model.python_error import PythonError
from deploy_core.watch.reading import LocationSeen, Reading, make_reading

WAIT_SECONDS = 0.5
"""How long a person waits for a newer reading before the last one is shown with its age."""

PARALLEL_ERRORS = 8

MANY = 200
"""So many locations take a while to go through: not on the loop."""


@dataclass
class _Kept:
    """What is known about one deployment."""

    reading: Reading | None = None
    trouble: DagsterPlusError | None = None
    errors: dict[str, tuple[str | None, PythonError | None]] = field(default_factory=dict)
    asking: asyncio.Task[Reading] | None = None


class Readings:
    """Asks Dagster+ for a whole deployment at a time. `close` ends what is being asked."""

    def __init__(self, dagster: DagsterPlus, clock: Clock) -> None:
        self._dagster = dagster
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._errors = asyncio.Semaphore(PARALLEL_ERRORS)

    async def close(self) -> None:
        """End what is being asked."""
        await end_tasks([kept.asking for kept in self._kept.values() if kept.asking is not None])

    def last(self, deployment: str) -> Reading | None:
        """Return the newest reading, however old."""
        return self._of(deployment).reading

    def trouble(self, deployment: str) -> DagsterPlusError | None:
        """Return why the last try to read the deployment failed, None if it didn't."""
        return self._of(deployment).trouble

    async def read(self, deployment: str) -> Reading:
        """Ask now, or share what is being asked, and keep the answer. Raises `DagsterPlusError`."""
        return await asyncio.shield(self._asking(deployment))

    async def soon(self, deployment: str) -> Reading:
        """Return a new reading, or the last one when Dagster+ takes longer than a person waits.

        Raises `DagsterPlusError` only when there is none at all.
        """
        kept = self._of(deployment)
        asking = self._asking(deployment)
        if kept.reading is None:
            return await asyncio.shield(asking)
        await asyncio.wait({asking}, timeout=WAIT_SECONDS)
        return kept.reading

    async def error(self, deployment: str, seen: LocationSeen) -> PythonError | None:
        """Return why the location failed to load; asked once for each report of an agent.

        Raises `DagsterPlusError`.
        """
        known = self._of(deployment).errors
        if seen.name not in known or known[seen.name][0] != seen.report:
            async with self._errors:
                found = await self._dagster.location_error(deployment, seen.name)
            known[seen.name] = (seen.report, found)
        return known[seen.name][1]

    def known_error(self, deployment: str, seen: LocationSeen) -> PythonError | None:
        """Return the error if it was asked for before; nobody is asked."""
        report, error = self._of(deployment).errors.get(seen.name, (None, None))
        return error if report == seen.report else None

    def _of(self, deployment: str) -> _Kept:
        return self._kept.setdefault(deployment, _Kept())

    def _asking(self, deployment: str) -> asyncio.Task[Reading]:
        kept = self._of(deployment)
        if kept.asking is None or kept.asking.done():
            kept.asking = asyncio.create_task(self._ask(deployment, kept))
            kept.asking.add_done_callback(_seen)
        return kept.asking

    async def _ask(self, deployment: str, kept: _Kept) -> Reading:
        at = self._clock.now()
        try:
            deployed, states, agents = await all_of(
                self._dagster.deployed(deployment),
                self._dagster.location_states(deployment),
                self._dagster.agents(deployment),
            )
        except DagsterPlusError as error:
            kept.trouble = error
            raise
        answers = (deployment, at, deployed, states, agents)
        if len(deployed) < MANY:
            reading = make_reading(*answers)
        else:
            reading = await asyncio.to_thread(make_reading, *answers)
        kept.reading, kept.trouble = reading, None
        for gone in kept.errors.keys() - reading.locations.keys():
            del kept.errors[gone]
        return reading


def _seen(task: asyncio.Task[Reading]) -> None:
    """Whoever waits is told of the error; where nobody does, `trouble` has it."""
    if not task.cancelled():
        task.exception()
