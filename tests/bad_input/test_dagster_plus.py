"""Any answer of the control plane: a value, or a typed error; nothing else comes out."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.errors import DagsterPlusError
from tests.bad_input.spoil import spoiled
from tests.dagster_plus.support import DOCUMENT, PUT_DONE, Wire, answer, client_on, python_error

Ask = Callable[[DagsterPlus], Awaitable[Any]]

ENTRY = {
    "name": "core",
    "loadStatus": "LOADED",
    "updatedTimestamp": 5,
    "versionKey": "v1",
    "displayMetadata": [{"key": "image", "value": "r/core@sha256:1"}],
    "locationOrLoadError": {"__typename": "RepositoryLocation"},
}
CHAIN = [{"isExplicitLink": False, "error": {"message": "OSError: no", "stack": ["f"]}}]
AGENT = {
    "id": "1",
    "status": "RUNNING",
    "agentLabel": "a",
    "lastHeartbeatTime": 1.0,
    "errors": [{"timestamp": 1.0, "error": {"message": "x", "stack": []}}],
    "metadata": [{"key": "queues", "value": '["big", null]'}],
}
GOOD: dict[str, tuple[Ask, dict[str, Any]]] = {
    "states": (
        lambda client: client.location_states("prod"),
        {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [ENTRY]}},
    ),
    "error": (
        lambda client: client.location_error("prod", "core"),
        {
            "workspaceLocationEntryOrError": {
                "__typename": "WorkspaceLocationEntry",
                "locationOrLoadError": python_error(errorChain=CHAIN),
            }
        },
    ),
    "documents": (
        lambda client: client.documents("prod"),
        {"locationsAsDocument": {"document": {"locations": [DOCUMENT]}}},
    ),
    "deployed": (
        lambda client: client.deployed("prod"),
        {
            "workspace": {
                "workspaceEntries": [
                    {
                        "locationName": "core",
                        "serializedDeploymentMetadata": json.dumps({"image": "r/core:1"}),
                    }
                ]
            }
        },
    ),
    "agents": (lambda client: client.agents("prod"), {"agents": [AGENT]}),
    "put": (lambda client: client.put_location("prod", DOCUMENT), PUT_DONE["data"]),
}


def told(error: DagsterPlusError) -> None:
    assert error.reason
    assert error.summary
    assert error.next_step


async def asked(ask: Ask, content: Any, status: int) -> None:
    client = client_on(Wire(answer(content, status)))
    try:
        await ask(client)
    except DagsterPlusError as error:
        told(error)
    finally:
        await client.close()


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 400, 404, 500, 503]))
async def test_any_answer_is_a_value_or_a_typed_error(
    name: str, data: st.DataObject, status: int
) -> None:
    ask, good = GOOD[name]
    await asked(ask, data.draw(spoiled({"data": good})), status)


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=60), status=st.integers(200, 599))
async def test_any_bytes_are_a_typed_error(name: str, content: bytes, status: int) -> None:
    await asked(GOOD[name][0], content, status)


@pytest.mark.parametrize("name", GOOD)
async def test_the_good_answers_here_are_good(name: str) -> None:
    ask, good = GOOD[name]
    await ask(client_on(Wire(answer({"data": good}))))
