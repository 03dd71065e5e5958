"""The agent's endpoints, spoken to in Dagster's own stored forms."""

import json
import zlib

import httpx
import pytest
from dagster._serdes import deserialize_value, serialize_value, unpack_value
from dagster_cloud.api.dagster_cloud_api import (
    CheckSnapshotResult,
    DagsterCloudUploadWorkspaceEntry,
    DagsterCloudUploadWorkspaceResponse,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, GitMetadata, PexMetadata
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes.objects.models.defs_state_info import DefsKeyStateInfo, DefsStateInfo

from sandbox.dagster_plus.documents import serialized_deployment_metadata
from sandbox.dagster_plus.server import DagsterPlus

DOCUMENT = {
    "location_name": "core",
    "code_source": {"module_name": "core.definitions"},
    "image": "core:1",
    "working_directory": "core",
    "agent_queue": "gpu",
    "git": {"commit_hash": "abc", "url": "https://example.com/abc", "provider": "github"},
    "container_context": {"k8s": {"namespace": "data"}},
    "pex_metadata": {"pex_tag": "files=deps.pex:source.pex"},
    "defs_state_info": {"info_mapping": {"dbt": {"version": "3", "create_timestamp": 1.5}}},
}
DEPLOY_DATA = CodeLocationDeployData(
    module_name="core.definitions",
    image="core:1",
    working_directory="core",
    agent_queue="gpu",
    git_metadata=GitMetadata("abc", "https://example.com/abc", provider="github"),
    container_context={"k8s": {"namespace": "data"}},
    pex_metadata=PexMetadata("files=deps.pex:source.pex"),
    defs_state_info=DefsStateInfo(
        info_mapping={"dbt": DefsKeyStateInfo(version="3", create_timestamp=1.5)}
    ),
)


@pytest.fixture
def agent(http: httpx.AsyncClient, dagster_plus: DagsterPlus) -> httpx.AsyncClient:
    """A client as an agent that works for `prod`."""
    http.headers["Dagster-Cloud-Api-Token"] = dagster_plus.tokens.agent
    http.headers["Dagster-Cloud-Deployment"] = "prod"
    return http


def test_the_agent_reads_our_documents_as_dagster_means_them() -> None:
    serialized = serialized_deployment_metadata(DOCUMENT)
    assert deserialize_value(serialized, CodeLocationDeployData) == DEPLOY_DATA
    assert json.loads(serialized) == json.loads(serialize_value(DEPLOY_DATA))


async def test_the_older_upload_of_an_error(
    agent: httpx.AsyncClient, dagster_plus: DagsterPlus
) -> None:
    prod = dagster_plus.plane.deployment("prod")
    dagster_plus.plane.apply(prod, [DOCUMENT])
    dagster_plus.plane.entries_for_agent(prod, ["gpu"])
    inner = SerializableErrorInfo("KeyError: 'x'\n", ["frame 2"], "KeyError")
    error = SerializableErrorInfo("ValueError: bad\n", ["frame 1"], "ValueError", cause=inner)
    entry = DagsterCloudUploadWorkspaceEntry(
        location_name="core",
        code_location_deploy_data=DEPLOY_DATA,
        upload_location_data=None,
        serialized_error_info=error,
    )
    packed = zlib.compress(serialize_value(entry).encode())

    answer = await agent.put("/upload_workspace_entry", files={"workspace_entry.tmp": packed})

    assert deserialize_value(answer.text, DagsterCloudUploadWorkspaceResponse).updated
    shown = prod.locations["core"].location_entry()["locationOrLoadError"]
    assert (shown["message"], shown["stack"], shown["className"]) == (
        "ValueError: bad\n",
        ["frame 1"],
        "ValueError",
    )
    assert [link["error"]["message"] for link in shown["errorChain"]] == ["KeyError: 'x'\n"]


async def test_a_snapshot_is_asked_for_once(agent: httpx.AsyncClient) -> None:
    text = '{"name": "__repository__"}'
    wanted = {"type": "repository", "sha1": "5e1f", "size": str(len(text)), "formats": "json.gz"}
    first = unpack_value(
        (await agent.get("/check_snapshot", params=wanted)).json(), CheckSnapshotResult
    )
    assert first.stored_snapshot is None
    assert first.upload_data is not None
    put = await agent.put(first.upload_data.presigned_put_url, content=zlib.compress(text.encode()))
    assert put.status_code == 200

    second = unpack_value(
        (await agent.get("/check_snapshot", params=wanted)).json(), CheckSnapshotResult
    )
    assert second.upload_data is None
    assert second.stored_snapshot is not None
    assert second.stored_snapshot.decompressed_size == len(text)


@pytest.mark.parametrize("path", ["/confirm_upload", "/code_location_update_result"])
async def test_a_users_token_may_not_report(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.put(path, json={})).status_code == 403
