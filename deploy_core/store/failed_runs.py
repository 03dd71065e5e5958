"""Failed runs, and the incidents that those with the same cause have together."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy_core.clock import Clock
from deploy_core.store.connection import Database
from deploy_core.store.once import insert_once
from deploy_core.store.tables import failed_runs, incidents
from deploy_core.store.uninterrupted import uninterrupted
from deploy_core.watch.failed_runs import ASSET_JOB, RUNS, FailedRun, Failures, JobCount, OpenGroup
from deploy_core.watch.incidents import IncidentState

KEEP = timedelta(days=30)
"""So long the runs of an incident that has ended are kept."""

AT_A_TIME = 500
"""So many values go into one query."""

_ENDED = IncidentState.ENDED.value


@uninterrupted
class FailedRuns:
    """What is known of failed runs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def known(self, deployment: str, run_ids: Iterable[str]) -> set[str]:
        """Return those of the runs that were noted before."""
        found: set[str] = set()
        async with self._database.read() as connection:
            for some in _parts(run_ids):
                query = sa.select(failed_runs.c.run_id).where(
                    failed_runs.c.deployment == deployment, failed_runs.c.run_id.in_(some)
                )
                found |= set((await connection.execute(query)).scalars())
        return found

    async def groups_of(self, deployment: str, roots: Iterable[str]) -> dict[str, str]:
        """Return the group of each of these first runs, as long as its incident isn't over."""
        found: dict[str, str] = {}
        async with self._database.read() as connection:
            for some in _parts(roots):
                query = (
                    sa.select(failed_runs.c.root_id, incidents.c.subject)
                    .join(incidents, incidents.c.id == failed_runs.c.incident_id)
                    .where(
                        failed_runs.c.deployment == deployment,
                        failed_runs.c.root_id.in_(some),
                        incidents.c.state != _ENDED,
                    )
                    .order_by(failed_runs.c.failed_at)
                )
                for root, group in (await connection.execute(query)).all():
                    found.setdefault(root, group)
        return found

    async def seen_before(
        self, deployment: str, groups: Iterable[str], since: datetime
    ) -> dict[str, datetime]:
        """Return when each of these groups failed last, if that was after `since`."""
        query = (
            sa.select(incidents.c.subject, sa.func.max(failed_runs.c.failed_at).label("last"))
            .join(failed_runs, failed_runs.c.incident_id == incidents.c.id)
            .where(
                incidents.c.deployment == deployment,
                incidents.c.kind == RUNS,
                incidents.c.subject.in_(sorted(set(groups))),
                failed_runs.c.failed_at >= since,
            )
            .group_by(incidents.c.subject)
        )
        async with self._database.read() as connection:
            return {row.subject: row.last for row in (await connection.execute(query)).all()}

    async def open_groups(self, deployment: str) -> list[OpenGroup]:
        """Return the groups that aren't over, the newest first."""
        of = sa.and_(
            incidents.c.deployment == deployment,
            incidents.c.kind == RUNS,
            incidents.c.state != _ENDED,
        )
        last = sa.func.max(failed_runs.c.failed_at).label("last")
        job = (failed_runs.c.location, failed_runs.c.job)
        group = (incidents.c.id, incidents.c.subject, incidents.c.state)
        joined = incidents.join(failed_runs, failed_runs.c.incident_id == incidents.c.id)
        by_job = (
            sa.select(*group, *job, last)
            .select_from(joined)
            .where(of)
            .group_by(*group, *job)
            .order_by(incidents.c.id.desc())
        )
        by_root = (
            sa.select(incidents.c.subject, failed_runs.c.root_id)
            .select_from(joined)
            .where(of, failed_runs.c.job.startswith(ASSET_JOB, autoescape=True))
            .distinct()
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(by_job)).all()
            of_assets = (await connection.execute(by_root)).all()
        states: dict[str, str] = {}
        jobs: dict[str, dict[tuple[str | None, str], datetime]] = defaultdict(dict)
        roots: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            states[row.subject] = row.state
            jobs[row.subject][row.location, row.job] = row.last
        for subject, root in of_assets:
            roots[subject].add(root)
        return [
            OpenGroup(
                group=subject,
                settling=state == IncidentState.SETTLING.value,
                jobs=jobs[subject],
                roots=frozenset(roots[subject]),
            )
            for subject, state in states.items()
        ]

    async def of_incidents(self, incident_ids: Collection[int]) -> dict[int, Failures]:
        """Return the runs of each incident in numbers."""
        query = (
            sa.select(
                failed_runs.c.incident_id,
                failed_runs.c.location,
                failed_runs.c.job,
                sa.func.count(sa.distinct(failed_runs.c.root_id)).label("runs"),
                sa.func.count().label("attempts"),
                sa.func.min(failed_runs.c.failed_at).label("first_at"),
                sa.func.max(failed_runs.c.failed_at).label("last_at"),
            )
            .where(failed_runs.c.incident_id.in_(sorted(incident_ids)))
            .group_by(failed_runs.c.incident_id, failed_runs.c.location, failed_runs.c.job)
        )
        rows: dict[int, list[sa.Row[tuple[object, ...]]]] = defaultdict(list)
        last: dict[int, str] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(query)).all():
                rows[row.incident_id].append(row)
            for incident in rows:
                newest = (
                    sa.select(failed_runs.c.run_id)
                    .where(failed_runs.c.incident_id == incident)
                    .order_by(failed_runs.c.failed_at.desc(), failed_runs.c.run_id)
                    .limit(1)
                )
                last[incident] = (await connection.execute(newest)).scalar_one()
        return {
            incident: Failures(
                runs=sum(row.runs for row in of_it),
                attempts=sum(row.attempts for row in of_it),
                first_at=min(row.first_at for row in of_it),
                last_at=max(row.last_at for row in of_it),
                last_run=last[incident],
                jobs=tuple(
                    sorted(
                        (JobCount(row.location, row.job, row.runs) for row in of_it),
                        key=lambda each: (-each.runs, each.job, each.location or ""),
                    )
                ),
            )
            for incident, of_it in rows.items()
        }

    async def most_frequent(
        self,
        deployment: str,
        since: datetime,
        until: datetime,
        holds: Callable[[str], bool] = lambda _location: True,
    ) -> list[tuple[int, int]]:
        """Return the incidents that runs failed with in this time, each with the number of runs
        without their retries, the most first. Of the runs only those count whose code location
        `holds` wants; one without a location has an empty name."""
        runs = sa.func.count(sa.distinct(failed_runs.c.root_id)).label("runs")
        query = (
            sa.select(failed_runs.c.incident_id, failed_runs.c.location, runs)
            .where(
                failed_runs.c.deployment == deployment,
                failed_runs.c.failed_at >= since,
                failed_runs.c.failed_at < until,
            )
            .group_by(failed_runs.c.incident_id, failed_runs.c.location)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        found: Counter[int] = Counter()
        for row in rows:
            if holds(row.location or ""):
                found[row.incident_id] += row.runs
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))

    async def forget_old(self) -> None:
        """Remove the old runs of incidents that have ended."""
        ended = sa.select(incidents.c.id).where(
            incidents.c.kind == RUNS, incidents.c.ended_at < self._clock.now() - KEEP
        )
        async with self._database.write() as connection:
            await connection.execute(
                failed_runs.delete().where(failed_runs.c.incident_id.in_(ended))
            )


async def note_runs(
    connection: AsyncConnection, deployment: str, runs: Iterable[FailedRun]
) -> dict[int, str]:
    """Write down runs that failed, each once, under the open incidents of their groups; return the
    incidents that got one, with their groups."""
    query = sa.select(incidents.c.id, incidents.c.subject).where(
        incidents.c.deployment == deployment,
        incidents.c.kind == RUNS,
        incidents.c.state != _ENDED,
    )
    of_group = {row.subject: row.id for row in (await connection.execute(query)).all()}
    touched: dict[int, str] = {}
    for run in runs:
        values = {
            "deployment": deployment,
            "run_id": run.id,
            "root_id": run.root,
            "incident_id": of_group[run.group],
            "job": run.job,
            "location": run.location,
            "step": run.step,
            "failed_at": run.failed_at,
        }
        if await insert_once(connection, failed_runs, values, ["deployment", "run_id"]):
            touched[of_group[run.group]] = run.group
    return touched


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    every = sorted(set(values))
    return (every[at : at + AT_A_TIME] for at in range(0, len(every), AT_A_TIME))
