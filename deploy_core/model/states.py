"""The states of a deploy's targets, and the one table of moves between them."""

from enum import StrEnum

from deploy_core.model.errors import IllegalMove


class TargetState(StrEnum):
    """Where one code location of a deploy stands."""

    PLANNED = "planned"  # waits for the author's confirmation
    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"
    PUTTING_BACK = "putting_back"  # what was live before is being put back
    VERIFIED = "verified"  # seen to be loaded, and seen to be ours
    UNCHANGED = "unchanged"  # live already with the same content: nothing was sent
    UNPROVEN = "unproven"  # loaded, but Dagster+ gave no evidence which version it is
    PUT_BACK = "put_back"  # failed; what was live before is live again, verified
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # nobody confirmed the plan in time
    SUPERSEDED = "superseded"  # somebody else changed the location meanwhile
    NEEDS_HUMAN = "needs_human"


_S = TargetState

# A move that isn't here never happens: `check_move` is called in every transaction that moves.
ALLOWED_MOVES: dict[TargetState, frozenset[TargetState]] = {
    _S.PLANNED: frozenset({_S.QUEUED, _S.CANCELLED, _S.EXPIRED}),
    _S.QUEUED: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.RUNNING: frozenset(
        {
            _S.VERIFIED,
            _S.UNPROVEN,
            _S.UNCHANGED,
            _S.PUTTING_BACK,
            _S.FAILED,
            _S.CANCELLED,
            _S.SUPERSEDED,
            _S.NEEDS_HUMAN,
        }
    ),
    _S.PUTTING_BACK: frozenset({_S.PUT_BACK, _S.SUPERSEDED, _S.NEEDS_HUMAN}),
    _S.VERIFIED: frozenset(),
    _S.UNPROVEN: frozenset(),
    _S.UNCHANGED: frozenset(),
    _S.PUT_BACK: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.SUPERSEDED: frozenset(),
    _S.NEEDS_HUMAN: frozenset(),
}

ENDED = frozenset(state for state, moves in ALLOWED_MOVES.items() if not moves)
HOLDS_THE_TARGET = frozenset({_S.RUNNING, _S.PUTTING_BACK})
WENT_LIVE = frozenset({_S.VERIFIED, _S.UNPROVEN})
GOOD_ENDS = WENT_LIVE | {_S.UNCHANGED}


class DeployState(StrEnum):
    """Where a whole deploy stands; always derived from its targets by `deploy_state`."""

    PLANNED = "planned"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"  # every target verified, loaded or unchanged
    CANCELLED = "cancelled"  # every target cancelled
    EXPIRED = "expired"  # the plan was not confirmed in time
    FAILED = "failed"  # no target reached a good end
    PARTLY = "partly"  # some did, some did not
    NEEDS_HUMAN = "needs_human"


def check_move(before: TargetState, after: TargetState) -> None:
    """Raise `IllegalMove` unless the table of moves has this one."""
    if after not in ALLOWED_MOVES[before]:
        raise IllegalMove(f"A target that is {before.value} can't become {after.value}.")


def deploy_state(targets: list[TargetState]) -> DeployState:
    """Return the state of a deploy whose targets (at least one) are in these states."""
    kinds = set(targets)
    if kinds <= ENDED:
        return _end(kinds)
    for waiting in (TargetState.PLANNED, TargetState.QUEUED):
        if kinds - {TargetState.CANCELLED} == {waiting}:
            return DeployState(waiting.value)
    return DeployState.RUNNING


def _end(kinds: set[TargetState]) -> DeployState:
    if TargetState.NEEDS_HUMAN in kinds:
        return DeployState.NEEDS_HUMAN
    if kinds <= GOOD_ENDS:
        return DeployState.SUCCEEDED
    if kinds == {TargetState.CANCELLED}:
        return DeployState.CANCELLED
    if kinds <= {TargetState.CANCELLED, TargetState.EXPIRED}:
        return DeployState.EXPIRED
    return DeployState.PARTLY if kinds & GOOD_ENDS else DeployState.FAILED
