"""The control plane's state and its rules; no HTTP and no GraphQL in here.

The rules were measured with the unmodified CLI and agent: a change sets LOADING before it is
answered; an agent's error or contents and LOADED appear together; every accepted change moves the
metadata timestamp, which is what makes an agent redeploy.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.dagster_plus.agents import Agents
from sandbox.dagster_plus.documents import same_version
from sandbox.dagster_plus.faults import Faults, LoadFault
from sandbox.dagster_plus.locations import CodeLocation, Deployment, LoadReport
from sandbox.dagster_plus.serverless import PexStore, Serverless

LocationChanged = Callable[[Deployment, CodeLocation], None]


class UnknownDeploymentError(Exception):
    """A deployment that the organisation doesn't have."""


class UnknownLocationError(Exception):
    """A location that the deployment doesn't have."""


class ControlPlane:
    """Deployments, their locations, the agents, and the faults that are set."""

    def __init__(
        self,
        organization: str,
        deployments: Sequence[str],
        serverless: Serverless | None = None,
    ) -> None:
        self.organization = organization
        own = () if serverless is None else serverless.deployments
        self.deployments = {
            name: Deployment(name, number, organization, "SERVERLESS" if name in own else "HYBRID")
            for number, name in enumerate(deployments, start=1)
        }
        self.agents = Agents()
        self.faults = Faults()
        self.registry = None if serverless is None else serverless.registry
        self.pex = None if serverless is None else PexStore(serverless.folder, self.faults)
        self.on_change: list[LocationChanged] = []

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name, or UnknownDeploymentError."""
        try:
            return self.deployments[name]
        except KeyError as missing:
            raise UnknownDeploymentError(f"There is no deployment {name}.") from missing

    def apply(self, deployment: Deployment, documents: Sequence[dict[str, Any]]) -> None:
        """Add or update these locations; the others stay. They are LOADING from now on."""
        for document in documents:
            name: str = document["location_name"]
            location = deployment.locations.get(name)
            now = time.time()
            if location is None:
                location = CodeLocation(name, document, now, now)
                deployment.locations[name] = location
            else:
                location.metadata_timestamp = max(now, location.metadata_timestamp + 0.001)
                location.document = document
            location.load_status = "LOADING"
            location.held_report = None
            location.flapping_error = None
            self.agents.ask_to_check(deployment.name, location.agent_queue)
            for changed in self.on_change:
                changed(deployment, location)

    def reconcile(self, deployment: Deployment, documents: Sequence[dict[str, Any]]) -> None:
        """Make the workspace exactly these locations; every other one is deleted."""
        wanted = {document["location_name"] for document in documents}
        for name in [name for name in deployment.locations if name not in wanted]:
            self.delete(deployment, name)
        self.apply(deployment, documents)

    def delete(self, deployment: Deployment, name: str) -> None:
        """Remove a location, or raise UnknownLocationError."""
        if name not in deployment.locations:
            raise UnknownLocationError(f"Location {name} does not exist in {deployment.name}.")
        location = deployment.locations.pop(name)
        self.agents.ask_to_check(deployment.name, location.agent_queue)

    def entries_for_agent(
        self, deployment: Deployment, queues: Sequence[str | None] | None
    ) -> list[CodeLocation]:
        """The locations that an agent of these queues serves; they count as seen by it."""
        served = [loc for loc in deployment.locations.values() if loc.agent_queue in (queues or [])]
        for location in served:
            location.seen_by_agent = location.metadata_timestamp
        return served

    def report(
        self,
        deployment: Deployment,
        name: str,
        report: LoadReport,
        loaded: Mapping[str, Any] | None = None,
    ) -> str:
        """Take an agent's report on a location and say what became of it.

        `loaded` is the `CodeDeploymentMetadata` that the agent loaded, where it told (it doesn't
        with an error). A report on an older document than the present one is not for it.
        """
        location = deployment.locations.get(name)
        if location is None:
            return f"Location {name} is gone; nothing was updated."
        older = (
            location.seen_by_agent < location.metadata_timestamp
            if loaded is None
            else not same_version(loaded, location.document)
        )
        if older:
            return f"The report is of an older version of {name}; nothing was updated."
        self._accept(deployment, location, report)
        return f"Location {name} was updated."

    def release_held_reports(self) -> None:
        """Apply what a `never_loaded` fault kept back."""
        for deployment in self.deployments.values():
            for location in deployment.locations.values():
                location.flapping_error = None
                if location.held_report is not None:
                    location.accept(location.held_report, at=time.time())
                    location.held_report = None

    def _accept(self, deployment: Deployment, location: CodeLocation, report: LoadReport) -> None:
        fault = self.faults.take_load_fault(deployment=deployment.name, location=location.name)
        if fault is None:
            location.accept(report, at=time.time())
            return
        _accept_with_fault(location, report, fault)


def _accept_with_fault(location: CodeLocation, report: LoadReport, fault: LoadFault) -> None:
    now = time.time()
    if fault.kind == "never_loaded":
        location.held_report = report
    elif fault.kind == "error":
        location.accept(LoadReport(error=fault.load_error(), image=report.image), at=now)
    elif fault.kind == "old_version":
        location.accept(report, at=now, new_version=False)
    else:
        location.accept(report, at=now)
        location.flapping_error = fault.load_error()
        location.reads = 0
