"""What has just been committed, told to whoever counts."""

from dataclasses import dataclass

from deploy_core.model.deploys import StepState
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState


@dataclass(frozen=True)
class StepEnded:
    """A step ended like this, so many seconds after it was first started."""

    name: StepName
    state: StepState
    seconds: float


@dataclass(frozen=True)
class TargetEnded:
    """A target of a deploy reached its end; `reason` is the code of what went wrong, if it did."""

    deployment: str
    state: TargetState
    reason: str | None


@dataclass(frozen=True)
class LeaseWasLost:
    """A worker wanted to write about a target that another one has taken over."""


Fact = StepEnded | TargetEnded | LeaseWasLost
