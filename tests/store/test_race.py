"""Eight processes on one database want the same targets at the same moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy_core.model.states import DeployState, TargetState
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA, GRACE, plan, request

PROCESSES = 8
ON_SQLITE = 3


@pytest.fixture
async def stores(address: str, clock: ManualClock) -> AsyncIterator[list[Store]]:
    """One database, and as many processes' own connections to it. SQLite has no waiting line for
    writers, which is why the program has one worker there, beside a command line or two."""
    processes = PROCESSES if address.startswith("postgresql") else ON_SQLITE
    opened = [await Store.open(address, clock) for _ in range(processes)]
    yield opened
    for store in opened:
        await store.close()


async def test_deploys_of_one_target_never_run_at_the_same_time(stores: list[Store]) -> None:
    """Many deploys of `core`, half of them by the same person, and of `marts` beside it: each is
    run once, in the order of coming, and those of the other target don't wait for them."""
    made = await asyncio.gather(
        *(
            store.deploys.create(plan(where), request(where, actor=by))
            for store in stores
            for where, by in (("core", ADA), ("core", GRACE), ("marts", ADA))
        )
    )
    running: set[str] = set()
    order: dict[str, list[int]] = {"core": [], "marts": []}
    beside = asyncio.Event()

    async def work(store: Store) -> None:
        while sum(len(ran) for ran in order.values()) < len(made):
            claims = await store.work.claim(store.process, most=1)
            if not claims:
                await asyncio.sleep(0.02)  # as a worker does; SQLite has no waiting line of its own
            for claim in claims:
                assert claim.location not in running, "two at the same time"
                running.add(claim.location)
                if len(running) == 2:
                    beside.set()
                order[claim.location].append(claim.target_id)
                await store.work.hold(claim)
                await beside.wait()  # the first one, for the other target
                running.remove(claim.location)
                await store.work.move(claim, TargetState.VERIFIED)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(store) for store in stores))
    for ran in order.values():
        assert ran == sorted(set(ran)), "in the order of coming, each once"
    assert len(order["core"]) == 2 * len(stores)
    assert len(order["marts"]) == len(stores)
    assert {(await stores[0].deploys.get(number)).state for number in made} == {
        DeployState.SUCCEEDED
    }


async def test_the_same_command_in_several_processes_is_one_deploy(stores: list[Store]) -> None:
    taken = await asyncio.gather(*(store.inbox.take("command 1") for store in stores))
    assert sum(taken) == 1
    made = await asyncio.gather(
        *(store.deploys.create(plan(), request(), origin="command 1") for store in stores),
        return_exceptions=True,
    )
    assert {each for each in made if isinstance(each, int)} == {1}
    assert len(await stores[0].deploys.recent()) == 1
