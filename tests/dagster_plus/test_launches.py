"""Each answer to "execute this run again" is a run or a typed error."""

from typing import Any

import pytest

from deploy_core.dagster_plus.launch_answers import read_reexecuted
from deploy_core.dagster_plus.run_answers import read_runs
from deploy_core.model.errors import (
    DagsterPlusError,
    JobMissing,
    LaunchNotUnderstood,
    NothingToReexecute,
    PermissionRefused,
    ProtocolError,
    RunConfigRefused,
    RunConflict,
    ServerError,
    StepMissing,
)


def answer(kind: str, **fields: Any) -> dict[str, Any]:
    return {"launchRunReexecution": {"__typename": kind, **fields}}


def test_a_run_that_was_started_is_named() -> None:
    good = answer("LaunchRunSuccess", run={"runId": "r2", "parentRunId": "r1"})
    assert read_reexecuted(good, parent="r1") == "r2"
    with pytest.raises(ProtocolError):
        read_reexecuted(good, parent="r9")


@pytest.mark.parametrize(
    ("kind", "fields", "error", "detail"),
    [
        (
            "RunConfigValidationInvalid",
            {"errors": [{"message": "no field x", "reason": "FIELD_NOT_DEFINED"}]},
            RunConfigRefused,
            "FIELD_NOT_DEFINED: no field x",
        ),
        ("PipelineNotFoundError", {"message": "m"}, JobMissing, "m"),
        ("InvalidStepError", {"invalidStepKey": "load"}, StepMissing, ""),
        (
            "InvalidOutputError",
            {"stepKey": "load", "invalidOutputName": "result"},
            StepMissing,
            "",
        ),
        ("InvalidSubsetError", {"message": "m"}, NothingToReexecute, "m"),
        ("RunConflict", {"message": "m"}, RunConflict, "m"),
        ("PresetNotFoundError", {"message": "m"}, LaunchNotUnderstood, "m"),
        ("ConflictingExecutionParamsError", {"message": "m"}, LaunchNotUnderstood, "m"),
        ("NoModeProvidedError", {"message": "m"}, LaunchNotUnderstood, "m"),
        ("UnauthorizedError", {"message": "m"}, PermissionRefused, "m"),
        ("PythonError", {"message": "m", "stack": []}, ServerError, "m"),
        ("SomethingNew", {"message": "m"}, ProtocolError, None),
    ],
)
def test_each_refusal_is_an_error_of_its_own(
    kind: str, fields: dict[str, Any], error: type[DagsterPlusError], detail: str | None
) -> None:
    with pytest.raises(error) as caught:
        read_reexecuted(answer(kind, **fields), parent="r1")
    assert caught.value.next_step
    if detail is not None:
        assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("tags", "will_retry"),
    [
        ({}, False),
        ({"dagster/will_retry": "true"}, True),
        ({"dagster/will_retry": "false", "dagster/max_retries": "3"}, False),
        ({"dagster/max_retries": "3"}, True),
        ({"dagster/max_retries": "3", "dagster/retry_number": "2"}, True),
        ({"dagster/max_retries": "3", "dagster/retry_number": "3"}, False),
        ({"dagster/max_retries": "many"}, False),
    ],
)
def test_whether_dagster_tries_again_is_in_the_tags(tags: dict[str, str], will_retry: bool) -> None:
    run = {
        "runId": "r1",
        "status": "FAILURE",
        "jobName": "daily",
        "creationTime": 1.0,
        "startTime": None,
        "endTime": None,
        "updateTime": None,
        "rootRunId": None,
        "parentRunId": None,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "repositoryOrigin": None,
    }
    (found,) = read_runs({"runsOrError": {"__typename": "Runs", "results": [run]}})
    assert found.will_retry == will_retry
