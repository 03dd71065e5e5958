"""A deploy as it stands: the rows of the store, as the engine, the cards and the CLI read them."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployPlan, StepName, TargetPlan
from deploy_core.model.python_error import PythonError
from deploy_core.model.states import ENDED, DeployState, TargetState, deploy_state


class Row(BaseModel):
    """What was read; changing it changes nothing in the store."""

    model_config = ConfigDict(frozen=True)


class Failure(Row):
    """Why a target failed: the parts of a `DeployError`, and the Python error of a failed load."""

    reason: str
    summary: str
    next_step: str
    detail: str = ""
    python_error: PythonError | None = None


class StepState(StrEnum):
    """Where a step of the journal stands."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"  # a cancel or a shutdown interrupted it


class StepRun(Row):
    """One line of the journal. `output` is what later steps and a resumed worker read."""

    name: StepName
    state: StepState
    started_at: datetime
    ended_at: datetime | None = None
    output: dict[str, JsonValue] = {}


class Stop(StrEnum):
    """What a person asked of a running target."""

    CANCEL = "cancel"  # before the change was sent: end it
    GO_BACK = "go_back"  # after it: end the wait and put back what was live


class Target(Row):
    """One code location of a deploy. `ahead` is filled while it is queued: who holds the target
    and who is before us, oldest first, as deploy numbers. `strange` is what another version has
    written into its plan that this one doesn't know, in words."""

    deploy_id: int
    position: int
    plan: TargetPlan
    state: TargetState
    steps: tuple[StepRun, ...] = ()
    failure: Failure | None = None
    put_back_failure: Failure | None = None
    stop: Stop | None = None
    stop_by: Actor | None = None
    note: str = ""
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ahead: tuple[int, ...] = ()
    strange: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        return self.plan.location

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def sent(self) -> bool:
        """True once the change may have reached Dagster+: then it can't simply be cancelled."""
        return any(step.name is StepName.APPLY for step in self.steps)

    def step(self, name: StepName) -> StepRun | None:
        """Return the step's line of the journal, if it has been started."""
        return next((step for step in self.steps if step.name is name), None)


class Place(Row):
    """Where the card of a deploy is: channel id, and the message's ts once it was posted."""

    channel: str
    ts: str | None = None


class Press(Row):
    """Who used which button of the card; `origin` names the click."""

    action: str
    by: Actor
    at: datetime
    origin: str | None = None


class Deploy(Row):
    """A deploy with its targets, in the order of the plan."""

    id: int
    plan: DeployPlan
    by: Actor
    why: str | None
    created_at: datetime
    targets: tuple[Target, ...]
    place: Place | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    presses: tuple[Press, ...] = ()

    @property
    def kind(self) -> DeployKind:
        return self.plan.kind

    @property
    def deployment(self) -> str:
        return self.plan.deployment

    @property
    def confirm_until(self) -> datetime:
        """When the plan of a protected deploy expires, unless it is confirmed before."""
        return self.created_at + timedelta(seconds=self.plan.confirm_deadline)

    @property
    def state(self) -> DeployState:
        return deploy_state([target.state for target in self.targets])

    @property
    def ended(self) -> bool:
        return all(target.ended for target in self.targets)


class EventKind(StrEnum):
    """What is written down, once for each change of state."""

    PLANNED = "planned"
    CONFIRMED = "confirmed"
    MOVED = "moved"  # a target changed its state
    STEP = "step"  # a step started, finished, failed or was stopped
    STOP_ASKED = "stop_asked"
    NOTE = "note"
    ENDED = "ended"  # the last target ended


class Event(Row):
    """One line of the history; `location` is None for what concerns the whole deploy."""

    id: int
    deploy_id: int
    at: datetime
    kind: EventKind
    location: str | None = None
    data: dict[str, JsonValue] = {}
