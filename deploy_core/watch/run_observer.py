"""Looks for runs that failed, and for those that show that what failed works again."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

import structlog

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import Run, RunError, RunStatus
from deploy_core.endings import all_of
from deploy_core.model.errors import ProtocolError, ServerError
from deploy_core.settings import CoreSettings
from deploy_core.store.history import Change
from deploy_core.store.look import Facts, Look
from deploy_core.store.store import Store
from deploy_core.watch.failed_runs import (
    RUNS,
    Cause,
    FailedRun,
    OpenGroup,
    Sweep,
    cause_of,
    failed_at,
    grouped,
    is_after,
    swept,
)
from deploy_core.watch.kept_errors import cut
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.retries import sorted_out
from deploy_core.watch.subscriptions import Channels, Event
from deploy_core.watch.transitions import Happened

RUNS_IN_PAGE = 25
MOST_PAGES = 4
"""So many pages are read in one look; the next look goes on."""

PARALLEL_ERRORS = 8

MOST_OWNERS = 20
"""Of so many kinds of failure that begin in one look it is asked who owns what failed."""

MOST_JOBS = 20
"""Of so many jobs it is asked in one look whether they work again."""

NEAR = timedelta(hours=1)
"""A change so short before the first failure is named with it."""

OLDEST = timedelta(days=7)
"""A run that failed longer ago is no news, even if Dagster+ has just changed it."""

WRITTEN_EVERY = timedelta(minutes=5)
"""When nothing has happened, how far it was read is written down so often."""

_FAILED: tuple[RunStatus, ...] = ("FAILURE",)
_SUCCEEDED: tuple[RunStatus, ...] = ("SUCCESS",)

_log = structlog.get_logger()


class RunObserver:
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
        self._known_for = timedelta(days=settings.watch.known_days)
        self._errors = asyncio.Semaphore(PARALLEL_ERRORS)
        self._asked: dict[tuple[str, str], datetime] = {}
        self._good: dict[tuple[str, str | None, str], Run] = {}

    async def look(self, deployment: str) -> bool:
        """Look once. Returns False where another process was faster, or nobody wants to know.

        Raises `DagsterPlusError` when Dagster+ can't be asked, `StoreError`: then nothing was seen.
        """
        if not self._settings.watch.failed_runs:
            return False
        at, watching = self._clock.now(), self._store.watching
        kept = await watching.last(deployment, RUNS)
        if kept is None:
            return await watching.keep(_look(deployment, 0, at, Sweep(since=at)))
        if kept.at >= at:
            return False
        before = Sweep.model_validate(kept.data)
        found, sweep = await self._read(deployment, before, at)
        failed, errors, held = await self._failed(deployment, found, before.held, at)
        sweep = sweep.model_copy(update={"held": held})
        open_groups = await self._store.failed_runs.open_groups(deployment)
        moves = await self._begun(deployment, failed, errors, open_groups, at)
        failing = {run.group for run in failed}
        moves += await self._over(
            deployment, [each for each in open_groups if each.group not in failing], at
        )
        settling = any(each.settling for each in open_groups)
        if not moves and not settling and _same(before, sweep):
            return True  # nothing to keep: the next look begins where this one did
        rules = await self._recipients.rules(deployment)

        def told(group: str) -> Channels:
            """Return who is told: whoever one of the runs belongs to that failed just now."""
            about = partial(rules.about, Event.RUNS, deployment)
            return rules.told([about(r.location, r.tags) for r in failed if r.group == group], at)

        look = _look(deployment, kept.version, at, sweep, moves, failed, told)
        if not await watching.keep(look):
            return False
        if moves:
            what = [(group, happened.value) for group, happened, _ in moves]
            _log.info("runs_seen", deployment=deployment, failed=len(failed), groups=what)
        return True

    async def _read(self, deployment: str, sweep: Sweep, at: datetime) -> tuple[list[Run], Sweep]:
        """Return the runs that failed, and how far it was read then."""
        found: dict[str, Run] = {}
        page = sweep.page
        for _ in range(MOST_PAGES):
            runs = await self._dagster.runs(
                deployment,
                statuses=_FAILED,
                updated_after=sweep.since,
                older_than=page,
                most=RUNS_IN_PAGE,
            )
            found |= {run.id: run for run in runs}
            page = runs[-1].id if len(runs) >= RUNS_IN_PAGE else None
            if page is None:
                break
        return list(found.values()), swept(sweep, at, found.values(), page)

    async def _failed(
        self, deployment: str, found: list[Run], held: dict[str, datetime], at: datetime
    ) -> tuple[tuple[FailedRun, ...], dict[str, RunError | None], dict[str, datetime]]:
        """Return those that nobody knows yet with their groups, their errors by id, and those that
        are held back until Dagster has tried again."""
        store = self._store.failed_runs
        recent = {run.id: run for run in found if failed_at(run) >= at - OLDEST}
        if held:
            again = await self._dagster.runs(deployment, ids=sorted(held), most=len(held))
            recent |= {run.id: run for run in again}
        known = await store.known(deployment, recent)
        unknown = [run for run in recent.values() if run.id not in known]
        new, held = sorted_out(unknown, await self._tries(deployment, unknown), held, at)
        if not new:
            return (), {}, held
        errors = await all_of(*(self._error(deployment, run) for run in new))
        causes = await asyncio.to_thread(_causes, new, errors)
        of_roots = await store.groups_of(deployment, (run.root for run in new if run.automatic))
        failed = grouped(zip(new, causes, strict=True), of_roots)
        return failed, dict(zip((run.id for run in new), errors, strict=True)), held

    async def _tries(self, deployment: str, failed: list[Run]) -> dict[str, Run]:
        """Return what Dagster launched after these failures, by id."""
        ids = sorted(run.retried_by for run in failed if run.will_retry and run.retried_by)
        if not ids:
            return {}
        runs = await self._dagster.runs(deployment, ids=ids, most=len(ids))
        return {run.id: run for run in runs}

    async def _error(self, deployment: str, run: Run) -> RunError | None:
        async with self._errors:
            try:
                return await self._dagster.run_error(deployment, run.id)
            except (ServerError, ProtocolError):
                return None  # a log that can't be read must not hide that the run failed

    async def _begun(
        self,
        deployment: str,
        failed: Iterable[FailedRun],
        errors: dict[str, RunError | None],
        open_groups: Iterable[OpenGroup],
        at: datetime,
    ) -> list[tuple[str, Happened, Facts]]:
        first: dict[str, FailedRun] = {}
        for run in failed:
            first.setdefault(run.group, run)
        going_on = {each.group for each in open_groups if not each.settling}
        new = first.keys() - going_on
        if not new:
            return [(group, Happened.FAILED, {}) for group in first]
        since = at - self._known_for
        seen = await self._store.failed_runs.seen_before(deployment, new, since)
        changes = await self._store.history.changes(deployment)
        owners = await self._owners(deployment, [run for run in first.values() if run.group in new])
        moves: list[tuple[str, Happened, Facts]] = []
        for group, run in first.items():
            facts: Facts = {}
            if group in new:
                known = seen.get(group)
                facts = {
                    **_facts_of(run, errors.get(run.id)),
                    "known": None if known is None else known.isoformat(),
                    "known_days": self._settings.watch.known_days,
                    "change": self._change(deployment, run, changes),
                    "owners": [*owners.get(group, ())],
                }
            moves.append((group, Happened.FAILED, facts))
        return moves

    async def _owners(self, deployment: str, runs: list[FailedRun]) -> dict[str, tuple[str, ...]]:
        """Return whom Dagster's definitions name as owners, by group. Nobody is asked where the
        configuration doesn't say who they are in Slack."""
        if not self._settings.owners:
            return {}
        asked = runs[:MOST_OWNERS]
        found = await all_of(*(self._owners_of(deployment, run) for run in asked))
        return {run.group: owners for run, owners in zip(asked, found, strict=True)}

    async def _owners_of(self, deployment: str, run: FailedRun) -> tuple[str, ...]:
        async with self._errors:
            try:
                return await self._dagster.run_owners(deployment, run.id)
            except (ServerError, ProtocolError):
                return ()  # the failure is told all the same

    def _change(self, deployment: str, run: FailedRun, changes: dict[str, Change]) -> Facts | None:
        """Return what was changed in the run's location shortly before it failed."""
        location = run.location or ""
        earliest, change = run.failed_at - NEAR, changes.get(location)
        if change is not None and earliest <= change.at <= run.failed_at:
            return {
                "deploy": change.deploy,
                "by": change.by.model_dump(mode="json"),
                "seconds": (run.failed_at - change.at).total_seconds(),
            }
        reading = self._readings.last(deployment)
        seen = reading.locations.get(location) if reading is not None else None
        if seen is None or seen.updated_at is None:
            return None
        if change is not None and change.requested == seen.requested:
            return None  # what we have put there long ago; an agent has only loaded it again
        if not earliest <= seen.updated_at <= run.failed_at:
            return None
        seconds = (run.failed_at - seen.updated_at).total_seconds()
        return {"version": seen.label, "seconds": seconds}

    async def _over(
        self, deployment: str, groups: list[OpenGroup], at: datetime
    ) -> list[tuple[str, Happened, Facts]]:
        """Return the groups whose jobs all work again, and those that nothing is heard of."""
        silent = [each for each in groups if each.last_failure < at - self._known_for]
        moves: list[tuple[str, Happened, Facts]] = [
            (each.group, Happened.REMOVED, {"quiet_days": self._settings.watch.known_days})
            for each in silent
        ]
        waiting = [each for each in groups if each not in silent and not each.settling]
        await self._ask_again(deployment, waiting)
        for group in waiting:
            good = [self._good.get((deployment, *job)) for job in group.jobs]
            proofs = [
                run
                for run, job in zip(good, group.jobs, strict=True)
                if run is not None and is_after(run, group, job)
            ]
            if len(proofs) == len(group.jobs):
                last = max(proofs, key=lambda run: run.created_at)
                facts: Facts = {"fixed_by": last.id, "fixed_job": last.job}
                moves.append((group.group, Happened.RECOVERED, facts))
        return moves

    async def _ask_again(self, deployment: str, groups: list[OpenGroup]) -> None:
        """Find out which jobs have succeeded since; those that were asked of longest ago first."""
        since: dict[str, datetime] = {}
        for group in groups:
            for job, last in group.jobs.items():
                proof = self._good.get((deployment, *job))
                if proof is None or not is_after(proof, group, job):
                    since[job[1]] = min(last, since.get(job[1], last))
        never = datetime.min.replace(tzinfo=self._clock.now().tzinfo)
        names = sorted(since, key=lambda name: (self._asked.get((deployment, name), never), name))
        for name in names[:MOST_JOBS]:
            runs = await self._dagster.runs(
                deployment, statuses=_SUCCEEDED, job=name, created_after=since[name]
            )
            self._asked[deployment, name] = self._clock.now()
            self._remember(deployment, runs, groups)

    def _remember(self, deployment: str, runs: list[Run], groups: list[OpenGroup]) -> None:
        """Keep of each job one run that shows most; they come newest first."""
        for run in runs:
            job = (run.location, run.job)
            shows = any(job in group.jobs and is_after(run, group, job) for group in groups)
            known = self._good.get((deployment, *job))
            if shows and (known is None or known.created_at < run.created_at):
                self._good[deployment, *job] = run


def _look(
    deployment: str,
    before: int,
    at: datetime,
    sweep: Sweep,
    moves: Iterable[tuple[str, Happened, Facts]] = (),
    runs: Iterable[FailedRun] = (),
    told: Callable[[str], Channels] = lambda _: {},
) -> Look:
    return Look(
        deployment=deployment,
        kind=RUNS,
        before=before,
        at=at,
        data=sweep.model_dump(mode="json"),
        moves=list(moves),
        runs=list(runs),
        told=told,
    )


def _same(before: Sweep, after: Sweep) -> bool:
    if before.page is not None or after.page is not None or before.held != after.held:
        return False
    return after.since - before.since < WRITTEN_EVERY


def _causes(runs: list[Run], errors: list[RunError | None]) -> list[Cause]:
    return [cause_of(run, error) for run, error in zip(runs, errors, strict=True)]


def _facts_of(run: FailedRun, error: RunError | None) -> Facts:
    return {
        "run": run.id,
        "job": run.job,
        "location": run.location,
        "step": run.step,
        "error": None if error is None else cut(error.error).model_dump(mode="json"),
    }
