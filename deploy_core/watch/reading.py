"""What Dagster+ says about a deployment at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from deploy_core.agents import agent_problem
from deploy_core.dagster_plus.values import AgentStatus, Deployed, LocationState
from deploy_core.model.plan import Document, Version
from deploy_core.requested import document_of, fingerprint


class Health(StrEnum):
    """How a code location stands, those that need eyes first."""

    FAILED = "failed to load"
    SERVER_DOWN = "code server down"
    AGENT_DOWN = "agent down"
    LOADING = "loading"
    NOT_LOADED = "not loaded yet"
    LOADED = "loaded"


@dataclass(frozen=True)
class LocationSeen:
    """One code location: how it stands, and what Dagster+ was asked to run there.

    `requested` changes with every change of the request, which `document` is; `loading` until an
    agent has reported on it. `updated_at` is when an agent's last report arrived and `version_key`
    is that report's; either may be missing.
    """

    name: str
    health: Health
    version: Version
    requested: str
    loading: bool = False
    queue: str | None = None
    pex_tag: str | None = None
    updated_at: datetime | None = None
    version_key: str | None = None
    document: Document = field(default_factory=dict, compare=False)  # `requested` tells them apart

    @property
    def report(self) -> str | None:
        """What tells one report of an agent from the next."""
        return self.version_key or (self.updated_at.isoformat() if self.updated_at else None)

    @property
    def label(self) -> str:
        """The version for people: a short commit, an image tag or digest, or the PEX."""
        if self.pex_tag and not self.version.commit and not self.version.image:
            return f"pex {self.pex_tag[:12]}"
        return self.version.label


@dataclass(frozen=True)
class Reading:
    """All locations and agents of a deployment. `at` is when the questions were asked."""

    deployment: str
    at: datetime
    locations: Mapping[str, LocationSeen]
    agents: tuple[AgentStatus, ...]


def make_reading(
    deployment: str,
    at: datetime,
    deployed: Mapping[str, Deployed],
    states: Mapping[str, LocationState],
    agents: list[AgentStatus],
) -> Reading:
    """Return the reading that these answers make together."""
    orphaned = {
        queue: agent_problem(agents, queue) is not None
        for queue in {each.agent_queue for each in deployed.values()}
    }
    locations = {
        name: _seen(one, states.get(name), agent_down=orphaned[one.agent_queue])
        for name, one in deployed.items()
    }
    return Reading(deployment, at, locations, tuple(agents))


def _seen(deployed: Deployed, state: LocationState | None, *, agent_down: bool) -> LocationSeen:
    return LocationSeen(
        name=deployed.location,
        health=_health(state, agent_down=agent_down),
        version=Version(
            image=deployed.image or None,
            commit=deployed.commit or None,
            git_url=deployed.git_url or None,
        ),
        requested=fingerprint(deployed),
        loading=state is None or state.loading,
        queue=deployed.agent_queue,
        pex_tag=deployed.pex_tag,
        updated_at=_moment(state),
        version_key=state.version_key if state is not None else None,
        document=document_of(deployed),
    )


def _health(state: LocationState | None, *, agent_down: bool) -> Health:
    if state is not None and state.failed and not state.loading:
        return Health.FAILED
    if agent_down:
        return Health.AGENT_DOWN
    if state is None:
        return Health.NOT_LOADED
    return Health.LOADING if state.loading else Health.LOADED


def _moment(state: LocationState | None) -> datetime | None:
    if state is None or not state.updated_timestamp:
        return None
    try:
        return datetime.fromtimestamp(state.updated_timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        return None
