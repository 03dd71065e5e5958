"""`python -m sandbox`: a local Slack workspace and a local Dagster+, up until it is told to end.

When everything stands, one JSON line on standard output says where: addresses, tokens, projects.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    home: Path
    agent_host: str
    dagster_port: int
    slack_port: int
    agent: bool
    docker_engine: str | None
    docker_network: str | None
    queue_agents: tuple[str, ...]
    serverless: tuple[str, ...]
    instant_agent_seconds: float | None
    slack: bool
    stay_with_parent: bool


def read_options(arguments: list[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the program with a usage message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder for everything it makes")
    parser.add_argument(
        "--agent-host",
        metavar="ADDRESS",
        help="a second address for Dagster+, which code servers in containers can reach",
    )
    parser.add_argument("--dagster-port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--slack-port", type=int, default=0, help="0 takes a free port")
    agents = parser.add_mutually_exclusive_group()
    agents.add_argument("--no-agent", action="store_true", help="start no Dagster+ agent")
    agents.add_argument(
        "--instant-agent",
        type=float,
        metavar="SECONDS",
        help="no real agent: locations are reported as loaded after this time",
    )
    parser.add_argument(
        "--docker-engine",
        metavar="URL",
        help="the agent runs images in this Docker engine, and no checkouts",
    )
    parser.add_argument(
        "--docker-network",
        metavar="NAME",
        help="network of that engine in which containers reach --agent-host",
    )
    parser.add_argument(
        "--queue-agent",
        action="append",
        default=[],
        metavar="QUEUE",
        help="one more real agent, which serves this agent queue only",
    )
    parser.add_argument(
        "--serverless",
        action="append",
        default=[],
        metavar="DEPLOYMENT",
        help="this deployment is Serverless: it takes PEX files",
    )
    parser.add_argument("--no-slack", action="store_true", help="Dagster+ only")
    parser.add_argument(
        "--stay-with-parent", action="store_true", help="end when standard input closes"
    )
    read = parser.parse_args(arguments)
    return Options(
        home=read.home,
        agent_host=read.agent_host,
        dagster_port=read.dagster_port,
        slack_port=read.slack_port,
        agent=not read.no_agent and read.instant_agent is None,
        docker_engine=read.docker_engine,
        docker_network=read.docker_network,
        queue_agents=tuple(read.queue_agent),
        serverless=tuple(read.serverless),
        instant_agent_seconds=read.instant_agent,
        slack=not read.no_slack,
        stay_with_parent=read.stay_with_parent,
    )


async def run(options: Options) -> None:
    """Start everything, print the JSON line, stay up until told to end, then end everything."""
    told_to_end = _told_to_end(options.stay_with_parent)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(start(options, stack))
        ending = asyncio.create_task(told_to_end.wait())
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            return
        print(json.dumps(await starting), flush=True)
        await ending


async def start(options: Options, stack: AsyncExitStack) -> dict[str, Any]:
    """Start the parts; what must be ended goes on the stack. Returns what the JSON line says."""
    # aiohttp, Dagster and Slack's side are for a run, not for `--help`.
    from sandbox.dagster_plus.agent import ContainerEngine, start_agent  # noqa: PLC0415
    from sandbox.dagster_plus.instant_agent import InstantAgentSettings  # noqa: PLC0415
    from sandbox.dagster_plus.server import start_dagster_plus  # noqa: PLC0415
    from sandbox.dagster_plus.serverless import Serverless  # noqa: PLC0415
    from sandbox.projects import make_projects  # noqa: PLC0415

    home = await asyncio.to_thread(options.home.resolve)
    projects = await make_projects(home / "projects")
    seconds = options.instant_agent_seconds
    dagster_plus = await start_dagster_plus(
        options.dagster_port,
        agent_host=options.agent_host,
        instant_agent=None if seconds is None else InstantAgentSettings(delay_seconds=seconds),
        serverless=Serverless(home / "pex", options.serverless) if options.serverless else None,
    )
    stack.push_async_callback(dagster_plus.close)
    report: dict[str, Any] = {
        "dagster_url": dagster_plus.url,
        "organization": dagster_plus.plane.organization,
        "user_token": dagster_plus.tokens.user,
        "viewer_token": dagster_plus.tokens.viewer,
        "deployments": list(dagster_plus.plane.deployments),
        "projects": {name: str(path) for name, path in projects.items()},
        "agent_pid": None,
    }
    if options.slack:
        report |= await _start_slack(options.slack_port, home / "slack", stack)
    if options.agent:
        url = options.docker_engine
        engine = None if url is None else ContainerEngine(url, options.docker_network)
        agent = await start_agent(dagster_plus, home / "agent", engine=engine)
        stack.push_async_callback(agent.close)
        report["agent_pid"] = agent.pid
    for queue in options.queue_agents:
        queue_agent = await start_agent(
            dagster_plus, home / f"agent-{queue}", label=queue, queues=[queue]
        )
        stack.push_async_callback(queue_agent.close)
    return report


async def _start_slack(port: int, home: Path, stack: AsyncExitStack) -> dict[str, Any]:
    from sandbox.slack.app import start_slack  # noqa: PLC0415

    slack = await start_slack(port, home)
    stack.push_async_callback(slack.close)
    return {
        "slack_api_url": slack.api_url,
        "slack_page": slack.page_url,
        "bot_token": slack.bot_token,
        "app_token": slack.app_token,
        "signing_secret": slack.signing_secret,
        "people": slack.people,
    }


def _told_to_end(stay_with_parent: bool) -> asyncio.Event:
    """An event that a signal sets, or the end of standard input where that is the parent's."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if stay_with_parent:

        def wait_for_parent() -> None:
            while os.read(sys.stdin.fileno(), 4096):
                pass
            with contextlib.suppress(RuntimeError):  # the loop is closed: it ended already
                loop.call_soon_threadsafe(told.set)

        # A thread, since standard input may be a file, which an event loop can't watch.
        threading.Thread(target=wait_for_parent, daemon=True).start()
    return told


def main() -> None:
    """The program."""
    asyncio.run(run(read_options()))


if __name__ == "__main__":
    main()
