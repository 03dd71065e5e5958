"""Serverless in the control plane: judged by the unmodified CLI, and by the agent's boto3."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from sandbox.dagster_plus.faults import RequestFault
from sandbox.dagster_plus.instant_agent import InstantAgentSettings
from sandbox.dagster_plus.server import DagsterPlus, start_dagster_plus
from sandbox.dagster_plus.serverless import (
    PexStoreSettings,
    RegistryInfo,
    Serverless,
    agent_environment,
)
from tests.support.pex import write_project

RunCli = Callable[..., Awaitable[tuple[int, str]]]

URLS = """mutation ($names: [String!]!) {{
  generateServerlessPexUrl(filenames: $names, method: {method}) {{ url }}
}}"""


@pytest.fixture
async def dagster_plus(tmp_path: Path) -> AsyncIterator[DagsterPlus]:
    registry = RegistryInfo("registry.example.com/acme", "AWS", "s3cret:with-colon")
    started = await start_dagster_plus(
        instant_agent=InstantAgentSettings(),
        serverless=Serverless(tmp_path / "pex", ("prod",), registry),
    )
    yield started
    await started.close()


async def url_for(http: httpx.AsyncClient, method: str, name: str) -> str:
    body = {"query": URLS.format(method=method), "variables": {"names": [name]}}
    answer = (await http.post("/prod/graphql", json=body)).json()
    url: str = answer["data"]["generateServerlessPexUrl"][0]["url"]
    return url


async def ask(http: httpx.AsyncClient, deployment: str, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = (
        await http.post(f"/{deployment}/graphql", json={"query": text})
    ).json()
    return answer


async def test_agent_type_is_that_of_each_deployment(http: httpx.AsyncClient) -> None:
    text = "{ currentDeployment { agentType } }"
    prod, staging = await ask(http, "prod", text), await ask(http, "staging", text)
    assert prod["data"]["currentDeployment"]["agentType"] == "SERVERLESS"
    assert staging["data"]["currentDeployment"]["agentType"] == "HYBRID"


async def test_only_a_serverless_deployment_has_a_registry_and_takes_files(
    http: httpx.AsyncClient,
) -> None:
    text = "{ serverless { registryUrl awsAuthToken registryIsHarbor awsRegion } }"
    assert (await ask(http, "prod", text))["data"]["serverless"] == {
        "registryUrl": "registry.example.com/acme",
        "awsAuthToken": "QVdTOnMzY3JldDp3aXRoLWNvbG9u",
        "registryIsHarbor": False,
        "awsRegion": "us-west-2",
    }
    assert (await ask(http, "staging", text))["data"]["serverless"] is None
    body = {"query": URLS.format(method="PUT"), "variables": {"names": ["deps-1.pex"]}}
    assert "errors" in (await http.post("/staging/graphql", json=body)).json()


async def test_an_address_is_good_for_its_file_and_its_method_until_it_expires(
    dagster_plus: DagsterPlus, http: httpx.AsyncClient
) -> None:
    put, get = await url_for(http, "PUT", "deps-1.pex"), await url_for(http, "GET", "deps-1.pex")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as anybody:
        missing = await anybody.get(get)
        assert (missing.status_code, "NoSuchKey" in missing.text) == (404, True)
        assert (await anybody.put(put, content=b"0123456789")).status_code == 200
        part = await anybody.get(get, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")

        for wrong in (
            anybody.put(get, content=b"x"),
            anybody.get(put),
            anybody.head(get),
            anybody.put(put.replace("deps-1.pex", "deps-2.pex"), content=b"x"),
            anybody.put(put.replace("X-Expires=", "X-Expires=9"), content=b"x"),
        ):
            assert (await wrong).status_code == 403

        assert dagster_plus.plane.pex is not None
        dagster_plus.plane.pex.settings = PexStoreSettings(url_lifetime=-1)
        expired = await anybody.put(await url_for(http, "PUT", "deps-1.pex"), content=b"new")
        assert (expired.status_code, "Request has expired" in expired.text) == (403, True)
        assert (dagster_plus.plane.pex.folder / "deps-1.pex").read_bytes() == b"0123456789"


async def test_a_file_of_unknown_length_or_with_a_fault_is_not_kept(
    dagster_plus: DagsterPlus, http: httpx.AsyncClient
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"0123456789"

    put = await url_for(http, "PUT", "deps-1.pex")
    store = dagster_plus.plane.pex
    assert store is not None
    async with httpx.AsyncClient(trust_env=False, timeout=60) as anybody:
        assert (await anybody.put(put, content=chunks())).status_code == 411
        dagster_plus.plane.faults.requests.append(RequestFault(operation="pex_put", kind="status"))
        assert (await anybody.put(put, content=b"x")).status_code == 503
        assert not (store.folder / "deps-1.pex").exists()
        assert (await anybody.put(put, content=b"x")).status_code == 200
        assert store.as_json()["files"] == ["deps-1.pex"]


async def test_boto3_fetches_what_was_put(
    dagster_plus: DagsterPlus,
    http: httpx.AsyncClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The function with which the agent itself fetches a file, over boto3 and its signed requests.
    from dagster_cloud.pex.grpc.server.registry import _download_from_s3  # noqa: PLC0415

    content = bytes(range(256)) * 65536  # two parts of boto3's multipart download
    async with httpx.AsyncClient(trust_env=False, timeout=60) as anybody:
        put = await url_for(http, "PUT", "deps-1.pex")
        assert (await anybody.put(put, content=content)).status_code == 200
    for key, value in agent_environment(dagster_plus.url, tmp_path).items():
        monkeypatch.setenv(key, value)

    await asyncio.to_thread(_download_from_s3, "deps-1.pex", str(tmp_path / "fetched"))

    assert (tmp_path / "fetched").read_bytes() == content
    stranger = {"Authorization": "AWS4-HMAC-SHA256 Credential=SOMEBODYELSE/20260101/x"}
    async with httpx.AsyncClient(trust_env=False, headers=stranger, timeout=60) as other:
        assert (await other.get(put.partition("?")[0])).status_code == 403


@pytest.mark.proof
@pytest.mark.timeout(1800)
async def test_the_cli_deploys_a_python_executable(
    dagster_plus: DagsterPlus, run_serverless: RunCli, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "shop")

    code, output = await run_serverless(
        *("deploy-python-executable", str(project), "--location-name", "shop"),
        *("--module-name", "shop.definitions", "--build-method", "local"),
    )

    assert code == 0, output
    location = dagster_plus.plane.deployment("prod").locations["shop"]
    pex = location.document["pex_metadata"]
    assert pex["python_version"] == "3.11"
    deps, source = pex["pex_tag"].removeprefix("files=").split(":")
    assert (deps.startswith("deps-"), source.startswith("source-")) == (True, True)
    store = dagster_plus.plane.pex
    assert store is not None
    assert store.as_json()["files"] == [deps, source]
    with ZipFile(store.folder / source) as files:
        assert "working_directory/root/shop/definitions.py" in files.namelist()
