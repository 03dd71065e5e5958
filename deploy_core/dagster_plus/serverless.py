"""What is Serverless: whose agents a deployment has, and where its images go.

Asked of Dagster+, kept for a while, and never guessed; nobody who deploys has to know it.
"""

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.values import AgentType, ServerlessRegistry
from deploy_core.model.errors import ServerlessRegistryMissing

AGENT_TYPE_SECONDS = 3600.0  # an organisation moves a deployment once in years
REGISTRY_SECONDS = 600.0  # its log-in is good for twelve hours


class ServerlessFacts:
    """Remembers the answers. Every method may raise `DagsterPlusError`."""

    def __init__(self, dagster: DagsterPlus, clock: Clock) -> None:
        self._dagster = dagster
        self._clock = clock
        self._types: dict[str, tuple[AgentType, float]] = {}
        self._registries: dict[str, tuple[ServerlessRegistry, float]] = {}

    async def serverless(self, deployment: str) -> bool:
        """Say whether Dagster itself runs the deployment's agents."""
        known = self._types.get(deployment)
        if known is None or self._clock.monotonic() - known[1] > AGENT_TYPE_SECONDS:
            known = await self._dagster.agent_type(deployment), self._clock.monotonic()
            self._types[deployment] = known
        return known[0] == "SERVERLESS"

    async def images_only(self, deployment: str) -> bool:
        """Say whether a Serverless deployment can run no PEX files: those with a Harbor registry
        can't (Serverless on Kubernetes)."""
        try:
            return (await self.registry(deployment)).is_harbor
        except ServerlessRegistryMissing:
            return False

    async def registry(self, deployment: str) -> ServerlessRegistry:
        """Return the registry for images, with its log-in. Raises `ServerlessRegistryMissing`."""
        known = self._registries.get(deployment)
        if known is None or self._clock.monotonic() - known[1] > REGISTRY_SECONDS:
            found = await self._dagster.serverless_registry(deployment)
            if found is None:
                raise ServerlessRegistryMissing(f"Dagster+ has no image registry for {deployment}.")
            known = found, self._clock.monotonic()
            self._registries[deployment] = known
        return known[0]
