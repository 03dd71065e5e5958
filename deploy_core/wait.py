"""Waits until an agent has loaded a location, and says what was seen."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from deploy_core.agents import agent_problem
from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import LocationState
from deploy_core.model.errors import (
    DagsterPlusError,
    LoadFailed,
    LoadTimedOut,
    NoAgent,
    NoAgentOnQueue,
    PermissionRefused,
    Superseded,
    TokenRefused,
)
from deploy_core.model.python_error import PythonError
from deploy_core.requested import fingerprint
from deploy_core.settings import CoreSettings

POLL_SHARE = 0.05
"""The poll interval as a part of the time waited: nobody waits a twentieth longer for our poll."""

LOOK_ROUND_SECONDS = 5.0
"""How often agents, and changes by others, are looked at while we wait."""

ERROR_LOOKS = 2

UNPROVEN_SECONDS = 20.0
"""A location that stays loaded without any sign of a change counts as loaded after so long:
Dagster+ says LOADING at once after a change, so an older answer can't last."""


@dataclass(frozen=True)
class Before:
    """What was seen of the location just before the change."""

    updated_timestamp: float | None = None
    version_key: str | None = None

    def moved(self, state: LocationState) -> bool:
        """Return True when an agent has reported since."""
        return (self.updated_timestamp, self.version_key) != (
            state.updated_timestamp,
            state.version_key,
        )


@dataclass(frozen=True)
class Seen:
    """What the wait has seen so far. `proven`: this load came after our change."""

    loading: bool = False
    proven: bool = False
    image: str | None = None


class LoadWait:
    """One wait for one location; `watch` is called with what was seen when that changes."""

    def __init__(
        self,
        dagster: DagsterPlus,
        clock: Clock,
        settings: CoreSettings,
        *,
        deployment: str,
        location: str,
        queue: str | None,
        image: str | None,
        requested: str,
        before: Before,
        deadline: float,
    ) -> None:
        self._dagster = dagster
        self._clock = clock
        self._settings = settings
        self._deployment = deployment
        self._location = location
        self._queue = queue
        self._image = image
        self._requested = requested
        self._before = before
        self._deadline = deadline
        self._no_agent_since: float | None = None
        self._trouble: DagsterPlusError | None = None

    async def until_loaded(
        self,
        seen: Seen,
        seconds: float,
        watch: Callable[[Seen], Awaitable[None]],
        *,
        unproven_after: float = UNPROVEN_SECONDS,
    ) -> Seen:
        """Return once the location is loaded, for which `seconds` of the deadline are left.

        `seen` is what an earlier wait has seen. Without proof that a load is ours it is taken for
        ours after `unproven_after` seconds.

        Raises `LoadFailed` with the Python error, `LoadTimedOut`, `NoAgent`, `NoAgentOnQueue`,
        `Superseded`, and `TokenRefused` or `PermissionRefused` at once; any other trouble with
        Dagster+ is waited out until the deadline.
        """
        began = self._clock.monotonic()
        looked = began
        while True:
            waited = self._clock.monotonic() - began
            state = await self._state()
            if state is not None:
                before = seen
                seen = self._judge(seen, state)
                if seen != before:
                    await watch(seen)
                settled = self._settled(seen, state, patient=waited < unproven_after)
                if settled and await self._really_loaded(state):
                    return seen
            if waited >= seconds:
                raise self._timed_out(state)
            if self._clock.monotonic() - looked >= LOOK_ROUND_SECONDS:
                looked = self._clock.monotonic()
                await self._look_round()
            await self._clock.sleep(min(self._pause(waited), max(seconds - waited, 0.01)))

    def _pause(self, waited: float) -> float:
        grown = max(waited * POLL_SHARE, self._settings.poll_seconds)
        return min(grown, self._settings.poll_seconds_most)

    async def requested_by_other(self) -> bool:
        """Return True when what Dagster+ is asked to run is no longer what we asked for."""
        deployed = await self._dagster.deployed(self._deployment)
        now = deployed.get(self._location)
        return now is None or fingerprint(now) != self._requested

    def _judge(self, seen: Seen, state: LocationState) -> Seen:
        if state.loading:
            return replace(seen, loading=True)
        proven = seen.loading or self._before.moved(state)
        return replace(seen, proven=seen.proven or proven, image=state.image)

    def _settled(self, seen: Seen, state: LocationState, *, patient: bool) -> bool:
        if state.loading:
            return False
        if self._wrong_image(state):
            # Loaded, but what runs is still the old one: the agent hasn't come to ours.
            return False
        return seen.proven or not patient

    def _wrong_image(self, state: LocationState) -> bool:
        ours = self._image
        return bool(ours and state.image and not state.failed and state.image != ours)

    async def _state(self) -> LocationState | None:
        try:
            states = await self._dagster.location_states(self._deployment)
        except (TokenRefused, PermissionRefused):
            raise
        except DagsterPlusError as error:
            self._trouble = error
            return None
        self._trouble = None
        return states.get(self._location)

    async def _really_loaded(self, state: LocationState) -> bool:
        """Return False when that isn't certain yet. Raises `LoadFailed`, `Superseded`."""
        try:
            other = await self.requested_by_other()
            error = await self._error() if state.failed and not other else None
        except (TokenRefused, PermissionRefused):
            raise
        except DagsterPlusError as trouble:
            self._trouble = trouble
            return False
        if other:
            raise Superseded(f"Somebody else changed {self._location} while it was loading.")
        if error is not None:
            first = error.message.strip().partition("\n")[0]
            raise LoadFailed(f"{self._location} doesn't load: {first}", python_error=error)
        return not state.failed

    async def _error(self) -> PythonError | None:
        """Return the error of a location that was seen to have one; a flapping one may hide it."""
        for _ in range(ERROR_LOOKS):
            error = await self._dagster.location_error(self._deployment, self._location)
            if error is not None:
                return error
        return None

    async def _look_round(self) -> None:
        try:
            agents = await self._dagster.agents(self._deployment)
            other = await self.requested_by_other()
        except (TokenRefused, PermissionRefused):
            raise
        except DagsterPlusError as error:
            self._trouble = error
            return
        if other:
            raise Superseded(f"Somebody else changed {self._location} while it was loading.")
        self._note_agents(agent_problem(agents, self._queue))

    def _note_agents(self, problem: NoAgent | NoAgentOnQueue | None) -> None:
        now = self._clock.monotonic()
        if problem is None:
            self._no_agent_since = None
        elif self._no_agent_since is None:
            self._no_agent_since = now
        if problem is not None and self._no_agent_since is not None:
            grace = self._settings.no_agent_grace
            if now - self._no_agent_since >= grace:
                raise problem

    def _timed_out(self, state: LocationState | None) -> LoadTimedOut:
        seconds = self._deadline
        within = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
        if self._trouble is not None:
            why = f"Dagster+ could not be asked: {self._trouble.summary}"
        elif state is None:
            why = "Dagster+ doesn't list it."
        elif not state.loading and self._wrong_image(state):
            why = f"It is loaded, but it still runs {state.image}."
        else:
            why = "It is still loading."
        return LoadTimedOut(f"{self._location} was not loaded within {within}. {why}")
