"""The trust boundary for what Dagster+ answers about runs; see `wire`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deploy_core.dagster_plus import documents, run_shapes
from deploy_core.dagster_plus.answers import JsonObject
from deploy_core.dagster_plus.shapes import PythonErrorShape
from deploy_core.dagster_plus.values import Run, RunError
from deploy_core.dagster_plus.wire import checked, not_understood, python_error_from, server_error
from deploy_core.model.python_error import PythonError

RETRY_TAG = "dagster/retry_number"
"""Dagster gives it to a run that it starts by itself after a failure."""

WILL_RETRY_TAG = "dagster/will_retry"
"""Dagster gives it to a run that failed: whether it will start another one by itself."""

RETRIED_BY_TAG = "dagster/auto_retry_run_id"
MOST_RETRIES_TAG = "dagster/max_retries"

ORDER_TAG = "dagster-chatops/order"
"""We give it to a run that we start: the press of a button that it came from."""

ROOT_TAG = "dagster/root_run_id"
PARENT_TAG = "dagster/parent_run_id"


@dataclass(frozen=True)
class EventsPage:
    """What a page of a run's events says about its failure; `cursor` is where the next begins,
    None after the last."""

    of_step: RunError | None
    of_run: RunError | None
    cursor: str | None


@dataclass(frozen=True)
class RunPlace:
    """What a run ran: a job of a repository, and the assets that it was for."""

    job: str
    location: str
    repository: str
    assets: tuple[tuple[str, ...], ...]


def read_runs(data: JsonObject) -> list[Run]:
    """Return the runs, in Dagster+'s order."""
    found = checked(documents.RUNS, run_shapes.RunsData, data).runs
    if isinstance(found, PythonErrorShape):
        raise server_error(documents.RUNS, found)
    if isinstance(found, run_shapes.InvalidFilterShape):
        raise not_understood(documents.RUNS, found.message)
    return [
        Run(
            id=run.id,
            status=run.status,
            job=run.job,
            location=run.origin.location if run.origin is not None else None,
            created_at=datetime.fromtimestamp(run.created_at, UTC),
            started_at=_moment(run.started_at),
            ended_at=_moment(run.ended_at),
            updated_at=_moment(run.updated_at),
            root_id=_root(run),
            automatic=any(tag.key == RETRY_TAG for tag in run.tags),
            parent_id=_parent(run),
            will_retry=_will_retry(run),
            retried_by=_tag(run, RETRIED_BY_TAG),
            order=_tag(run, ORDER_TAG),
            tags=tuple((tag.key, tag.value) for tag in run.tags),
        )
        for run in found.results
    ]


def _root(run: run_shapes.RunShape) -> str | None:
    """Return the run that it began with: tools that launch runs may say it only by tags."""
    return run.root_id or _tag(run, ROOT_TAG) or _parent(run)


def _parent(run: run_shapes.RunShape) -> str | None:
    return run.parent_id or _tag(run, PARENT_TAG)


def _will_retry(run: run_shapes.RunShape) -> bool:
    """Tell whether Dagster will start a failed run again by itself.

    Dagster says it with a tag once it has written the failure down. In the moment before, and where
    a version doesn't say it, the numbers of the retries do.
    """
    said = _tag(run, WILL_RETRY_TAG)
    if said is not None:
        return said.lower() == "true"
    most, number = _tag(run, MOST_RETRIES_TAG) or "", _tag(run, RETRY_TAG) or "0"
    return most.isdecimal() and number.isdecimal() and int(number) < int(most)


def _tag(run: run_shapes.RunShape, key: str) -> str | None:
    return next((tag.value for tag in run.tags if tag.key == key and tag.value), None)


def read_run_events(data: JsonObject) -> EventsPage:
    """Return the first failures of a page of events; an empty last page for a run that is gone."""
    found = checked(documents.RUN_EVENTS, run_shapes.EventsData, data).logs
    if isinstance(found, PythonErrorShape):
        raise server_error(documents.RUN_EVENTS, found)
    if isinstance(found, run_shapes.RunNotFoundShape):
        return EventsPage(None, None, None)
    return EventsPage(
        of_step=_first(found.events, "ExecutionStepFailureEvent"),
        of_run=_first(found.events, "RunFailureEvent"),
        cursor=found.cursor if found.has_more else None,
    )


def read_run_assets(data: JsonObject) -> RunPlace | None:
    """Return where a run's code is and which assets it is for; None for a run that is gone or was
    started of no code location."""
    found = checked(documents.RUN_ASSETS, run_shapes.RunAssetsData, data).run
    if isinstance(found, PythonErrorShape):
        raise server_error(documents.RUN_ASSETS, found)
    if isinstance(found, run_shapes.RunNotFoundShape) or found.origin is None:
        return None
    return RunPlace(
        job=found.job,
        location=found.origin.location,
        repository=found.origin.repository,
        assets=tuple(tuple(key.path) for key in found.assets or ()),
    )


def read_owners(data: JsonObject) -> tuple[str, ...]:
    """Return the owners as definitions write them: an e-mail address, or `team:NAME`."""
    found = checked(documents.OWNERS, run_shapes.OwnersData, data)
    owners = [owner for each in (found.job, *found.assets) for owner in each.owners]
    named = [owner.email or (f"team:{owner.team}" if owner.team else "") for owner in owners]
    return tuple(dict.fromkeys(each for each in named if each))


def _first(events: list[run_shapes.EventShape], kind: str) -> RunError | None:
    for event in events:
        if event.typename == kind:
            if event.error is None:
                return RunError(event.step, PythonError(message=event.message))
            return RunError(event.step, python_error_from(event.error))
    return None


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
