"""The agents of a deployment, its queues, and the locations that hang on them."""

from collections import defaultdict
from datetime import datetime

from deploy_core.agents import agent_problem
from deploy_core.status import DeploymentStatus
from handlers import limits
from handlers.blocks import Message, context, header, section, weight
from handlers.mrkdwn import words
from handlers.text import status as text
from handlers.text.names import name

MOST_AGENTS = 20
MOST_NAMES = 12


def agents_message(status: DeploymentStatus, *, now: datetime) -> Message:
    """Return each agent and each queue; agents that aren't running come first."""
    running = sum(agent.running for agent in status.agents)
    what = f"{running} of {len(status.agents)} agents running"
    blocks = [header(f"{status.deployment}: {what}")]
    ordered = sorted(status.agents, key=lambda agent: (agent.running, agent.label or agent.id))
    for agent in ordered[:MOST_AGENTS]:
        errors = "".join(f"\n    {words(error, 200)}" for error in agent.errors[:2])
        blocks.append(section(text.agent_line(agent, now) + errors))
    if len(ordered) > MOST_AGENTS:
        blocks.append(context(f"and {len(ordered) - MOST_AGENTS} more agents"))
    if not ordered:
        blocks.append(section("No agent has ever reported to this deployment."))
    queues: dict[str | None, list[str]] = defaultdict(list)
    for location in status.locations:
        queues[location.seen.queue].append(location.name)
    lines = []
    for queue, names in sorted(queues.items(), key=lambda item: (item[0] is not None, item[0])):
        shown = ", ".join(name(each) for each in sorted(names)[:MOST_NAMES])
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        problem = agent_problem(status.agents, queue)
        state = f" (*{words(problem.summary, 120)}*)" if problem is not None else ""
        count = "1 location" if len(names) == 1 else f"{len(names)} locations"
        lines.append(f"On {text.queue_name(queue)}{state}: {count}: {shown}{more}")
    for line in lines:
        if weight([*blocks, section(line)]) > limits.MESSAGE_BLOCKS_JSON - 600:
            blocks.append(context("and more queues"))
            break
        blocks.append(section(line))
    age = text.as_of(status.at, now, status.trouble)
    blocks.append(context(age))
    silent = [text.agent_name(agent) for agent in ordered if not agent.running][:3]
    said = f" Not running: {', '.join(silent)}." if silent else ""
    return Message(text=f"{name(status.deployment)}: {what}.{said} {age}", blocks=blocks)
