"""The control plane over HTTP: tokens, deployments, refusals, and faults on demand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from sandbox.dagster_plus.server import DagsterPlus

Query = Callable[..., Awaitable[dict[str, Any]]]

APPLY = """
mutation Apply($document: GenericScalar!) {
  addOrUpdateLocationFromDocument(document: $document) {
    __typename
    ... on WorkspaceEntry { locationName }
    ... on InvalidLocationError { errors }
    ... on UnauthorizedError { message }
  }
}
"""
LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name loadStatus updatedTimestamp versionKey displayMetadata { key value }
        locationOrLoadError {
          __typename
          ... on RepositoryLocation { name repositories { name jobs { name } } }
          ... on PythonError { message errorChain { isExplicitLink error { message stack } } }
        }
      }
    }
  }
}
"""
CORE = {"location_name": "core", "code_source": {"module_name": "core"}, "image": "core:1"}


async def applied(query: Query, document: Any = CORE) -> Any:
    return (await query(APPLY, document=document))["addOrUpdateLocationFromDocument"]


async def post(http: httpx.AsyncClient, text: str, path: str = "/prod/graphql") -> httpx.Response:
    return await http.post(path, json={"query": text, "variables": {"document": CORE}})


async def fault(http: httpx.AsyncClient, **request: Any) -> None:
    answer = await http.post("/sandbox/faults", json={"requests": [request]})
    assert answer.status_code == 200, answer.text


async def mutations(http: httpx.AsyncClient) -> int:
    requests = (await http.get("/sandbox/state")).json()["requests"]
    return sum(1 for request in requests if request["kind"] == "mutation")


async def loaded(query: Query) -> dict[str, Any]:
    """The only location, once it is LOADED."""
    async with asyncio.timeout(30):
        while True:
            (entry,) = (await query(LOCATIONS))["workspaceOrError"]["locationEntries"]
            if entry["loadStatus"] == "LOADED":
                found: dict[str, Any] = entry
                return found
            await asyncio.sleep(0.005)


async def test_an_applied_location_is_loaded_with_its_image(query: Query) -> None:
    assert await applied(query) == {"__typename": "WorkspaceEntry", "locationName": "core"}
    entry = await loaded(query)
    assert {"key": "image", "value": "core:1"} in entry["displayMetadata"]
    assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    assert entry["locationOrLoadError"]["repositories"][0]["name"] == "__repository__"


async def test_the_deployment_comes_from_the_header_before_the_path(
    http: httpx.AsyncClient, dagster_plus: DagsterPlus
) -> None:
    headers = {"Dagster-Cloud-Deployment": "staging"}
    body = {"query": APPLY, "variables": {"document": CORE}}
    assert (await http.post("/graphql", json=body, headers=headers)).status_code == 200
    assert list(dagster_plus.plane.deployment("staging").locations) == ["core"]
    assert (await http.post("/nowhere/graphql", json=body)).status_code == 404
    assert "errors" in (await http.post("/graphql", json=body)).json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query { noSuchField }", "Cannot query field 'noSuchField'"),
        ("query { agents { colour } }", "Cannot query field 'colour'"),
        ("mutation { deleteLocation { __typename } }", "locationName"),
        ("query {", "Syntax Error"),
    ],
)
async def test_a_wrong_query_is_refused(http: httpx.AsyncClient, text: str, said: str) -> None:
    answer = await http.post("/prod/graphql", json={"query": text})
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"build": {"directory": "."}}, "build"),
        ({"code_source": {"module_name": "a", "python_file": "a.py"}}, "single field"),
        ({"code_source": {}}, "code_source"),
        ({"container_context": {"k8s": {"colour": "red"}}}, "colour"),
    ],
)
async def test_an_invalid_document_changes_nothing(
    query: Query, dagster_plus: DagsterPlus, change: dict[str, Any], said: str
) -> None:
    answer = await applied(query, {**CORE, **change})
    assert answer["__typename"] == "InvalidLocationError"
    assert said in "\n".join(answer["errors"])
    assert dagster_plus.plane.deployment("prod").locations == {}


async def test_tokens(http: httpx.AsyncClient, dagster_plus: DagsterPlus) -> None:
    roles = {}
    for name, token in {"viewer": dagster_plus.tokens.viewer, "nobody": "x"}.items():
        http.headers["Dagster-Cloud-Api-Token"] = token
        answer = await post(http, APPLY)
        body = answer.json() if answer.status_code == 200 else {}
        data = (body.get("data") or {}).get("addOrUpdateLocationFromDocument") or {}
        roles[name] = (answer.status_code, data.get("__typename"))
    assert roles == {"viewer": (200, "UnauthorizedError"), "nobody": (401, None)}


async def test_the_instant_agent_is_running_or_as_a_fault_says(
    http: httpx.AsyncClient, query: Query
) -> None:
    text = "query { agents { status agentLabel metadata { key } errors { error { message } } } }"
    seen = [[one["status"] for one in (await query(text))["agents"]]]
    for agents in ("stale", "none"):
        await http.post("/sandbox/faults", json={"agents": agents})
        seen.append([one["status"] for one in (await query(text))["agents"]])
    assert seen == [["RUNNING"], ["NOT_RUNNING"], []]


async def test_status_faults_strike_as_often_as_asked(http: httpx.AsyncClient) -> None:
    await fault(http, operation="Apply", kind="status", status=429, retry_after="7", times=2)
    answers = [await post(http, APPLY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert (await post(http, LOCATIONS)).status_code == 200


async def test_faults_name_fields_and_kinds_too(http: httpx.AsyncClient) -> None:
    await fault(http, operation="mutation", kind="errors", message="out of order")
    await fault(http, operation="workspaceOrError", kind="maintenance")
    assert (await post(http, APPLY)).json() == {"errors": [{"message": "out of order"}]}
    assert set((await post(http, LOCATIONS)).json()) == {"maintenance"}


@pytest.mark.parametrize(
    ("kind", "is_applied"), [("drop_before_change", False), ("drop_after_change", True)]
)
async def test_dropped_connections(
    http: httpx.AsyncClient, dagster_plus: DagsterPlus, kind: str, is_applied: bool
) -> None:
    await fault(http, operation="Apply", kind=kind)
    with pytest.raises(httpx.TransportError):
        await post(http, APPLY)
    assert ("core" in dagster_plus.plane.deployment("prod").locations) is is_applied
    assert await mutations(http) == 1


@pytest.mark.parametrize(("kind", "is_applied"), [("slow", True), ("slow_before_change", False)])
async def test_slow_answers(
    http: httpx.AsyncClient, dagster_plus: DagsterPlus, kind: str, is_applied: bool
) -> None:
    await fault(http, operation="Apply", kind=kind, seconds=2)
    body = {"query": APPLY, "variables": {"document": CORE}}
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/prod/graphql", json=body, timeout=0.2)
    assert ("core" in dagster_plus.plane.deployment("prod").locations) is is_applied


async def test_truncated_and_unknown_answers(http: httpx.AsyncClient) -> None:
    await fault(http, operation="Apply", kind="truncated")
    await fault(http, operation="Apply", kind="unknown_typename")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        (await post(http, APPLY)).json()
    answer = (await post(http, APPLY)).json()
    assert answer["data"] == {
        "addOrUpdateLocationFromDocument": {"__typename": "SandboxUnknownType"}
    }


async def test_a_location_never_loaded_is_released(http: httpx.AsyncClient, query: Query) -> None:
    never = {"loads": [{"location": "core", "kind": "never_loaded"}]}
    await http.post("/sandbox/faults", json=never)
    await applied(query)
    (entry,) = (await query(LOCATIONS))["workspaceOrError"]["locationEntries"]
    assert entry["loadStatus"] == "LOADING"
    await http.delete("/sandbox/faults")
    await loaded(query)


async def test_somebody_else_changes_a_location(http: httpx.AsyncClient, query: Query) -> None:
    await applied(query)
    before = await loaded(query)
    change = {"deployment": "prod", "document": {**CORE, "image": "core:other"}}
    assert (await http.post("/sandbox/change_location", json=change)).status_code == 200
    after = await loaded(query)
    assert after["versionKey"] != before["versionKey"]
    assert {"key": "image", "value": "core:other"} in after["displayMetadata"]
    assert await mutations(http) == 1, "it was not one of our requests"


async def test_a_run_that_fails_and_its_retry(http: httpx.AsyncClient, query: Query) -> None:
    body = {"deployment": "prod", "location": "core", "error": {"message": "KeyError: 'a'"}}
    first = (await http.post("/sandbox/run", json=body)).json()["run_id"]
    again = {**body, "status": "SUCCESS", "parent": first, "tags": {"dagster/retry_number": "1"}}
    second = (await http.post("/sandbox/run", json=again)).json()["run_id"]
    runs = "{ runsOrError { ... on Runs { results { runId status rootRunId } } } }"
    assert (await query(runs))["runsOrError"]["results"] == [
        {"runId": second, "status": "SUCCESS", "rootRunId": first},
        {"runId": first, "status": "FAILURE", "rootRunId": None},
    ]
    logs = """{ logsForRun(runId: "%s", limit: 3) { ... on EventConnection { hasMore events {
        ... on ExecutionStepFailureEvent { stepKey error { message } } } } } }"""
    page = (await query(logs % first))["logsForRun"]
    assert page == {
        "hasMore": True,
        "events": [{}, {}, {"stepKey": "load", "error": {"message": "KeyError: 'a'"}}],
    }
    unknown = {**body, "deployment": "nowhere"}
    assert (await http.post("/sandbox/run", json=unknown)).status_code == 400


async def test_the_instant_agent_stopped_and_started(
    http: httpx.AsyncClient, query: Query, dagster_plus: DagsterPlus
) -> None:
    await http.post("/sandbox/instant_agent", json={"running": False})
    await applied(query)
    assert dagster_plus.plane.deployment("prod").locations["core"].load_status == "LOADING"
    await http.post("/sandbox/instant_agent", json={"running": True})
    await loaded(query)


async def test_a_queue_that_nobody_serves_is_never_loaded(
    http: httpx.AsyncClient, query: Query
) -> None:
    await applied(query, {**CORE, "agent_queue": "gpu"})
    (entry,) = (await query(LOCATIONS))["workspaceOrError"]["locationEntries"]
    assert entry["loadStatus"] == "LOADING"
    await http.post("/sandbox/instant_agent", json={"queues": ["gpu"]})
    await loaded(query)


async def test_a_wrong_fault_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/sandbox/faults", json={"requests": [{"kind": "explode"}]})
    assert answer.status_code == 400
    assert "kind" in answer.text


async def test_the_page_shows_locations_and_escapes_what_they_say(
    http: httpx.AsyncClient, query: Query
) -> None:
    await applied(query, {**CORE, "image": "<script>"})
    await loaded(query)
    page = (await http.get("/prod/locations")).text
    assert "core: Loaded" in page
    assert "<script>" not in page
    assert "core: Loaded" in (await http.get("/prod/locations/core")).text
    assert "No code locations" in (await http.get("/staging/locations")).text
    assert (await http.get("/nowhere/locations")).status_code == 404
