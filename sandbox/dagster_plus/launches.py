"""Runs that are asked to be executed again: only queued, a test says what becomes of them."""

from typing import Any

from sandbox.dagster_plus.faults import Faults, LaunchFault
from sandbox.dagster_plus.load_errors import plain_python_error
from sandbox.dagster_plus.locations import Deployment
from sandbox.dagster_plus.runs import Run

_OMITTED = ("dagster/retry_number", "dagster/will_retry", "dagster/auto_retry_run_id")
"""Tags that Dagster doesn't hand on to a run that is executed again."""


def reexecuted(deployment: Deployment, wanted: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """GraphQL's `LaunchRunReexecutionResult`."""
    parent = next((run for run in deployment.runs if run.run_id == wanted["parentRunId"]), None)
    if parent is None:
        return plain_python_error(f"Could not find parent run with id: {wanted['parentRunId']}")
    fault = faults.take_launch_fault(parent.job)
    if fault is not None:
        return _refusal(fault, parent)
    if wanted["strategy"] == "FROM_FAILURE" and parent.status != "FAILURE":
        return plain_python_error("Cannot reexecute from failure a run that is not failed")
    tags = {} if wanted.get("useParentRunTags") is False else dict(parent.tags)
    tags = {key: value for key, value in tags.items() if key not in _OMITTED}
    tags |= {tag["key"]: tag["value"] for tag in wanted.get("extraTags") or []}
    run = Run(parent.location, parent.job, parent=parent, tags=tags)
    deployment.runs.append(run)
    return {"__typename": "LaunchRunSuccess", "run": run.fields()}


def _refusal(fault: LaunchFault, parent: Run) -> dict[str, Any]:
    if fault.kind == "PythonError":
        return plain_python_error(fault.message)
    problem = {
        "__typename": "RuntimeMismatchConfigError",
        "message": fault.message,
        "reason": "RUNTIME_TYPE_MISMATCH",
    }
    return {
        "__typename": fault.kind,
        "message": fault.message,
        "errors": [problem],
        "pipelineName": parent.job,
        "repositoryName": "__repository__",
        "repositoryLocationName": parent.location,
        "preset": "default",
        "invalidStepKey": "load",
        "stepKey": "load",
        "invalidOutputName": "result",
    }
