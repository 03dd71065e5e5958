"""How a person starts a job on Dagster's page: what is asked, and what is answered."""

from typing import Any

LAUNCH = """mutation Launch($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""


def launch_variables(location: str, job: str) -> dict[str, Any]:
    """Return the variables of `LAUNCH`."""
    selector = {
        "repositoryLocationName": location,
        "repositoryName": "__repository__",
        "jobName": job,
    }
    return {"executionParams": {"selector": selector, "runConfigData": {}}}


def launched_run(data: dict[str, Any]) -> str:
    """Return the id of the run that was started."""
    assert data["launchRun"]["__typename"] == "LaunchRunSuccess", data
    return str(data["launchRun"]["run"]["runId"])
