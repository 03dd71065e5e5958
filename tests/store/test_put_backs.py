"""Which locations could not be put back, whatever the clocks say."""

from datetime import timedelta

from deploy_core.model.deploys import Failure
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import plan, request

WHY = Failure(reason="load_failed", summary="core doesn't load.", next_step="Mend it.")


async def ended(store: Store, *moves: TargetState, why: Failure | None = None) -> int:
    """Let a deploy of core run through these states."""
    deploy = await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.APPLY)
    for move in moves:
        last = move is moves[-1]
        await store.work.move(claim, move, put_back_failure=why if last else None)
    return deploy


async def failed(store: Store) -> int:
    return await ended(store, TargetState.PUTTING_BACK, TargetState.NEEDS_HUMAN, why=WHY)


async def test_a_put_back_that_failed_is_known_until_something_is_seen_live(
    store: Store, clock: ManualClock
) -> None:
    await ended(store, TargetState.VERIFIED)
    assert await store.put_backs.failed("prod", ["core", "marts"]) == {}
    await failed(store)
    clock.set_wall(clock.now() - timedelta(hours=1))
    last = await failed(store)
    assert await store.put_backs.failed("prod", ["core", "marts"]) == {"core": last}
    assert await store.put_backs.failed("prod", ["marts"]) == {}
    assert await store.put_backs.failed("staging", ["core"]) == {}
    for unseen in (TargetState.FAILED, TargetState.SUPERSEDED, TargetState.NEEDS_HUMAN):
        await ended(store, unseen)
        assert await store.put_backs.failed("prod", ["core"]) == {"core": last}
    await ended(store, TargetState.PUTTING_BACK, TargetState.PUT_BACK)
    assert await store.put_backs.failed("prod", ["core"]) == {}
    again = await failed(store)
    assert await store.put_backs.failed("prod", ["core"]) == {"core": again}
    await ended(store, TargetState.UNPROVEN)
    assert await store.put_backs.failed("prod", ["core"]) == {}
