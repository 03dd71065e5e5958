"""What is live in a deployment, what is broken, and who put it there."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from deploy_core.catalog import Catalog
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import AgentStatus, Repository
from deploy_core.drift import Drift, Drifts
from deploy_core.endings import all_of
from deploy_core.field_drift import FieldDrift, FieldDrifts
from deploy_core.model.deploys import Deploy
from deploy_core.model.errors import DagsterPlusError, UnknownLocation
from deploy_core.model.python_error import PythonError
from deploy_core.settings import CoreSettings
from deploy_core.sources.links import commit_url
from deploy_core.store.history import Change, Unchanged
from deploy_core.store.store import Store
from deploy_core.watch.code_servers import SERVERS, ServersNoted
from deploy_core.watch.reading import Health, LocationSeen, Reading
from deploy_core.watch.readings import Readings

DRIFT_SECONDS = 0.3
ERROR_SECONDS = 0.3
MOST_ERRORS = 8
"""So many errors are shown with their headline; the others say that they failed."""

LAST_DEPLOYS = 5

_WORST_FIRST = {health: at for at, health in enumerate(Health)}


@dataclass(frozen=True)
class LocationStatus:
    """One code location. `change` is our own last change, if what is requested now is still that
    one; without it somebody else put it there. `since` is when it came to stand as it does. `drift`
    counts commits, `fields` has what differs from the project's file."""

    seen: LocationSeen
    project: str | None = None
    change: Change | None = None
    since: datetime | None = None
    drift: Drift | None = None
    fields: FieldDrift | None = None
    open_deploys: tuple[int, ...] = ()
    error: PythonError | None = None
    commit_url: str | None = None

    @property
    def name(self) -> str:
        return self.seen.name

    @property
    def health(self) -> Health:
        return self.seen.health


@dataclass(frozen=True)
class DeploymentStatus:
    """All locations of a deployment, the worst first. `at` is when Dagster+ said so; `trouble` is
    why it could not be asked since."""

    deployment: str
    at: datetime
    locations: tuple[LocationStatus, ...]
    agents: tuple[AgentStatus, ...]
    trouble: DagsterPlusError | None = None


@dataclass(frozen=True)
class LocationDetail:
    """One location with what is in it, and its last deploys, newest first. `repositories` is None
    where Dagster+ doesn't say."""

    status: LocationStatus
    deployment: str
    at: datetime
    agents: tuple[AgentStatus, ...]
    repositories: tuple[Repository, ...] | None
    deploys: tuple[Deploy, ...]
    trouble: DagsterPlusError | None = None


class StatusBoard:
    """Joins what Dagster+ says with our history and with git."""

    def __init__(
        self,
        settings: CoreSettings,
        dagster: DagsterPlus,
        readings: Readings,
        store: Store,
        catalog: Catalog,
        drifts: Drifts,
    ) -> None:
        self._settings = settings
        self._dagster = dagster
        self._readings = readings
        self._store = store
        self._catalog = catalog
        self._drifts = drifts
        self._fields = FieldDrifts(lambda: catalog.last)

    def known_names(self, deployment: str) -> frozenset[str]:
        """Return the names of the locations as last read; nobody is asked."""
        reading = self._readings.last(deployment)
        return frozenset() if reading is None else frozenset(reading.locations)

    async def deployment(self, deployment: str, *, now: bool = False) -> DeploymentStatus:
        """Return the whole deployment; with `now` Dagster+ is waited for, however long it takes.

        Raises `DagsterPlusError`, without `now` only where nothing is known.
        """
        ask = self._readings.read if now else self._readings.soon
        reading = await ask(deployment)
        locations = await self._joined(reading, reading.locations.values())
        trouble = self._readings.trouble(deployment)
        return DeploymentStatus(deployment, reading.at, locations, reading.agents, trouble)

    async def known(self, deployment: str) -> DeploymentStatus:
        """Return the whole deployment as it was read last; Dagster+ is asked only where nothing is
        known. Raises `DagsterPlusError`."""
        reading = self._readings.last(deployment)
        if reading is None:
            return await self.deployment(deployment)
        locations = await self._joined(reading, reading.locations.values())
        trouble = self._readings.trouble(deployment)
        return DeploymentStatus(deployment, reading.at, locations, reading.agents, trouble)

    async def location(self, deployment: str, name: str) -> LocationDetail:
        """Return one location. Raises `UnknownLocation`, `DagsterPlusError`."""
        reading = await self._readings.soon(deployment)
        seen = reading.locations.get(name)
        if seen is None:
            raise unknown_location(deployment, name, reading.locations)
        joined, repositories, deploys = await all_of(
            self._joined(reading, [seen]),
            self._repositories(deployment, seen),
            self._store.deploys.recent(deployment=deployment, location=name, most=LAST_DEPLOYS),
        )
        trouble = self._readings.trouble(deployment)
        return LocationDetail(
            joined[0], deployment, reading.at, reading.agents, repositories, tuple(deploys), trouble
        )

    async def _joined(
        self, reading: Reading, wanted: Iterable[LocationSeen]
    ) -> tuple[LocationStatus, ...]:
        servers, changes, running, unchanged, applied = await all_of(
            self._servers(reading.deployment),
            self._store.history.changes(reading.deployment),
            self._store.history.open_deploys(reading.deployment),
            self._store.history.unchanged(reading.deployment),
            self._store.applied.file_documents(reading.deployment),
        )
        found = [_with_server(seen, servers) for seen in wanted]
        ordered = sorted(found, key=lambda seen: (_WORST_FIRST[seen.health], seen.name))
        projects = {seen.name: self._catalog.project_of(seen.name) for seen in ordered}
        commits = {
            seen.name: (project, commit)
            for seen in ordered
            if (project := projects[seen.name]) is not None
            and (commit := _content_of(seen, unchanged.get(seen.name))) is not None
        }
        of_projects = [(seen, projects[seen.name]) for seen in ordered]
        drifts, fields, _ = await all_of(
            self._drifts.of(set(commits.values()), within=DRIFT_SECONDS),
            self._fields.of(reading.deployment, of_projects, applied),
            self._find_errors(reading.deployment, ordered),
        )
        return tuple(
            self._status(
                reading.deployment,
                seen,
                projects[seen.name],
                changes.get(seen.name),
                drifts.get(commits[seen.name]) if seen.name in commits else None,
                fields.get(seen.name),
                running.get(seen.name, ()),
            )
            for seen in ordered
        )

    async def _servers(self, deployment: str) -> ServersNoted | None:
        """Return what the watcher has found of code servers, if it looks for it."""
        if not (self._settings.watch.enabled and self._settings.watch.schedules):
            return None
        kept = await self._store.watching.last(deployment, SERVERS)
        return None if kept is None else ServersNoted.model_validate(kept.data)

    def _status(
        self,
        deployment: str,
        seen: LocationSeen,
        project: str | None,
        change: Change | None,
        drift: Drift | None,
        fields: FieldDrift | None,
        running: tuple[int, ...],
    ) -> LocationStatus:
        if change is not None and change.requested != seen.requested:
            change = None  # somebody else has changed it since
        since = seen.updated_at
        if seen.health in {Health.LOADING, Health.NOT_LOADED}:
            since = change.at if change is not None else None
        elif seen.health is Health.SERVER_DOWN:
            since = None  # it was loaded then, and has died at some time after
        settings = self._settings.projects.get(project) if project is not None else None
        commit = seen.version.commit
        return LocationStatus(
            seen=seen,
            project=project,
            change=change,
            since=since,
            drift=drift,
            fields=fields,
            open_deploys=running,
            error=self._readings.known_error(deployment, seen)
            if seen.health is Health.FAILED
            else None,
            commit_url=commit_url(settings, commit) if settings and commit else None,
        )

    async def _find_errors(self, deployment: str, ordered: list[LocationSeen]) -> None:
        failed = [seen for seen in ordered if seen.health is Health.FAILED][:MOST_ERRORS]
        with suppress(TimeoutError, DagsterPlusError):
            async with asyncio.timeout(ERROR_SECONDS):
                await all_of(*(self._readings.error(deployment, seen) for seen in failed))

    async def _repositories(
        self, deployment: str, seen: LocationSeen
    ) -> tuple[Repository, ...] | None:
        if seen.health in {Health.FAILED, Health.NOT_LOADED}:
            return None
        try:
            return await self._dagster.repositories(deployment, seen.name)
        except DagsterPlusError:
            return None  # what is known is shown; `trouble` says how Dagster+ is


def _with_server(seen: LocationSeen, servers: ServersNoted | None) -> LocationSeen:
    """Return a location with its code server's state, where that is down and wasn't started anew
    since."""
    if servers is None or seen.name not in servers.down or seen.health is not Health.LOADED:
        return seen
    if seen.updated_at is not None and seen.updated_at > servers.at:
        return seen
    return replace(seen, health=Health.SERVER_DOWN)


def _content_of(seen: LocationSeen, unchanged: Unchanged | None) -> str | None:
    """Return the newest commit that is known to have the same content as what is live."""
    if unchanged is not None and unchanged.commit and unchanged.requested == seen.requested:
        return unchanged.commit
    return seen.version.commit


def named(
    status: DeploymentStatus, name: str, projects: Mapping[str, tuple[str, ...]]
) -> tuple[LocationStatus, ...] | LocationStatus:
    """Return the location of this name; or those of the project of this name, or those that the
    pattern (`*`, `?`) fits, in their order. Raises `UnknownLocation`."""
    found = {each.name: each for each in status.locations}
    if name in found:
        return found[name]
    project, colon, location = name.rpartition(":")
    if colon and location in found and location in projects.get(project, ()):
        return found[location]
    if any(char in name for char in "*?"):
        several = tuple(each for each in status.locations if fnmatchcase(each.name, name))
    else:
        several = tuple(each for each in status.locations if each.name in projects.get(name, ()))
    if not several:
        raise unknown_location(status.deployment, name, found, tuple(projects))
    return several


def unknown_location(
    deployment: str, name: str, known: Iterable[str], projects: tuple[str, ...] = ()
) -> UnknownLocation:
    """Return the error that names what there is."""
    return UnknownLocation(
        f"{deployment} has no code location {name}.",
        choices=tuple(dict.fromkeys((*sorted(known), *sorted(projects)))),
    )
