"""Code locations on their way into repositories: one at a time, each step noted once."""

from typing import Any

from deploy_core.model.proposals import Problem, ProposalRequest, ProposalState, branch_of
from deploy_core.model.pull_requests import Check, CheckState
from deploy_core.store.store import Store
from tests.support.clock import ManualClock
from tests.support.plans import ADA

S = ProposalState
STUCK = Problem(reason="host_not_allowed", summary="No.", next_step="Ask.", stuck=True)
PASSING = STUCK.model_copy(update={"stuck": False})


def request(location: str = "shop", **more: Any) -> ProposalRequest:
    values: dict[str, Any] = {
        "project": "monorepo",
        "location": location,
        "deployment": "prod",
        "entry": {"location_name": location, "code_source": {"module_name": "shop"}},
        "actor": ADA,
        "files": {"shop/new.py": "x = 1\n"},
        **more,
    }
    return ProposalRequest(**values)


async def write(store: Store, origin: str, wanted: ProposalRequest) -> Any:
    return await store.proposals.create(
        wanted,
        origin=origin,
        branch=branch_of(wanted.location, origin),
        base="main",
        updates=False,
        channel="C1",
    )


async def test_one_is_on_its_way_at_a_time(store: Store, other: Store) -> None:
    first = await write(store, "a", request())
    assert (first.id, first.state, first.request) == (1, S.NEW, request())
    assert await write(store, "a", request()) == first
    assert await write(other, "b", request(why="other")) == first
    assert (await write(store, "c", request("core"))).id != first.id
    assert await other.proposals.going("monorepo", "shop") == first
    assert await other.proposals.made_from("a") == first
    assert await other.proposals.made_from("b") is None
    assert await store.proposals.moved(first, S.DISCARDED) is not None
    assert await store.proposals.going("monorepo", "shop") is None
    assert (await write(store, "b", request())).id != first.id


async def test_a_step_is_noted_once(store: Store, other: Store, clock: ManualClock) -> None:
    first = await write(store, "a", request())
    moved = await store.proposals.moved(first, S.COMMITTED, base_sha="b", commit_sha="c")
    assert moved is not None
    assert (moved.state, moved.base_sha, moved.commit_sha) == (S.COMMITTED, "b", "c")
    assert await other.proposals.moved(first, S.COMMITTED, commit_sha="d") is None
    ended = await store.proposals.moved(moved, S.CLOSED)
    assert ended is not None
    assert (ended.goes_on, ended.ended_at) == (False, clock.now())
    assert await store.proposals.due() == []


async def test_what_hinders_it_and_until_when(store: Store, clock: ManualClock) -> None:
    first = await write(store, "a", request())
    await store.proposals.hindered(first, PASSING, 30)
    assert await store.proposals.due() == []
    await clock.advance(30)
    (due,) = await store.proposals.due()
    assert (due.problem, due.attempts) == (PASSING, 1)
    await store.proposals.hindered(due, STUCK, None)
    await clock.advance(3600)
    assert await store.proposals.due() == [], "it waits for a person"
    again = await store.proposals.unstick(due)
    assert again is not None
    assert (again.problem, again.attempts) == (None, 0)
    assert await store.proposals.due() == [again]


async def test_its_message_is_drawn_anew_when_something_is_new(store: Store) -> None:
    first = await write(store, "a", request())
    opened = await store.proposals.moved(first, S.OPEN, number=1, url="http://host/1")
    assert opened is not None
    (intent,) = await store.outbox.due()
    assert await store.outbox.take(intent)
    await store.outbox.sent(intent)
    checks = (Check(name="build", state=CheckState.GOOD, url="http://host/build"),)
    seen = await store.proposals.seen(opened, "http://host/1", checks)
    assert seen is not None
    assert (seen.checks, seen.number) == (checks, 1)
    (intent,) = await store.outbox.due()
    assert await store.outbox.take(intent)
    await store.outbox.sent(intent)
    assert await store.proposals.seen(seen, "http://host/1", checks) == seen
    assert await store.outbox.due() == [], "nothing is new"


def test_the_name_of_a_branch() -> None:
    assert branch_of("shop", "a") == branch_of("shop", "a")
    assert branch_of("shop", "a") != branch_of("shop", "b")
    for name in ("a b", "..", "x.lock", "ä/~^:?*[\\", "-", "x" * 300):
        branch = branch_of(name, "a")
        folder, _, rest = branch.partition("/")
        assert folder == "dagster-chatops"
        assert rest.startswith("add-")
        assert set(rest) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        assert len(branch) < 100
