"""Faults that a test or a person asks of the control plane, and which of them a request meets."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.dagster_plus.load_errors import LoadError, deep_load_error

AgentHealth = Literal["as_reported", "stale", "none"]


class RequestFault(BaseModel):
    """What happens to the next requests of one operation.

    `operation` is the operation's name in the query, one of its top-level fields, `mutation`,
    `query` or `*`. `times` is how often it strikes, None meaning until it is removed.
    In `slow` the change happens at once and the answer is late; in `slow_before_change` the
    change itself is late. `drop_before_change` and `drop_after_change` close the connection.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = "*"
    kind: Literal[
        "status",
        "maintenance",
        "errors",
        "slow",
        "slow_before_change",
        "drop_before_change",
        "drop_after_change",
        "truncated",
        "unknown_typename",
    ]
    times: int | None = Field(default=1, ge=1)
    client: Literal["user", "agent"] = "user"
    deployment: str | None = None
    status: int = Field(default=503, ge=400, le=599)
    retry_after: str | None = None
    seconds: float = Field(default=1.0, ge=0)
    message: str = "The sandbox was asked to fail."
    maintenance_timeout: float = 300
    maintenance_retry_interval: float = 1


class LoadErrorText(BaseModel):
    """An exception in a fault's body; `cause` is `raise … from`, `context` is implicit."""

    model_config = ConfigDict(extra="forbid")

    message: str
    stack: list[str] = []
    class_name: str | None = None
    cause: "LoadErrorText | None" = None
    context: "LoadErrorText | None" = None

    def to_load_error(self) -> LoadError:
        """The same exception as the control plane keeps it."""
        return LoadError(
            message=self.message,
            stack=tuple(self.stack),
            class_name=self.class_name,
            cause=self.cause.to_load_error() if self.cause else None,
            context=self.context.to_load_error() if self.context else None,
        )


class LoadFault(BaseModel):
    """What becomes of an agent's report about one location.

    `never_loaded`: it stays LOADING (the report is kept, and applied when the fault is removed).
    `error`: LOADED with the given error, or with a very deep and long one.
    `old_version`: LOADED, but what is reported is still the version before.
    `flapping`: every read in turn finds it loaded, then broken.
    """

    model_config = ConfigDict(extra="forbid")

    location: str
    kind: Literal["never_loaded", "error", "old_version", "flapping"]
    deployment: str | None = None
    times: int | None = Field(default=None, ge=1)
    error: LoadErrorText | Literal["deep"] = "deep"

    def load_error(self) -> LoadError:
        """The error that this fault reports."""
        return deep_load_error() if self.error == "deep" else self.error.to_load_error()


class LaunchFault(BaseModel):
    """What Dagster+ says instead of starting a run of one job: a member of the answer's union."""

    model_config = ConfigDict(extra="forbid")

    job: str = "*"
    kind: Literal[
        "RunConfigValidationInvalid",
        "PipelineNotFoundError",
        "InvalidStepError",
        "InvalidOutputError",
        "InvalidSubsetError",
        "RunConflict",
        "PresetNotFoundError",
        "ConflictingExecutionParamsError",
        "NoModeProvidedError",
        "UnauthorizedError",
        "PythonError",
    ]
    times: int | None = Field(default=1, ge=1)
    message: str = "The sandbox was asked to refuse this run."


class Faults(BaseModel):
    """All faults that are set; the body of `POST /sandbox/faults`, which adds to them."""

    model_config = ConfigDict(extra="forbid")

    requests: list[RequestFault] = []
    loads: list[LoadFault] = []
    launches: list[LaunchFault] = []
    agents: AgentHealth | None = None

    def add(self, more: "Faults") -> None:
        """Put further faults behind those that are set."""
        self.requests.extend(more.requests)
        self.loads.extend(more.loads)
        self.launches.extend(more.launches)
        self.agents = more.agents or self.agents

    def clear(self) -> None:
        """Remove every fault."""
        self.requests.clear()
        self.loads.clear()
        self.launches.clear()
        self.agents = None

    def take_request_fault(
        self, *, names: set[str], client: str, deployment: str | None
    ) -> RequestFault | None:
        """The first fault that this request meets; one use of it is spent."""
        for fault in self.requests:
            if (
                (fault.operation == "*" or fault.operation in names)
                and fault.client == client
                and fault.deployment in (None, deployment)
            ):
                fault.times = _spent(fault.times)
                if fault.times == 0:
                    self.requests.remove(fault)
                return fault
        return None

    def take_launch_fault(self, job: str) -> LaunchFault | None:
        """The first fault for a run of this job; one use of it is spent."""
        for fault in self.launches:
            if fault.job in (job, "*"):
                fault.times = _spent(fault.times)
                if fault.times == 0:
                    self.launches.remove(fault)
                return fault
        return None

    def take_load_fault(self, *, deployment: str, location: str) -> LoadFault | None:
        """The first fault for this location's next report; one use of it is spent."""
        for fault in self.loads:
            if fault.location in (location, "*") and fault.deployment in (None, deployment):
                fault.times = _spent(fault.times)
                if fault.times == 0:
                    self.loads.remove(fault)
                return fault
        return None


def _spent(times: int | None) -> int | None:
    return None if times is None else times - 1
