"""What was removed is kept once, and found again by its name."""

from deploy_core.model.plan import Document
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA, GRACE, plan, request, target

FIRST: Document = {"location_name": "shop", "code_source": {"module_name": "shop"}}
SECOND: Document = {**FIRST, "image": "a:2"}


async def test_the_last_one_counts(store: Store, clock: ManualClock) -> None:
    assert await store.removals.last("prod", "shop") is None
    await store.removals.keep("prod", "shop", FIRST, ADA)
    between = clock.now()
    await clock.advance(60)
    await store.removals.keep("prod", "shop", SECOND, GRACE)
    await store.removals.keep("staging", "core", FIRST, ADA)
    last = await store.removals.last("prod", "shop")
    assert last is not None
    assert (last.document, last.by, last.at) == (SECOND, GRACE, clock.now())
    assert await store.removals.names("prod") == ("shop",)
    assert await store.removals.since("prod", between) == {"shop"}
    await clock.advance(60)
    assert await store.removals.since("prod", clock.now()) == set()


async def test_the_same_payload_is_kept_once(store: Store) -> None:
    for document in (FIRST, SECOND):
        await store.removals.keep("prod", "shop", document, ADA, origin="form:1")
    found = await store.removals.made_from("form:1")
    assert found is not None
    assert found.document == FIRST
    assert await store.removals.made_from("form:2") is None


async def test_what_was_sent_before_is_forgotten(store: Store) -> None:
    document = target("core").document
    assert await store.deploys.create(plan(), request()) == 1
    await store.applied.sent("prod", "core", 1, document)
    await store.applied.verified("prod", "core", 1, document)
    await store.removals.forget_applied("prod", "core")
    assert await store.applied.file_document("prod", "core") is None
    assert await store.applied.verified_document("prod", "core") is None


async def test_what_the_files_said_is_told_of_a_whole_deployment(store: Store) -> None:
    core = target("core").document
    assert await store.deploys.create(plan(), request()) == 1
    await store.applied.sent("prod", "core", 1, core)
    await store.applied.sent("prod", "by-hand", 1, None)
    await store.applied.sent("staging", "core", 1, {**core, "attribute": "other"})
    assert await store.applied.file_documents("prod") == {"core": core}
