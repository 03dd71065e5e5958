"""`agents`: how they are, and which locations hang on them."""

from deploy_core.policy import deployment_named
from handlers.cards.agents import agents_message
from handlers.commands import Agents
from handlers.desk import Ask, Desk


async def agents(desk: Desk, ask: Ask, command: Agents) -> None:
    """Answer with each agent and each queue. Raises `UnknownDeployment`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    found = await desk.board.deployment(deployment)
    message = agents_message(found, now=desk.clock.now())
    await desk.answer(ask, message, here=command.here)
