"""What was asked doesn't fit how things stand."""

from deploy_core.model.errors.base import DeployError


class StateError(DeployError):
    """The deploy isn't in a state in which this can be done."""


class IllegalMove(StateError):
    """A move that the table of states doesn't have."""

    reason = "illegal_move"
    default_next_step = "Look at the deploy's card: it has moved on."


class LeaseLost(StateError):
    """Another worker has taken the target over."""

    reason = "lease_lost"
    default_next_step = "Nothing: the other worker goes on."


class PlanChanged(StateError):
    """What would be sent now isn't what was confirmed."""

    reason = "plan_changed"
    default_next_step = "Start the deploy again and confirm the new plan."


class Superseded(StateError):
    """Somebody else changed the location while we waited for it."""

    reason = "superseded"
    default_next_step = "See who changed it in Dagster+, then deploy again if you still want to."


class NothingToGoBackTo(StateError):
    """There is no earlier version that had loaded."""

    reason = "nothing_to_go_back_to"
    default_next_step = "Mend the code and deploy again."


class AlreadyEnded(StateError):
    """The deploy has ended."""

    reason = "already_ended"
    default_next_step = "Look at its card for how it ended."


class AlreadySent(StateError):
    """The change is already with Dagster+; it can be taken back but not cancelled."""

    reason = "already_sent"
    default_next_step = "Press *Go back* to put back what was live before."
