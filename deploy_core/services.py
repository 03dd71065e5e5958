"""What the steps of a target work with, and what they are at."""

from dataclasses import dataclass, field

from pydantic import JsonValue

from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.errors import OtherVersion
from deploy_core.model.plan import Document, StepName
from deploy_core.settings import CoreSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.store.store import Store
from deploy_core.store.work import Claim

Output = dict[str, JsonValue]


@dataclass
class Services:
    """What the steps work with."""

    settings: CoreSettings
    dagster: DagsterPlus
    mirrors: GitMirrors
    store: Store
    clock: Clock
    images: DockerArtifacts
    pex: PexArtifacts
    serverless: ServerlessFacts
    crash: Crash = field(default_factory=Crash)


class Outputs(dict[StepName, Output]):
    """What the steps have found out. A step whose output is needed and isn't there wasn't in the
    plan: another version has made it."""

    def __missing__(self, step: StepName) -> Output:
        raise OtherVersion(
            f"Another version of dagster-chatops has planned this without the step `{step.value}`, "
            "which the one that runs now needs."
        )


@dataclass
class Run:
    """One target on its way, with the outputs of the steps that are finished.

    `deploy` has only this target.
    """

    claim: Claim
    deploy: Deploy
    target: Target
    outputs: Outputs = field(default_factory=Outputs)
    resumed: frozenset[StepName] = frozenset()  # begun by a process that died
    maybe_changed: bool = False  # something was sent of which nobody said no

    @property
    def deployment(self) -> str:
        return self.deploy.deployment

    @property
    def location(self) -> str:
        return self.target.location

    def document(self, step: StepName, key: str) -> Document | None:
        """Return a document that an earlier step wrote down."""
        found = self.outputs.get(step, {}).get(key)
        return found if isinstance(found, dict) else None
