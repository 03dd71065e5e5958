"""Who holds a lease, whatever the machine's clock says; and who works on an SQLite file."""

import asyncio
import sys
from datetime import timedelta

import pytest

from deploy_core.clock import SystemClock
from deploy_core.model.errors import AnotherWorker, LeaseLost
from deploy_core.store.leases import LEASE
from deploy_core.store.store import Store
from tests.support.clock import NOON, ManualClock
from tests.support.plans import plan, request

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_setting_the_clock_neither_ends_nor_prolongs_a_lease(
    store: Store, other: Store, clock: ManualClock, jump: timedelta
) -> None:
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("one", most=1)
    clock.set_wall(NOON + jump)
    await store.work.hold(claim)
    assert await other.work.claim("two", most=1) == []
    await clock.advance(LEASE.total_seconds())
    with pytest.raises(LeaseLost):
        await store.work.hold(claim)
    (taken,) = await other.work.claim("two", most=1)
    assert taken.fence == claim.fence + 1


async def test_a_change_that_comes_too_late_for_its_lease_is_not_sent(
    store: Store, clock: ManualClock
) -> None:
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("one", most=1)
    until = await store.work.hold(claim)
    store.work.require_time(claim, until, 20)
    await clock.advance(11)
    with pytest.raises(LeaseLost, match="slept"):
        store.work.require_time(claim, until, 20)


async def test_replicas_whose_clocks_differ_agree_on_the_end_of_a_lease(
    postgres_database: str,
) -> None:
    """One clock is ten minutes behind: without the database's time it would never take over, and
    the other would take from it at once."""

    class Behind(SystemClock):
        def __init__(self) -> None:
            super().__init__()
            self._began -= 600

    lease = timedelta(seconds=1)
    right = await Store.open(postgres_database, SystemClock(), lease=lease, database_time=True)
    behind = await Store.open(postgres_database, Behind(), lease=lease, database_time=True)
    try:
        for store in (right, behind):
            await store.work.enlist(store.process, "bot")
        await right.deploys.create(plan("core", "marts"), request())
        (core,) = await right.work.claim("right", most=1)
        (marts,) = await behind.work.claim("behind", most=1)
        assert await behind.work.claim("behind", most=1) == []
        assert await right.work.claim("right", most=1) == []
        taken = set[int]()
        async with asyncio.timeout(30):
            # Nobody tells us when the time of the database has come.
            while taken != {core.target_id, marts.target_id}:
                taken |= {each.target_id for each in await behind.work.claim("behind", most=2)}
                await asyncio.sleep(0.05)
        with pytest.raises(LeaseLost):
            await right.work.hold(core)
        with pytest.raises(LeaseLost):
            await behind.work.hold(marts)
    finally:
        await right.close()
        await behind.close()


_WORKER = """
import asyncio, sys
from deploy_core.clock import SystemClock
from deploy_core.store.store import Store

async def work():
    store = await Store.open(sys.argv[1], SystemClock())
    await store.work.enlist("first", "bot")
    await store.work.claim("first", most=1)
    print("works", flush=True)
    await asyncio.sleep(60)

asyncio.run(work())
"""


async def test_on_sqlite_a_killed_process_is_followed_at_once(tmp_path: object) -> None:
    path = f"{tmp_path}/store.sqlite"
    store = await Store.open(path, SystemClock())
    try:
        await store.deploys.create(plan("core"), request())
        first = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _WORKER, path), stdout=asyncio.subprocess.PIPE
        )
        assert first.stdout is not None
        assert await first.stdout.readline() == b"works\n"
        with pytest.raises(AnotherWorker, match="bot first"):
            await store.work.enlist("second", "bot")
        assert await store.work.claim("second", most=1) == []
        first.kill()
        await first.wait()
        await store.work.enlist("second", "bot")
        assert len(await store.work.claim("second", most=1)) == 1
    finally:
        await store.close()
