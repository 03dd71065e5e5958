"""Runs and the errors of those that failed, as Dagster+ answers them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_core.dagster_plus.values import Run, RunError, RunStatus
from deploy_core.model.errors import ProtocolError, ServerError
from deploy_core.model.python_error import ChainedError, PythonError
from tests.dagster_plus.support import Wire, answer, client_on, python_error

FAILED: tuple[RunStatus, ...] = ("FAILURE",)
RUN: dict[str, Any] = {
    "runId": "b",
    "status": "FAILURE",
    "jobName": "daily",
    "creationTime": 100.0,
    "startTime": None,
    "endTime": 130.0,
    "updateTime": 131.0,
    "rootRunId": "a",
    "parentRunId": "a",
    "tags": [{"key": "dagster/retry_number", "value": "1"}],
    "repositoryOrigin": {"repositoryLocationName": "core"},
}
ERROR = {"message": "KeyError: 'X'\n", "stack": ["  File a\n"], "errorChain": []}
STEP = {"__typename": "ExecutionStepFailureEvent", "stepKey": "load", "message": "", "error": ERROR}
OF_RUN = {"__typename": "RunFailureEvent", "message": "Steps failed: ['load'].", "error": None}
OTHER = {"__typename": "LogMessageEvent"}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def runs(*found: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"runsOrError": {"__typename": "Runs", "results": list(found)}}}


def events(*found: dict[str, Any], more: bool = False, cursor: str = "9") -> Any:
    page = {"__typename": "EventConnection", "events": found, "cursor": cursor, "hasMore": more}
    return answer({"data": {"logsForRun": page}})


async def test_runs_are_read_in_pages() -> None:
    wire = Wire(answer(runs(RUN)))
    found = await client_on(wire).runs(
        "prod", statuses=FAILED, job="daily", created_after=at(7), older_than="c", most=3
    )
    retry = Run("b", "FAILURE", "daily", "core", at(100), None, at(130), at(131), "a", True)
    assert found[0].tags == (("dagster/retry_number", "1"),)
    assert found[0].parent_id == "a"
    assert found == [replace(retry, tags=found[0].tags, parent_id="a")]
    assert found[0].root == "a"
    wanted = {"statuses": ["FAILURE"], "pipelineName": "daily", "createdAfter": 7.0}
    assert wire.sent["variables"] == {"filter": wanted, "cursor": "c", "limit": 3}


@pytest.mark.parametrize(
    ("root", "parent", "expected"), [(None, None, "b"), (None, "p", "p"), ("a", "p", "a")]
)
async def test_the_run_that_it_began_with(
    root: str | None, parent: str | None, expected: str
) -> None:
    run = {**RUN, "rootRunId": root, "parentRunId": parent, "tags": []}
    (found,) = await client_on(Wire(answer(runs(run)))).runs("prod", statuses=FAILED)
    assert (found.root, found.automatic) == (expected, False)


async def test_the_first_step_that_failed_is_why() -> None:
    wire = Wire(
        events(OTHER, more=True, cursor="1"), events(STEP, {**STEP, "stepKey": "b"}, OF_RUN)
    )
    found = await client_on(wire).run_error("prod", "b")
    assert found == RunError("load", PythonError(message="KeyError: 'X'\n", stack=("  File a\n",)))
    assert wire.sent["variables"]["cursor"] == "1"


async def test_a_run_that_failed_without_a_step_says_it_in_its_message() -> None:
    found = await client_on(Wire(events(OTHER, OF_RUN))).run_error("prod", "b")
    assert found == RunError(None, PythonError(message="Steps failed: ['load']."))


async def test_the_chain_of_an_error_is_kept() -> None:
    link = {"isExplicitLink": False, "error": {"message": "OSError\n", "stack": []}}
    step = {**STEP, "error": {**ERROR, "errorChain": [link]}}
    found = await client_on(Wire(events(step))).run_error("prod", "b")
    assert found is not None
    assert found.error.chain == (ChainedError(message="OSError\n", is_explicit=False),)


async def test_a_log_without_an_end_is_not_read_for_ever() -> None:
    wire = Wire(events(OTHER, more=True))
    assert await client_on(wire).run_error("prod", "b") is None
    assert len(wire.requests) == 5


async def test_a_run_that_is_gone_has_no_error() -> None:
    gone = {"data": {"logsForRun": {"__typename": "RunNotFoundError", "message": "gone"}}}
    assert await client_on(Wire(answer(gone))).run_error("prod", "b") is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (python_error(), ServerError),
        ({"__typename": "Other"}, ProtocolError),
        ({"__typename": "EventConnection", "events": [{}], "cursor": "1"}, ProtocolError),
    ],
)
async def test_other_answers_are_errors(body: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await client_on(Wire(answer({"data": {"logsForRun": body}}))).run_error("prod", "b")
