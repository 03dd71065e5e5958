"""Logs of builds are kept by target, for any process, and for a while."""

from deploy_core.store.build_logs import KEEP
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import plan, request


async def test_the_last_log_of_each_target_is_kept_until_it_is_old(
    store: Store, clock: ManualClock
) -> None:
    deploy = await store.deploys.create(plan("core", "marts"), request())
    core, marts = await store.work.claim("w", most=10)
    await store.build_logs.keep(core.target_id, "first\n")
    await store.build_logs.keep(core.target_id, "second\n")
    assert await store.build_logs.of_deploy(deploy) == {0: "second\n"}
    await store.build_logs.keep(marts.target_id, "other\n")
    assert await store.build_logs.of_deploy(deploy) == {0: "second\n", 1: "other\n"}
    assert await store.build_logs.forget_old() == 0
    await clock.advance(KEEP.total_seconds() + 1)
    assert await store.build_logs.forget_old() == 2
    assert await store.build_logs.of_deploy(deploy) == {}
