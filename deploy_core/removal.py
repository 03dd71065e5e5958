"""Takes a code location out of a deployment: looked at first, kept, removed once, and read back."""

from dataclasses import dataclass
from typing import Final

from deploy_core.dagster_plus.values import Repository, Run, RunStatus
from deploy_core.endings import all_of
from deploy_core.model.documents import clean
from deploy_core.model.errors import (
    AnswerLost,
    DagsterPlusError,
    LocationBusy,
    NothingToGoBackTo,
    PlanChanged,
    ServerError,
    Superseded,
    UsageError,
)
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployRequest, Document, short_hash
from deploy_core.services import Services
from deploy_core.status import unknown_location

SEND_TRIES: Final = 3
"""How often a removal is sent when its answer was lost and it turns out not to have been done."""

MOST_RUNS: Final = 100
_IN_FLIGHT: Final[tuple[RunStatus, ...]] = (
    "QUEUED",
    "NOT_STARTED",
    "STARTING",
    "STARTED",
    "CANCELING",
)


@dataclass(frozen=True)
class Contents:
    """What a loaded location holds: how many assets, and the names of its jobs and of the schedules
    and sensors that are on."""

    assets: int
    jobs: list[str]
    schedules: list[str]
    sensors: list[str]


@dataclass(frozen=True)
class Going:
    """What would go with a location. `shown` stands for exactly its document; `repositories` and
    `runs` are None where Dagster+ doesn't say."""

    deployment: str
    location: str
    document: Document
    shown: str
    repositories: tuple[Repository, ...] | None
    runs: tuple[Run, ...] | None

    @property
    def contents(self) -> Contents | None:
        """What its repositories hold; None where Dagster+ doesn't say."""
        held = self.repositories
        if held is None:
            return None
        return Contents(
            assets=sum(each.assets for each in held),
            jobs=[job for each in held for job in each.jobs],
            schedules=[one.name for each in held for one in each.schedules if one.running],
            sensors=[one.name for each in held for one in each.sensors if one.running],
        )


async def going(services: Services, deployment: str, location: str) -> Going:
    """Return what would go. Raises `UnknownLocation`, `LocationBusy`, `DagsterPlusError`."""
    documents = await services.dagster.documents(deployment)
    document = _document(documents, deployment, location)
    await _require_idle(services, deployment, location)
    repositories, runs = await all_of(
        _repositories(services, deployment, location), _runs(services, deployment, location)
    )
    return Going(deployment, location, document, short_hash(document), repositories, runs)


async def remove(
    services: Services, deployment: str, location: str, by: Actor, *, shown: str, origin: str
) -> None:
    """Remove the location that was shown, and see that it is gone. The same `origin` goes on where
    a dead process has stopped.

    Raises `UnknownLocation`, `LocationBusy`, `PlanChanged` when it is no longer what was shown,
    `AnswerLost` when nobody can say whether it is gone, `Superseded` when somebody has added it
    again, and what `delete_location` raises.
    """
    begun = await services.store.removals.made_from(origin)
    documents = await services.dagster.documents(deployment)
    if location not in documents and begun is not None:
        await services.store.removals.forget_applied(deployment, location)
        return
    document = _document(documents, deployment, location)
    await _require_idle(services, deployment, location)
    if short_hash(document) != shown:
        raise PlanChanged(
            f"{location} was changed after you were shown what would go.",
            next_step="Look at it again with `/dagster remove-location`.",
        )
    await services.store.removals.keep(deployment, location, document, by, origin)
    await _send(services, deployment, location)
    await services.store.removals.forget_applied(deployment, location)


async def restoring(
    services: Services, deployment: str, location: str, by: Actor, *, why: str, begun: bool = False
) -> DeployRequest:
    """Return the request that deploys what was removed; once it has `begun` the location may be
    there already.

    Raises `UsageError` for a location that is there, `NothingToGoBackTo` for one that nobody
    removed here.
    """
    if not begun and location in await services.dagster.documents(deployment):
        raise UsageError(
            f"{location} is on {deployment}, so there is nothing to bring back.",
            next_step="See it with `status`, or go back with `rollback`.",
        )
    kept = await services.store.removals.last(deployment, location)
    if kept is None:
        raise NothingToGoBackTo(
            f"No code location {location} was removed from {deployment} here.",
            next_step="Add it with `add-location`, or deploy it from its project.",
            choices=await services.store.removals.names(deployment),
        )
    return DeployRequest(
        kind=DeployKind.ADD,
        actor=by,
        locations=(location,),
        deployment=deployment,
        document=kept.document,
        why=why,
    )


async def _send(services: Services, deployment: str, location: str) -> None:
    for attempt in range(SEND_TRIES):
        try:
            await services.dagster.delete_location(deployment, location)
            break
        except AnswerLost:
            if await _gone(services, deployment, location):
                return
            if attempt == SEND_TRIES - 1:
                raise
        except ServerError:
            # Dagster+ fails so for one that is gone already, too.
            if await _gone(services, deployment, location):
                return
            raise
    if not await _gone(services, deployment, location):
        raise Superseded(f"Somebody else has added {location} again at the same moment.")


async def _gone(services: Services, deployment: str, location: str) -> bool:
    return location not in await services.dagster.documents(deployment)


def _document(documents: dict[str, Document], deployment: str, location: str) -> Document:
    if location not in documents:
        raise unknown_location(deployment, location, documents)
    return clean(documents[location])


async def _require_idle(services: Services, deployment: str, location: str) -> None:
    running = (await services.store.history.open_deploys(deployment)).get(location)
    if running:
        raise LocationBusy(f"Deploy {running[0]} of {location} has not ended.")


async def _repositories(
    services: Services, deployment: str, location: str
) -> tuple[Repository, ...] | None:
    try:
        return await services.dagster.repositories(deployment, location)
    except DagsterPlusError:
        return None


async def _runs(services: Services, deployment: str, location: str) -> tuple[Run, ...] | None:
    try:
        found = await services.dagster.runs(deployment, statuses=_IN_FLIGHT, most=MOST_RUNS)
    except DagsterPlusError:
        return None
    return tuple(run for run in found if run.location == location)
