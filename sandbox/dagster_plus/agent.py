"""Starts and ends an unmodified Dagster+ agent: `dagster-cloud agent run`."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from sandbox.dagster_plus.server import DagsterPlus
from sandbox.dagster_plus.serverless import agent_environment

FIRST_HEARTBEAT_WITHIN = 60.0
STOP_GRACE = 1.0  # an agent told to stop may linger; its group is killed after this
STOP_WITHIN = STOP_GRACE + 5.0


# The Docker launcher creates containers where DOCKER_HOST says, but pulls from the machine's own
# engine. So this agent, in its own mount namespace, sees the given engine's socket in that place.
_ONLY_ENGINE = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t tmpfs none /run && ln -s "$0" /run/docker.sock && exec "$@"',
)


class AgentError(Exception):
    """The agent ended, or sent no heartbeat in time; its log's end is in the text."""


@dataclass(frozen=True)
class ContainerEngine:
    """The Docker engine that the agent runs code servers in, as DOCKER_HOST would name it.

    In `network` containers must reach the control plane; None is the engine's own network.
    """

    host: str
    network: str | None = None


@dataclass
class AgentProcess:
    """A running agent behind its guard, which leads the agent's process group."""

    guard: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        """The process group's id: the guard, the agent and its code servers are in it."""
        return self.guard.pid

    async def close(self) -> None:
        """End the agent and every code server that it started."""
        if self.guard.stdin is not None:
            self.guard.stdin.close()
        try:
            await asyncio.wait_for(self.guard.wait(), STOP_WITHIN)
        except TimeoutError:
            os.killpg(self.guard.pid, signal.SIGKILL)
            await self.guard.wait()


async def start_agent(
    dagster_plus: DagsterPlus,
    home: Path,
    *,
    label: str = "sandbox",
    queues: Sequence[str] = (),
    engine: ContainerEngine | None = None,
) -> AgentProcess:
    """Run an agent for all deployments and wait for its first heartbeat, or raise AgentError.

    Its settings and log are in `home`. With `queues` it serves these queues only, without them
    the default queue. With `engine` it runs images in containers, without it only checkouts.
    """
    # A PEX is fetched and unpacked before its server starts.
    seconds = 60 if dagster_plus.plane.pex is None else 600
    launcher = _process_launcher(seconds) if engine is None else _docker_launcher(engine)
    settings = _settings(dagster_plus, label, queues, launcher)
    await asyncio.to_thread(_write_settings, home, settings)
    log = home / "agent.log"
    bin_folder = Path(sys.executable).parent
    command = [str(bin_folder / "dagster-cloud"), "agent", "run", str(home)]
    if engine is not None and engine.host.startswith("unix://"):
        command = [*_ONLY_ENGINE, engine.host.removeprefix("unix://"), *command]
    with log.open("ab") as output:
        guard = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox.dagster_plus.agent_guard",
            str(STOP_GRACE),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=_environment(dagster_plus, home, bin_folder, engine),
            start_new_session=True,
        )
    agent = AgentProcess(guard, log)
    try:
        await _first_heartbeat(dagster_plus, agent, label)
    except BaseException:
        await agent.close()
        raise
    return agent


def _write_settings(home: Path, text: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(text, encoding="utf-8")


def _process_launcher(seconds: int) -> dict[str, Any]:
    return {
        "module": "dagster_cloud.workspace.user_code_launcher",
        "class": "ProcessUserCodeLauncher",
        "config": {"wait_for_processes": True, "server_process_startup_timeout": seconds},
    }


def _docker_launcher(engine: ContainerEngine) -> dict[str, Any]:
    # With `networks` the agent would look for containers by their names, which only a container
    # in the same network can do; without it, it takes the ports that they publish.
    network = {} if engine.network is None else {"network_mode": engine.network}
    return {
        "module": "dagster_cloud.workspace.docker",
        "class": "DockerUserCodeLauncher",
        "config": {
            "container_kwargs": {"stop_timeout": 1, **network},
            "server_process_startup_timeout": 60,
        },
    }


def _settings(
    dagster_plus: DagsterPlus, label: str, queues: Sequence[str], launcher: dict[str, Any]
) -> str:
    settings = {
        "instance_class": {
            "module": "dagster_cloud.instance",
            "class": "DagsterCloudAgentInstance",
        },
        "dagster_cloud_api": {
            "url": dagster_plus.agent_url,
            "agent_token": dagster_plus.tokens.agent,
            "deployments": list(dagster_plus.plane.deployments),
            "agent_label": label,
        },
        "user_code_launcher": launcher,
        "telemetry": {"enabled": False},
    }
    if queues:
        settings["agent_queues"] = {
            "include_default_queue": False,
            "additional_queues": list(queues),
        }
    return yaml.safe_dump(settings, sort_keys=False)


def _environment(
    dagster_plus: DagsterPlus, home: Path, bin_folder: Path, engine: ContainerEngine | None
) -> dict[str, str]:
    # The settings of a person's real organisation and workspace are nothing to this agent, nor
    # to the code that it runs.
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DAGSTER_", "SLACK_"))
    }
    direct = ",".join(["127.0.0.1", "localhost", str(urlsplit(dagster_plus.agent_url).hostname)])
    return {
        **inherited,
        **({} if engine is None else {"DOCKER_HOST": engine.host}),
        # Without an executable_path the launcher runs the `dagster` that it finds first in PATH.
        "PATH": os.pathsep.join([str(bin_folder), os.environ.get("PATH", os.defpath)]),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DAGSTER_CLOUD_AGENT_SLEEP_INTERVAL_SECONDS": "0.1",
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONUNBUFFERED": "1",
        **({} if dagster_plus.plane.pex is None else agent_environment(dagster_plus.url, home)),
    }


async def _first_heartbeat(dagster_plus: DagsterPlus, agent: AgentProcess, label: str) -> None:
    known = dagster_plus.plane.agents
    try:
        async with asyncio.timeout(FIRST_HEARTBEAT_WITHIN):
            while not any(one.label == label for one in known.by_id.values()):
                if agent.guard.returncode is not None:
                    raise AgentError(f"The agent ended.\n{_end_of(agent.log)}")
                await asyncio.sleep(0.05)
    except TimeoutError as late:
        raise AgentError(
            f"The agent sent no heartbeat in {FIRST_HEARTBEAT_WITHIN:.0f} s.\n{_end_of(agent.log)}"
        ) from late


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
