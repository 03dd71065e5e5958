"""What real Dagster answers to our questions about real runs is read, and grouped rightly."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    Failure,
    In,
    JobDefinition,
    Nothing,
    OpExecutionContext,
    RetryPolicy,
    job,
    op,
    resource,
)
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget, PythonFileTarget
from dagster_graphql.schema import create_schema

from deploy_core.dagster_plus import documents
from deploy_core.dagster_plus.documents import Operation
from deploy_core.dagster_plus.run_answers import (
    RunPlace,
    read_owners,
    read_run_assets,
    read_run_events,
    read_runs,
)
from deploy_core.dagster_plus.values import Run, RunError
from deploy_core.watch.failed_runs import Cause, cause_of

HERE = "dagster_plus/test_real_runs.py"


OWNED = """
from dagster import Definitions, asset, job, op

@op
def one():
    return 1

@job(owners=["ada@acme.com", "team:data"])
def nightly():
    one()

@asset(key_prefix="raw", owners=["team:ingest"])
def orders():
    return 1

defs = Definitions(jobs=[nightly], assets=[orders])
"""


def look_up(key: str) -> int:
    return {"EUR": 1}[key]


@op(config_schema=str)
def load(context: OpExecutionContext) -> int:
    return look_up(context.op_config)


@op
def nested() -> None:
    try:
        look_up("USD")
    except KeyError as error:
        raise ValueError("no rate for 2026-03-01") from error


@op
def fails_by_choice() -> None:
    raise Failure("3 rows are missing")


@op(retry_policy=RetryPolicy(max_retries=1))
def tries_again() -> None:
    raise TimeoutError("after 30 s")


@op(ins={"after": In(Nothing)})
def later() -> None:
    return


@resource
def broken_database(_context: object) -> None:
    raise ConnectionError("database-7 is away")


@op(required_resource_keys={"database"})
def needs_a_database() -> None:
    return


@job
def daily() -> None:
    later(load())


@job
def of_nested() -> None:
    nested()


@job
def of_choice() -> None:
    fails_by_choice()


@job
def of_retries() -> None:
    tries_again()


@job(resource_defs={"database": broken_database})
def of_resource() -> None:
    needs_a_database()


class RealDagster:
    """Dagster's own storage and GraphQL, in this process."""

    def __init__(self, instance: DagsterInstance, process: WorkspaceProcessContext) -> None:
        self.instance = instance
        self._process = process
        self._context: Any = process.create_request_context()
        self._schema = create_schema()

    def ask(self, operation: Operation, **variables: Any) -> dict[str, Any]:
        answer = self._schema.execute(
            operation.text, variables=variables, context_value=self._context
        )
        assert not answer.errors
        assert answer.data is not None
        return dict(answer.data)

    def ask_async(self, operation: Operation, **variables: Any) -> dict[str, Any]:
        """Some of Dagster's own resolvers are coroutines, and a context is of one loop."""
        context: Any = self._process.create_request_context()
        asked = self._schema.execute_async(
            operation.text, variables=variables, context_value=context
        )
        answer = asyncio.run(asked)
        assert not answer.errors
        assert answer.data is not None
        return dict(answer.data)

    def execute(self, one: JobDefinition, **more: Any) -> Run:
        one.execute_in_process(instance=self.instance, raise_on_error=False, **more)
        (newest,) = self.runs(limit=1)
        return newest

    def runs(self, limit: int = 50, cursor: str | None = None, **wanted: Any) -> list[Run]:
        return read_runs(self.ask(documents.RUNS, filter=wanted, limit=limit, cursor=cursor))

    def error(self, run: Run, limit: int = 1_000) -> RunError | None:
        cursor, of_run = None, None
        while True:
            page = read_run_events(
                self.ask(documents.RUN_EVENTS, runId=run.id, cursor=cursor, limit=limit)
            )
            if page.of_step is not None:
                return page.of_step
            of_run, cursor = of_run or page.of_run, page.cursor
            if cursor is None:
                return of_run


@contextmanager
def opened(folder: Path) -> Iterator[RealDagster]:
    with (
        DagsterInstance.local_temp(
            str(folder), overrides={"telemetry": {"enabled": False}}
        ) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as process,
    ):
        yield RealDagster(instance, process)


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDagster]:
    with opened(tmp_path_factory.mktemp("dagster")) as real:
        yield real


def config(key: str) -> dict[str, Any]:
    return {"ops": {"load": {"config": key}}}


def test_an_error_is_that_of_the_users_own_line(dagster: RealDagster) -> None:
    run = dagster.execute(daily, run_config=config("USD"))
    assert (run.status, run.job, run.root, run.automatic) == ("FAILURE", "daily", run.id, False)
    assert run.ended_at is not None
    assert run.updated_at is not None
    assert cause_of(run, dagster.error(run)) == Cause("KeyError", "…", f"{HERE}:look_up", "load")
    assert dagster.error(run, limit=2) == dagster.error(run)
    assert dagster.runs(statuses=["FAILURE"], updatedAfter=run.updated_at.timestamp() - 1)
    assert dagster.runs(statuses=["FAILURE"], updatedAfter=run.updated_at.timestamp() + 1) == []


def test_other_values_are_the_same_failure(dagster: RealDagster) -> None:
    keys = {
        cause_of(run, dagster.error(run)).key
        for run in (dagster.execute(daily, run_config=config(key)) for key in ("USD", "GBP"))
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("of", "cause"),
    [
        (of_nested, Cause("KeyError", "…", f"{HERE}:look_up", "nested")),
        (
            of_choice,
            Cause("Failure", "… rows are missing", f"{HERE}:fails_by_choice", "fails_by_choice"),
        ),
        (of_retries, Cause("TimeoutError", "after … s", f"{HERE}:tries_again", "tries_again")),
        (
            of_resource,
            Cause(
                "ConnectionError",
                "database… is away",
                f"{HERE}:broken_database",
                "",
            ),
        ),
    ],
    ids=lambda each: each.name if isinstance(each, JobDefinition) else "",
)
def test_what_it_failed_of_is_found(dagster: RealDagster, of: JobDefinition, cause: Cause) -> None:
    run = dagster.execute(of)
    assert cause_of(run, dagster.error(run)) == cause


def test_a_run_that_is_executed_again_names_the_first_one(dagster: RealDagster) -> None:
    first = dagster.execute(daily, run_config=config("USD"))
    tags = {"dagster/parent_run_id": first.id, "dagster/root_run_id": first.id}
    retry = {**tags, "dagster/retry_number": "1"}
    by_hand = dagster.execute(daily, run_config=config("USD"), tags=tags)
    by_itself = dagster.execute(daily, run_config=config("EUR"), tags=retry)
    assert (by_hand.root, by_hand.automatic) == (first.id, False)
    assert (by_itself.root, by_itself.automatic, by_itself.status) == (first.id, True, "SUCCESS")


def test_runs_come_in_pages_the_newest_first(tmp_path: Path) -> None:
    with opened(tmp_path) as real:
        made = [real.execute(daily, run_config=config("USD")).id for _ in range(5)]
        first = real.runs(limit=3, statuses=["FAILURE"])
        second = real.runs(limit=3, cursor=first[-1].id, statuses=["FAILURE"])
        assert [run.id for run in [*first, *second]] == made[::-1]
        good = real.execute(daily, run_config=config("EUR"))
        after = first[0].created_at.timestamp()
        assert real.runs(statuses=["SUCCESS"], pipelineName="daily", createdAfter=after) == [good]
        assert real.runs(statuses=["SUCCESS"], pipelineName="other", createdAfter=after) == []


def test_a_run_that_is_gone_has_no_error(dagster: RealDagster) -> None:
    gone = "5c0a5b52-0000-4000-8000-000000000000"
    page = read_run_events(dagster.ask(documents.RUN_EVENTS, runId=gone, cursor=None, limit=9))
    assert (page.of_step, page.of_run, page.cursor) == (None, None, None)


def test_the_owners_of_a_run_are_read(tmp_path: Path) -> None:
    """Those of its job, and of the assets that it was for."""
    code = tmp_path / "owned.py"
    code.write_text(OWNED)
    (tmp_path / "home").mkdir()
    target = PythonFileTarget(
        python_file=str(code), attribute=None, working_directory=None, location_name="owned"
    )
    with (
        DagsterInstance.local_temp(
            str(tmp_path / "home"), overrides={"telemetry": {"enabled": False}}
        ) as instance,
        WorkspaceProcessContext(instance, target) as process,
    ):
        real = RealDagster(instance, process)
        place = {"repositoryName": "__repository__", "repositoryLocationName": "owned"}
        of_job = {**place, "pipelineName": "nightly"}
        owners = real.ask_async(documents.OWNERS, job=of_job, keys=None, assets=False)
        assert read_owners(owners) == ("ada@acme.com", "team:data")
        of_assets = {**place, "pipelineName": "__ASSET_JOB"}
        keys = [{"path": ["raw", "orders"]}]
        owners = real.ask_async(documents.OWNERS, job=of_assets, keys=keys, assets=True)
        assert read_owners(owners) == ("team:ingest",)
        gone = real.ask_async(
            documents.OWNERS, job={**place, "pipelineName": "x"}, keys=[], assets=False
        )
        assert read_owners(gone) == ()


def test_a_run_says_where_it_is_from(dagster: RealDagster) -> None:
    run = dagster.execute(daily, run_config=config("USD"))
    found = dagster.ask_async(documents.RUN_ASSETS, runId=run.id, limit=5)
    assert read_run_assets(found) is None, "executed in process, of no code location"
    found["runOrError"]["repositoryOrigin"] = {
        "repositoryLocationName": "core",
        "repositoryName": "__repository__",
    }
    found["runOrError"]["assetSelection"] = [{"path": ["raw", "orders"]}]
    assert read_run_assets(found) == RunPlace(
        "daily", "core", "__repository__", (("raw", "orders"),)
    )
    gone = dagster.ask_async(
        documents.RUN_ASSETS, runId="5c0a5b52-0000-4000-8000-000000000000", limit=5
    )
    assert read_run_assets(gone) is None
