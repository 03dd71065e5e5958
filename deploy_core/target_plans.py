"""The plan of one location, from what Dagster+ has now and the document that it is to have."""

from dataclasses import dataclass

from deploy_core.agents import agent_problem
from deploy_core.dagster_plus.values import AgentStatus, LocationState
from deploy_core.model.documents import clean, diff_documents, version_of
from deploy_core.model.plan import ArtifactKind, Document, Live, StepName, TargetPlan
from deploy_core.settings import DeploymentSettings

LAST_STEPS = (StepName.READ_LIVE, StepName.APPLY, StepName.WAIT, StepName.VERIFY)
"""The steps of every plan, whatever the artifact."""


@dataclass(frozen=True)
class Now:
    """What Dagster+ has in one deployment at the time of planning."""

    documents: dict[str, Document]
    states: dict[str, LocationState]
    agents: list[AgentStatus]

    def live(self, location: str) -> Live | None:
        """Return what is live for the location, or None where there is nothing."""
        document = self.documents.get(location)
        if document is None:
            return None
        state = self.states.get(location)
        loaded = state is not None and state.loaded
        return Live(document=clean(document), version=version_of(document), loaded=loaded)


def plan_of_document(
    location: str,
    project: str | None,
    document: Document,
    deployment: DeploymentSettings,
    now: Now,
    steps: tuple[StepName, ...],
) -> TargetPlan:
    """Return the plan that sends this document as it is."""
    live = now.live(location)
    return TargetPlan(
        location=location,
        project=project,
        artifact=_kind_of(document),
        document=document,
        version=version_of(document),
        live=live,
        changes=diff_documents(live.document if live else {}, document),
        load_deadline=deployment.load_deadline * 60,
        risks=risks_of(document, live, now),
        steps=steps,
    )


def risks_of(document: Document, live: Live | None, now: Now) -> tuple[str, ...]:
    """Return what a person should know before: no agent for it, nothing that could be put back."""
    queue = document.get("agent_queue")
    problem = agent_problem(now.agents, queue if isinstance(queue, str) else None)
    risks = [problem.summary] if problem else []
    if live is not None and not live.loaded:
        risks.append("What is live now isn't loaded, so it can't be put back.")
    return tuple(risks)


def _kind_of(document: Document) -> ArtifactKind:
    if "pex_metadata" in document:
        return ArtifactKind.PEX
    source = "working_directory" in document and "image" not in document
    return ArtifactKind.SOURCE if source else ArtifactKind.PREBUILT
