"""Whether some agent will load a location."""

from collections.abc import Iterable

from deploy_core.dagster_plus.values import AgentStatus
from deploy_core.model.errors import NoAgent, NoAgentOnQueue


def agent_problem(
    agents: Iterable[AgentStatus], queue: str | None
) -> NoAgent | NoAgentOnQueue | None:
    """Return why no agent will load a location on this queue, or None if one may.

    An agent that doesn't tell its queues may serve any; the default queue can't be seen at all.
    """
    running = [agent for agent in agents if agent.running]
    if not running:
        return NoAgent("No agent of this deployment is running.")
    if queue is None or any(agent.queues is None or queue in agent.queues for agent in running):
        return None
    served = sorted({name for agent in running for name in agent.queues or ()})
    return NoAgentOnQueue(
        f"No running agent serves the queue {queue}.",
        detail=f"The running agents serve: {', '.join(served) or 'the default queue only'}.",
    )
