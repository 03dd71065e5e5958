"""Plans and requests for tests, with only what matters said."""

from deploy_core.model.documents import version_of
from deploy_core.model.people import Actor
from deploy_core.model.plan import (
    ArtifactKind,
    DeployKind,
    DeployPlan,
    DeployRequest,
    Document,
    StepName,
    TargetPlan,
)

ADA = Actor(kind="slack", id="U0ADA", team="T0")
GRACE = Actor(kind="slack", id="U0GRACE", team="T0")

STEPS = (StepName.CHECKOUT, StepName.READ_LIVE, StepName.APPLY, StepName.WAIT, StepName.VERIFY)


def target(location: str = "core", document: Document | None = None) -> TargetPlan:
    """Return a target's plan for a location that isn't live yet."""
    document = document or {
        "location_name": location,
        "code_source": {"package_name": location},
        "git": {"commit_hash": "a" * 40},
    }
    return TargetPlan(
        location=location,
        project="project",
        artifact=ArtifactKind.SOURCE,
        document=document,
        version=version_of(document),
        live=None,
        ref="main",
        file_document=document,
        steps=STEPS,
    )


def plan(*locations: str, deployment: str = "prod", protected: bool = False) -> DeployPlan:
    """Return a plan for these locations."""
    return DeployPlan(
        kind=DeployKind.DEPLOY,
        deployment=deployment,
        targets=tuple(target(location) for location in locations or ("core",)),
        protected=protected,
    )


def request(*locations: str, actor: Actor = ADA, deployment: str = "prod") -> DeployRequest:
    """Return the request that such a plan came from."""
    return DeployRequest(
        kind=DeployKind.DEPLOY, actor=actor, locations=locations or ("core",), deployment=deployment
    )
