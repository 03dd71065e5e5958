"""Who put there what is live, for a whole deployment at once."""

from deploy_core.model.deploys import StepState
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.store.history import Unchanged
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA, GRACE, plan, request


async def _send(store: Store, name: StepName, requested: str, **output: str) -> None:
    for claim in await store.work.claim("w", most=10):
        await store.work.start_step(claim, name)
        await store.work.end_step(
            claim, name, StepState.FINISHED, {"requested": requested, **output}
        )
        await store.work.move(claim, TargetState.VERIFIED)


async def test_the_last_change_of_each_location(store: Store, clock: ManualClock) -> None:
    first = await store.deploys.create(plan("core", "marts"), request())
    await _send(store, StepName.APPLY, "aaaa")
    await clock.advance(60)
    second = await store.deploys.create(plan("core"), request(actor=GRACE))
    await _send(store, StepName.APPLY, "bbbb")
    await store.deploys.create(plan("core", deployment="staging"), request(deployment="staging"))
    await _send(store, StepName.APPLY, "cccc")
    changes = await store.history.changes("prod")
    assert {name: (c.deploy, c.by, c.requested) for name, c in changes.items()} == {
        "core": (second, GRACE, "bbbb"),
        "marts": (first, ADA, "aaaa"),
    }
    assert changes["core"].at == clock.now()


async def test_what_was_refused_is_no_change(store: Store) -> None:
    await store.deploys.create(plan("core"), request())
    (claim,) = await store.work.claim("w", most=1)
    await store.work.start_step(claim, StepName.APPLY)
    await store.work.end_step(claim, StepName.APPLY, StepState.FAILED, {})
    assert await store.history.changes("prod") == {}


async def test_what_has_not_ended(store: Store) -> None:
    first = await store.deploys.create(plan("core", "marts"), request())
    second = await store.deploys.create(plan("core"), request())
    claims = await store.work.claim("w", most=10)
    await store.work.move(claims[1], TargetState.CANCELLED)
    assert await store.history.open_deploys("prod") == {"core": (first, second)}


async def test_what_a_deploy_found_unchanged(store: Store) -> None:
    await store.deploys.create(plan("core", "marts"), request())
    for claim in await store.work.claim("w", most=10):
        await store.work.start_step(claim, StepName.READ_LIVE)
        await store.work.end_step(
            claim, StepName.READ_LIVE, StepState.FINISHED, {"requested": "aaaa"}
        )
        end = TargetState.UNCHANGED if claim.location == "core" else TargetState.FAILED
        await store.work.move(claim, end)
    commit = plan("core").targets[0].version.commit
    assert await store.history.unchanged("prod") == {"core": Unchanged("core", commit, "aaaa")}
    assert await store.history.unchanged("staging") == {}
