"""Executes failed runs again from where they failed: counted first, each asked for once, and looked
for before anything is asked for a second time."""

import asyncio
from typing import Final

from deploy_core.dagster_plus.values import Run
from deploy_core.endings import all_of, to_its_end
from deploy_core.model.errors import (
    AnswerLost,
    DagsterPlusError,
    Maintenance,
    NotFound,
    PermissionRefused,
    ServerError,
    TokenRefused,
    Unavailable,
    Unreachable,
    UsageError,
)
from deploy_core.model.people import Actor
from deploy_core.services import Services
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import Incident
from deploy_core.watch.reexecution import (
    MOST_AT_ONCE,
    DryCount,
    Failed,
    Launch,
    LaunchState,
    Order,
)

PARALLEL_LOOKS: Final = 8

LOOK_TRIES: Final = 4
LOOK_SECONDS: Final = 1.0
"""After a lost answer it is looked so often, at such a distance, whether the run is there."""

_ALL_ALIKE: Final = (
    TokenRefused,
    PermissionRefused,
    NotFound,
    Unreachable,
    Maintenance,
    Unavailable,
)
"""After one of these the other runs are not asked for: they would fare no better."""


async def incident_of_runs(services: Services, incident_id: int) -> Incident:
    """Return the incident. Raises `UsageError` for one that isn't of failed runs."""
    incident = await services.store.watching.incident(incident_id)
    if incident is None or incident.kind != RUNS:
        raise UsageError("This button isn't one of ours.")
    return incident


async def dry_count(services: Services, incident: Incident) -> DryCount:
    """Return what would be executed again: of each run that failed its last try, without what has
    been executed again since. Nothing is changed. Raises `DagsterPlusError`, `StoreError`."""
    every = await services.store.reexecutions.newest_failed(incident.id)
    newest = every[:MOST_AT_ONCE]
    looks = asyncio.Semaphore(PARALLEL_LOOKS)

    async def again(run: Failed) -> bool:
        async with looks:
            return bool(await services.dagster.executed_again(incident.deployment, run.id))

    done = await all_of(*(again(run) for run in newest))
    return DryCount(
        incident_id=incident.id,
        deployment=incident.deployment,
        runs=tuple(run for run, was in zip(newest, done, strict=True) if not was),
        more=len(every) - len(newest),
        already=sum(done),
    )


async def reexecute(
    services: Services, incident: Incident, run_ids: tuple[str, ...], by: Actor, origin: str
) -> Order:
    """Execute these runs of an incident again, one after the other; return what became of them. The
    same `origin` goes on where a dead process has stopped. Raises `StoreError`.

    A run that was executed again meanwhile, by whomever, is left alone. What is asked for with its
    answer lost is looked for, and never asked for again: a person can, who sees it.
    """
    store = services.store.reexecutions
    runs = await store.failed(incident.id, run_ids[:MOST_AT_ONCE])
    order = await store.order(incident, runs, by, origin)
    hopeless: DagsterPlusError | None = None
    for launch in order.launches:
        if launch.state not in {LaunchState.WAITING, LaunchState.SENDING}:
            continue
        if hopeless is not None:
            await _refused(services, order, launch, hopeless)
            continue
        try:
            await _one(services, order, launch)
        except DagsterPlusError as error:
            await _refused(services, order, launch, error)
            hopeless = error if isinstance(error, _ALL_ALIKE) else None
    await store.end(order)
    return await store.get(order.id)


async def _refused(
    services: Services, order: Order, launch: Launch, error: DagsterPlusError
) -> None:
    lost = isinstance(error, AnswerLost)
    await services.store.reexecutions.became(
        order,
        launch.failed.id,
        LaunchState.UNKNOWN if lost else LaunchState.REFUSED,
        problem=error.summary,
        reason=error.reason,
    )


async def _one(services: Services, order: Order, launch: Launch) -> None:
    """Execute one run again. Raises `DagsterPlusError` when it isn't."""
    store, run_id = services.store.reexecutions, launch.failed.id
    ours = launch.state is LaunchState.SENDING  # asked for by a process that died
    found = await _looked(services, order, run_id, tries=LOOK_TRIES if ours else 1)
    if found is not None:
        mine = found.order == order.token
        state = LaunchState.STARTED if mine else LaunchState.ALREADY
        await store.became(order, run_id, state, child=found.id)
        return
    if ours:
        raise AnswerLost("The bot was stopped while it asked for the run, and no run is there.")
    if not await store.claim(order, run_id):
        await store.became(order, run_id, LaunchState.ALREADY)
        return
    child = await _asked(services, order, run_id)
    await store.became(order, run_id, LaunchState.STARTED, child=child)


async def _asked(services: Services, order: Order, run_id: str) -> str:
    """Ask for the run and return its id."""
    dagster = services.dagster
    try:
        # To its end: whoever goes on after us must not find a request of ours still under way.
        return await to_its_end(dagster.reexecute_run(order.deployment, run_id, order.token))
    except (AnswerLost, ServerError) as error:
        # Neither says what was done until then: Dagster makes a run before it starts it.
        tries = LOOK_TRIES if isinstance(error, AnswerLost) else 1
        found = await _looked(services, order, run_id, tries=tries, mine=True)
        if found is None:
            raise
        return found.id


async def _looked(
    services: Services, order: Order, run_id: str, *, tries: int, mine: bool = False
) -> Run | None:
    """Return the run that executes this one again, rather ours than another's (`mine`: only
    ours)."""
    for attempt in range(tries):
        if attempt:
            await services.clock.sleep(LOOK_SECONDS)
        runs = await services.dagster.executed_again(order.deployment, run_id)
        ours = [run for run in runs if run.order == order.token]
        found = ours or ([] if mine else runs)
        if found:
            return found[0]
    return None
