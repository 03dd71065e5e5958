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


class OutdatedPlan(StateError):
    """A plan that was shown can't be confirmed any more; a new one can be made."""


class PlanChanged(OutdatedPlan):
    """What would be sent now isn't what was shown, or confirmed."""

    reason = "plan_changed"
    default_next_step = "Have it planned again, and confirm the new plan."


class RefMoved(OutdatedPlan):
    """The branch or tag stands for another commit than when the plan was shown."""

    reason = "ref_moved"
    default_next_step = "Have it planned again, or deploy the commit that you were shown."


class PlanExpired(OutdatedPlan):
    """The plan was not confirmed in time."""

    reason = "plan_expired"
    default_next_step = "Have it planned again, and confirm the new plan."


class Overtaken(StateError):
    """The button of an old deploy would undo what a later one has put live."""

    reason = "overtaken"
    default_next_step = "Look at what is live now; if you still want it, start it by its command."


class LocationBusy(StateError):
    """A deploy of the code location has not ended."""

    reason = "location_busy"
    default_next_step = "Wait until it has ended, or cancel it."


class Superseded(StateError):
    """Somebody else changed the location while we waited for it."""

    reason = "superseded"
    default_next_step = "See who changed it in Dagster+, then deploy again if you still want to."


class NothingToGoBackTo(StateError):
    """There is no earlier version that had loaded."""

    reason = "nothing_to_go_back_to"
    default_next_step = "Mend the code and deploy again."


class PutBackFailed(StateError):
    """An earlier deploy could not put the location back; nobody has confirmed this one since."""

    reason = "put_back_failed"
    default_next_step = (
        "Look at it in Dagster+, then deploy again: the plan says so and waits for a Confirm."
    )


class AlreadyEnded(StateError):
    """The deploy has ended."""

    reason = "already_ended"
    default_next_step = "Look at its card for how it ended."


class AlreadySent(StateError):
    """The change is already with Dagster+; it can be taken back but not cancelled."""

    reason = "already_sent"
    default_next_step = "Press *Go back* to put back what was live before."


class OtherVersion(StateError):
    """Another version of dagster-chatops has planned what this one can't carry out."""

    reason = "other_version"
    default_next_step = (
        "Look at the location in Dagster+, then deploy again when all processes run one version."
    )


class AlreadyProposed(StateError):
    """A change of the code location is on its way into the project's repository already."""

    reason = "already_proposed"
    default_next_step = "Merge or close its pull request first, or press Discard on its message."


class CiNotDeployed(StateError):
    """A pull request was merged, and the repository's own CI hasn't deployed it in time."""

    reason = "ci_not_deployed"
    default_next_step = "Look at the CI's run of the merge, and try again."
