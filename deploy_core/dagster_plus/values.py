"""What Dagster+ tells us, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue, SecretStr

from deploy_core.model.python_error import PythonError

AgentType = Literal["HYBRID", "SERVERLESS"]


@dataclass(frozen=True)
class LocationState:
    """How far one code location is.

    `loading`: an agent still has to load what was requested last. `failed`: what is there now is
    a Python error (Dagster+ calls such a location LOADED too, so look at both). `updated_timestamp`
    and `version_key` move when an agent's report arrives; either may be missing. `image` is what
    the code server says it runs, where it says so: unlike `Deployed.image` it isn't a mere wish.
    """

    name: str
    loading: bool
    failed: bool
    updated_timestamp: float | None = None
    version_key: str | None = None
    image: str | None = None

    @property
    def loaded(self) -> bool:
        """What was requested last is loaded, and without an error."""
        return not self.loading and not self.failed


@dataclass(frozen=True)
class Deployed:
    """What was requested last for a location; it says nothing about what is loaded.

    `metadata` is everything, as Dagster+ stores it.
    """

    location: str
    image: str | None
    commit: str | None
    git_url: str | None
    pex_tag: str | None
    agent_queue: str | None
    metadata: Mapping[str, JsonValue]


@dataclass(frozen=True)
class AgentStatus:
    """One agent of a deployment.

    `queues` are the named queues that it serves, without the default queue, of which Dagster+ says
    nothing; None means that the agent doesn't tell. `errors` are the messages of its last errors.
    """

    id: str
    label: str | None
    running: bool
    last_heartbeat: datetime | None
    queues: tuple[str, ...] | None
    version: str | None
    type: str | None
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Schedule:
    """A schedule; `timezone` is None where the deployment's own counts."""

    name: str
    cron: str
    timezone: str | None
    running: bool


@dataclass(frozen=True)
class Sensor:
    """A sensor."""

    name: str
    running: bool


TickStatus = Literal["STARTED", "SKIPPED", "SUCCESS", "FAILURE"]


@dataclass(frozen=True)
class Tick:
    """One time that a schedule or a sensor was evaluated; `unreached` says that its location's code
    server could not be."""

    at: datetime
    status: TickStatus
    error: str | None = None
    unreached: bool = False


@dataclass(frozen=True)
class Instigator:
    """A schedule or a sensor with its last ticks, the newest first; `cron` and `timezone` are those
    of a schedule. Dagster writes several cron expressions as a list."""

    location: str
    name: str
    kind: Literal["schedule", "sensor"]
    running: bool
    ticks: tuple[Tick, ...] = ()
    cron: str | None = None
    timezone: str | None = None


@dataclass(frozen=True)
class Repository:
    """What is in one repository of a location; `jobs` are without Dagster's own for assets."""

    name: str
    assets: int
    jobs: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    sensors: tuple[Sensor, ...]


RunStatus = Literal[
    "QUEUED",
    "NOT_STARTED",
    "MANAGED",
    "STARTING",
    "STARTED",
    "SUSPENDED",
    "SUCCESS",
    "FAILURE",
    "CANCELING",
    "CANCELED",
]


@dataclass(frozen=True)
class Run:
    """One run. `location` is None for a run that no code location is named with.

    `root_id` is the first run that this one executes again, None for a first run, and `parent_id`
    the last one; `automatic` says that Dagster itself started it after a failure, and `will_retry`
    that it will start one more after this one's, which is `retried_by` once it is there. `order`
    names the press of a button of ours that it came from.
    """

    id: str
    status: RunStatus
    job: str
    location: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    root_id: str | None = None
    automatic: bool = False
    parent_id: str | None = None
    will_retry: bool = False
    retried_by: str | None = None
    order: str | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def root(self) -> str:
        """The run that was started first, of all that are the same again."""
        return self.root_id or self.id


@dataclass(frozen=True)
class RunError:
    """Why a run failed: the first step that did, or None where the run failed without one."""

    step: str | None
    error: PythonError


@dataclass(frozen=True)
class DeploymentInfo:
    """One full or branch deployment of the organisation."""

    name: str
    id: int
    is_branch: bool
    agent_type: AgentType | None


@dataclass(frozen=True)
class ServerlessRegistry:
    """Where images for a Serverless deployment go, with a log-in that is good for some hours.

    `url` is a repository of ECR, into which every location's images go by their tags, or on Harbor
    a path below which each location has a repository of its own. `custom_base`: base images of the
    customer's own may be used.
    """

    url: str
    username: str
    password: SecretStr
    is_harbor: bool
    custom_base: bool

    def repository(self, location: str) -> str:
        """Return the repository for a location's images."""
        return f"{self.url}/{location}" if self.is_harbor else self.url
