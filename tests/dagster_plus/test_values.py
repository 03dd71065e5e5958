"""Good answers become values; what is sent is what Dagster+ expects."""

import json
from datetime import UTC, datetime
from typing import Any

from deploy_core.dagster_plus.values import AgentStatus, Deployed, DeploymentInfo, LocationState
from deploy_core.model.python_error import ChainedError, PythonError
from tests.dagster_plus.support import (
    DOCUMENT,
    NO_AGENTS,
    PUT_DONE,
    TOKEN,
    Wire,
    answer,
    client_on,
    python_error,
)


def _entry(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "loadStatus": "LOADED",
        "updatedTimestamp": 5,
        "versionKey": "v1",
        "displayMetadata": [{"key": "image", "value": f"r/{name}@sha256:1"}],
        "locationOrLoadError": {"__typename": "RepositoryLocation"},
        **more,
    }


async def test_location_states_tell_loading_and_failed_apart() -> None:
    entries = [
        _entry("good"),
        _entry("broken", locationOrLoadError={"__typename": "PythonError"}, displayMetadata=[]),
        _entry(
            "new",
            loadStatus="LOADING",
            locationOrLoadError=None,
            updatedTimestamp=None,
            versionKey=None,
            displayMetadata=[],
        ),
    ]
    workspace = {"__typename": "Workspace", "locationEntries": entries}
    client = client_on(Wire(answer({"data": {"workspaceOrError": workspace}})))

    assert await client.location_states("prod") == {
        "good": LocationState("good", False, False, 5.0, "v1", "r/good@sha256:1"),
        "broken": LocationState("broken", False, True, 5.0, "v1", None),
        "new": LocationState("new", True, False, None, None, None),
    }


async def test_location_error_has_the_whole_chain() -> None:
    chain = [{"isExplicitLink": False, "error": {"message": "OSError: no", "stack": ["f"]}}]
    entry = {
        "__typename": "WorkspaceLocationEntry",
        "locationOrLoadError": python_error(errorChain=chain),
    }
    wire = Wire(answer({"data": {"workspaceLocationEntryOrError": entry}}))
    client = client_on(wire)

    assert await client.location_error("prod", "core") == PythonError(
        message="KeyError: 'X'\n",
        stack=("  File a\n",),
        chain=(ChainedError(message="OSError: no", stack=("f",), is_explicit=False),),
    )
    assert wire.sent["variables"] == {"name": "core"}


async def test_no_location_error_where_it_loaded_or_is_not_there() -> None:
    loaded = {
        "__typename": "WorkspaceLocationEntry",
        "locationOrLoadError": {"__typename": "RepositoryLocation"},
    }
    for entry in (loaded, None):
        client = client_on(Wire(answer({"data": {"workspaceLocationEntryOrError": entry}})))
        assert await client.location_error("prod", "core") is None


async def test_documents_come_by_name_and_unchanged() -> None:
    holder = {"document": {"locations": [DOCUMENT, {"location_name": "b", "image": None}]}}
    client = client_on(Wire(answer({"data": {"locationsAsDocument": holder}})))
    assert await client.documents("prod") == {
        "core": DOCUMENT,
        "b": {"location_name": "b", "image": None},
    }


async def test_deployed_reads_the_stored_metadata() -> None:
    metadata: dict[str, Any] = {
        "__class__": "CodeDeploymentMetadata",
        "image": "r/core:1",
        "agent_queue": "eu",
        "git_metadata": {"__class__": "GitMetadata", "commit_hash": "abc", "url": "https://g/x"},
        "pex_metadata": {"__class__": "PexMetadata", "pex_tag": "files=a.pex"},
    }
    entries = [{"locationName": "core", "serializedDeploymentMetadata": json.dumps(metadata)}]
    client = client_on(Wire(answer({"data": {"workspace": {"workspaceEntries": entries}}})))
    assert await client.deployed("prod") == {
        "core": Deployed("core", "r/core:1", "abc", "https://g/x", "files=a.pex", "eu", metadata)
    }


async def test_agents() -> None:
    agent = {
        "id": "1",
        "agentLabel": "eu",
        "status": "RUNNING",
        "lastHeartbeatTime": 1772366400.0,
        "metadata": [
            {"key": "version", "value": "1.13.27"},
            {"key": "type", "value": "K8sUserCodeLauncher"},
            {"key": "queues", "value": '["eu", null]'},
        ],
        "errors": [{"error": {"message": "boom"}}],
    }
    bare = {**agent, "status": "NOT_RUNNING", "lastHeartbeatTime": None, "agentLabel": None}
    bare |= {"metadata": [], "errors": []}
    client = client_on(Wire(answer({"data": {"agents": [agent, bare]}})))
    heartbeat = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert await client.agents("prod") == [
        AgentStatus(
            "1", "eu", True, heartbeat, ("eu",), "1.13.27", "K8sUserCodeLauncher", ("boom",)
        ),
        AgentStatus("1", None, False, None, None, None, None, ()),
    ]


async def test_queues_in_other_forms() -> None:
    forms: dict[str, tuple[str, ...] | None] = {
        "[]": (),
        "eu, us-1": ("eu", "us-1"),
        "null": None,
        "{}": None,
        "[1]": None,
        "['eu']": None,
    }
    for text, expected in forms.items():
        agent = {
            "id": "1",
            "agentLabel": None,
            "status": "RUNNING",
            "lastHeartbeatTime": None,
            "metadata": [{"key": "queues", "value": text}],
            "errors": [],
        }
        client = client_on(Wire(answer({"data": {"agents": [agent]}})))
        assert (await client.agents("prod"))[0].queues == expected, text


async def test_deployments_are_asked_of_the_organisation() -> None:
    found = {
        "deploymentName": "prod",
        "deploymentId": 7,
        "isBranchDeployment": False,
        "agentType": "HYBRID",
    }
    wire = Wire(answer({"data": {"fullDeployments": [found]}}))
    assert await client_on(wire).deployments() == [DeploymentInfo("prod", 7, False, "HYBRID")]
    assert str(wire.requests[0].url) == "https://acme.dagster.cloud/graphql"
    assert "Dagster-Cloud-Deployment" not in wire.requests[0].headers


async def test_agent_type() -> None:
    wire = Wire(answer({"data": {"currentDeployment": {"agentType": "SERVERLESS"}}}))
    assert await client_on(wire).agent_type("prod") == "SERVERLESS"


async def test_put_location_sends_the_document_with_the_headers_of_a_deployment() -> None:
    wire = Wire(answer(PUT_DONE))
    await client_on(wire).put_location("prod", DOCUMENT)

    request = wire.requests[0]
    assert str(request.url) == "https://acme.dagster.cloud/prod/graphql"
    assert wire.sent["variables"] == {"document": DOCUMENT}
    assert wire.sent["operationName"] == "ChatopsPutLocation"
    assert request.headers["Dagster-Cloud-Api-Token"] == TOKEN
    assert request.headers["Dagster-Cloud-Deployment"] == "prod"
    assert request.headers["Dagster-Cloud-Scope"] == "deployment"
    assert request.headers["Dagster-Cloud-Version"]


async def test_delete_location() -> None:
    done = {"deleteLocation": {"__typename": "DeleteLocationSuccess", "locationName": "core"}}
    wire = Wire(answer({"data": done}))
    await client_on(wire).delete_location("prod", "core")
    assert wire.sent["variables"] == {"locationName": "core"}


async def test_every_call_is_told_to_the_observer() -> None:
    calls: list[tuple[str, str, float]] = []
    wire = Wire(answer({}, 503), answer(NO_AGENTS))
    client = client_on(wire, on_call=lambda *call: calls.append(call))
    await client.agents("prod")
    assert calls == [("ChatopsAgents", "ok", 0.5)]
