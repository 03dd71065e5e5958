"""Three hundred waiters share requests, and none gets an answer older than its question."""

import asyncio

import httpx
import pytest

from deploy_core.dagster_plus.single_flight import SingleFlight
from deploy_core.model.errors import ServerError
from tests.dagster_plus.support import answer, client_on


class Counter:
    """Work that says its number and ends when it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.let_go = asyncio.Semaphore(0)
        self.started = asyncio.Event()
        self.two_at_once = asyncio.Event()

    async def __call__(self, key: str) -> int:
        self.begun.append(key)
        number = len(self.begun)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.started.set()
        if self.at_once == 2:
            self.two_at_once.set()
        await self.let_go.acquire()
        self.at_once -= 1
        return number


async def test_those_who_come_before_it_begins_share_it() -> None:
    work = Counter()
    flight = SingleFlight(work)
    work.let_go.release()
    assert await asyncio.gather(*(flight.get("a") for _ in range(300))) == [1] * 300


async def test_those_who_come_later_share_the_next() -> None:
    work = Counter()
    flight = SingleFlight(work)
    first = asyncio.create_task(flight.get("a"))
    await work.started.wait()
    late = [asyncio.create_task(flight.get("a")) for _ in range(300)]
    await asyncio.sleep(0)
    for _ in range(2):
        work.let_go.release()
    assert await first == 1
    assert set(await asyncio.gather(*late)) == {2}
    assert (len(work.begun), work.most_at_once) == (2, 1)


async def test_keys_do_not_wait_for_each_other() -> None:
    work = Counter()
    flight = SingleFlight(work)
    both = asyncio.gather(flight.get("a"), flight.get("b"))
    await work.two_at_once.wait()
    for _ in range(2):
        work.let_go.release()
    assert sorted(await both) == [1, 2]


async def test_a_cancelled_caller_leaves_the_call_to_the_others() -> None:
    work = Counter()
    flight = SingleFlight(work)
    leaves, stays = (asyncio.create_task(flight.get("a")) for _ in range(2))
    await work.started.wait()
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    work.let_go.release()
    assert await stays == 1


async def test_an_error_reaches_everybody_and_the_next_call_is_made() -> None:
    calls = []

    async def work(key: str) -> str:
        calls.append(key)
        if len(calls) == 1:
            raise ServerError("no")
        return "yes"

    flight = SingleFlight(work)
    results = await asyncio.gather(*(flight.get("a") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [ServerError] * 3
    assert await flight.get("a") == "yes"


async def test_close_ends_what_runs_and_what_waits() -> None:
    work = Counter()
    flight = SingleFlight(work)
    running = asyncio.create_task(flight.get("a"))
    await work.started.wait()
    waiting = asyncio.create_task(flight.get("a"))
    await asyncio.sleep(0)
    await flight.close()
    for task in (running, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    work.let_go.release()
    assert await flight.get("a") == 2, "usable again: nothing was left behind"


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
