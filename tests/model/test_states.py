"""The table of moves, the state of a whole deploy, the plan's digest."""

import itertools

import pytest

from deploy_core.model.errors import IllegalMove
from deploy_core.model.states import (
    ALLOWED_MOVES,
    ENDED,
    GOOD_ENDS,
    HOLDS_THE_TARGET,
    DeployState,
    TargetState,
    check_move,
    deploy_state,
)
from tests.support.plans import plan, target

S = TargetState
GOOD = {S.VERIFIED, S.UNPROVEN, S.UNCHANGED}
ENDS_OF_A_RUN = GOOD | {S.FAILED, S.CANCELLED, S.SUPERSEDED, S.NEEDS_HUMAN}
TABLE = {
    S.PLANNED: {S.QUEUED, S.CANCELLED, S.EXPIRED},
    S.QUEUED: {S.RUNNING, S.CANCELLED},
    S.RUNNING: ENDS_OF_A_RUN | {S.PUTTING_BACK},
    S.PUTTING_BACK: {S.PUT_BACK, S.SUPERSEDED, S.NEEDS_HUMAN},
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(S, S)))
def test_only_the_moves_of_the_table_are_allowed(before: S, after: S) -> None:
    if after in TABLE.get(before, set()):
        check_move(before, after)
    else:
        with pytest.raises(IllegalMove):
            check_move(before, after)


def test_every_state_can_be_reached_and_every_way_ends() -> None:
    reached, looked = {S.PLANNED}, set[S]()
    while reached - looked:
        state = (reached - looked).pop()
        looked.add(state)
        reached |= ALLOWED_MOVES[state]
    assert reached == set(S)
    assert set(S) - set(TABLE) == ENDED
    assert GOOD_ENDS < ENDED
    assert not HOLDS_THE_TARGET & ENDED


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([S.PLANNED, S.PLANNED], DeployState.PLANNED),
        ([S.PLANNED, S.CANCELLED], DeployState.PLANNED),
        ([S.QUEUED], DeployState.QUEUED),
        ([S.QUEUED, S.CANCELLED], DeployState.QUEUED),
        ([S.QUEUED, S.RUNNING], DeployState.RUNNING),
        ([S.UNCHANGED, S.VERIFIED], DeployState.SUCCEEDED),
        ([S.UNCHANGED, S.FAILED], DeployState.PARTLY),
        ([S.VERIFIED, S.QUEUED], DeployState.RUNNING),
        ([S.PUTTING_BACK, S.NEEDS_HUMAN], DeployState.RUNNING),
        ([S.VERIFIED, S.UNPROVEN], DeployState.SUCCEEDED),
        ([S.VERIFIED, S.PUT_BACK], DeployState.PARTLY),
        ([S.VERIFIED, S.CANCELLED], DeployState.PARTLY),
        ([S.CANCELLED, S.CANCELLED], DeployState.CANCELLED),
        ([S.CANCELLED, S.EXPIRED], DeployState.EXPIRED),
        ([S.CANCELLED, S.FAILED], DeployState.FAILED),
        ([S.PUT_BACK, S.SUPERSEDED], DeployState.FAILED),
        ([S.VERIFIED, S.NEEDS_HUMAN], DeployState.NEEDS_HUMAN),
    ],
)
def test_the_state_of_a_deploy(states: list[S], expected: DeployState) -> None:
    assert deploy_state(states) is expected
    assert deploy_state(states[::-1]) is expected


def test_the_digest_is_over_what_would_be_sent() -> None:
    shown = plan("core", "marts")
    other = target("core", {"location_name": "core", "image": "a:1"})
    assert shown.digest == plan("core", "marts").digest
    risky = shown.targets[0].model_copy(update={"risks": ("No agent.",), "ref": "other"})
    same = shown.model_copy(update={"targets": (risky, *shown.targets[1:])})
    assert same.digest == shown.digest
    changed = shown.model_copy(update={"targets": (other, *shown.targets[1:])})
    different = [changed, plan("core"), plan("core", "marts", deployment="staging")]
    assert len({shown.digest, *(each.digest for each in different)}) == 4
