"""What a failed test leaves behind: what every part said and did, in one text."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from tests.docker.engine import DockerEngine
from tests.docker_e2e.world import DockerWorld
from tests.e2e.world import CHANNEL, is_card

LINES = 150
REQUESTS = 80
CARDS = 3


async def evidence(world: DockerWorld) -> str:
    """Return what the cards, the logs, the control plane and the agent's engine have to say."""
    logs = {
        "bot": world.slack.bot.log,
        "agent": world.slack.home / "agent" / "agent.log",
        "registry": world.registry.folder / "registry.log",
        "engine that builds": world.builder.folder / "dockerd.log",
        "agent's engine": world.runner.folder / "dockerd.log",
    }
    parts: dict[str, Awaitable[str]] = {
        "cards": _cards(world),
        "control plane": _control_plane(world),
        "containers": asyncio.to_thread(_containers, world.runner),
        **{f"log: {name}": asyncio.to_thread(_tail, path) for name, path in logs.items()},
    }
    told = await asyncio.gather(*parts.values(), return_exceptions=True)
    return "\n".join(f"=== {name}\n{text}" for name, text in zip(parts, told, strict=True))


async def _cards(world: DockerWorld) -> str:
    cards = [one for one in await world.slack.workspace.messages(CHANNEL) if is_card(one)]
    told = []
    for card in cards[-CARDS:]:
        replies = await world.slack.replies(card)
        told.append("\n".join([card.text, card.shown, *(f"  > {one.shown}" for one in replies)]))
    return "\n---\n".join(told)


async def _control_plane(world: DockerWorld) -> str:
    state: dict[str, Any] = (await world.slack.dagster.get("/sandbox/state")).json()
    lines = [f"{name}: {json.dumps(found)}" for name, found in state["deployments"].items()]
    lines += [f"agent: {json.dumps(agent)}" for agent in state["agents"]]
    requests = [*state["requests"][-REQUESTS:], *state["agent_requests"][-REQUESTS:]]
    for one in sorted(requests, key=lambda request: float(request["at"])):
        changes = json.dumps(one["variables"]) if one["kind"] == "mutation" else ""
        lines.append(f"{one['at']:.3f} {one['role']} {one['operation']} {one['fields']} {changes}")
    return "\n".join(lines)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-LINES:])


def _containers(engine: DockerEngine) -> str:
    told = [engine.client("ps", "--all", "--no-trunc")]
    for name in engine.client("ps", "--all", "--quiet").split():
        done = subprocess.run(
            ["/usr/bin/docker", "--host", engine.host, "logs", "--tail", "30", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        told.append(f"{name}:\n{done.stdout}")
    return "\n".join(told)
