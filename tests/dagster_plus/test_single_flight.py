"""Three hundred waiters share one request."""

import asyncio

import httpx

from tests.dagster_plus.support import answer, client_on


async def test_the_client_shares_its_states() -> None:
    requests: list[httpx.Request] = []
    workspace = {"workspaceOrError": {"__typename": "Workspace", "locationEntries": []}}

    async def wire(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        await asyncio.sleep(0)
        return answer({"data": workspace})

    client = client_on(wire)
    await asyncio.gather(*(client.location_states("prod") for _ in range(300)))
    assert len(requests) == 1
    await client.location_states("prod")
    assert len(requests) == 2


async def test_whatever_is_asked_for_a_whole_deployment_is_shared() -> None:
    requests: list[str] = []
    data = {"agents": [], "locationsAsDocument": {"document": {"locations": []}}}

    async def wire(request: httpx.Request) -> httpx.Response:
        requests.append(request.url.path)
        await asyncio.sleep(0)
        return answer({"data": {**data, "workspace": {"workspaceEntries": []}}})

    client = client_on(wire)
    await asyncio.gather(
        *(client.agents("prod") for _ in range(50)),
        *(client.documents("prod") for _ in range(50)),
        *(client.deployed("prod") for _ in range(50)),
        *(client.deployed("staging") for _ in range(50)),
    )
    assert len(requests) == 4, "one a question and deployment"
    await client.deployed("prod")
    assert len(requests) == 5
