"""A sandbox, and the bot as a container of its own image beside it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.world import free_port
from sandbox.bot_process import config_of, environment_of
from sandbox.slack.client import Workspace
from tests.docker.engine import DockerEngine

IMAGE = "dagster-chatops:test"
CONFIG = "/etc/dagster-chatops/dagster-chatops.yaml"
LIVE_SECONDS = 60.0


@dataclass
class BotContainer:
    """A running container of the bot; its network is this machine's."""

    engine: DockerEngine
    id: str
    port: int

    async def client(self, *words: str) -> str:
        """Run the `docker` command."""
        return await asyncio.to_thread(self.engine.client, *words)

    async def inspect(self) -> dict[str, Any]:
        """Return what the engine knows of it."""
        (found,) = json.loads(await self.client("inspect", self.id))
        return dict(found)

    async def log(self) -> str:
        """Return all that it has printed, on both outputs."""
        process = await asyncio.create_subprocess_exec(
            *("/usr/bin/docker", "--host", self.engine.host, "logs", self.id),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode()

    async def until(self, holds: Callable[[dict[str, Any]], bool], what: str) -> None:
        """Wait until this holds of what the engine knows of it."""
        try:
            async with asyncio.timeout(LIVE_SECONDS):
                while not holds(await self.inspect()):  # noqa: ASYNC110  # nothing tells of it
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"not {what}: {await self.log()}") from None

    async def livez(self) -> int:
        """Return the status of `/livez` once something answers there."""
        url = f"http://127.0.0.1:{self.port}/livez"
        try:
            async with (
                httpx.AsyncClient(trust_env=False, timeout=60) as http,
                asyncio.timeout(LIVE_SECONDS),
            ):
                while True:
                    try:
                        return (await http.get(url)).status_code
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"nothing at {url}: {await self.log()}") from None


@asynccontextmanager
async def sandbox_beside(home: Path) -> AsyncIterator[dict[str, Any]]:
    """Yield what a running sandbox says of itself; its agent answers at once."""
    words = ["-m", "sandbox", "--home", str(home), "--stay-with-parent", "--instant-agent", "0.2"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


@asynccontextmanager
async def bot_in_container(
    engine: DockerEngine,
    report: dict[str, Any],
    home: Path,
    changes: dict[str, Any],
    *options: str,
) -> AsyncIterator[BotContainer]:
    """Yield the bot in a container whose root can't be written; `changes` are of its file."""
    port = free_port()
    config = {**config_of(report, home), "server": {"port": port}, **changes}
    for key in ("store", "work_folder"):
        config.pop(key)  # as the image has it: on its volume
    _write(home, config, environment_of(report))
    async with AsyncExitStack() as stack:
        id_ = await asyncio.to_thread(
            engine.client,
            *("run", "--detach", "--network", "host", "--read-only", "--health-interval", "1s"),
            *("--env-file", str(home / "env"), "--env", f"HEALTH_PORT={port}"),
            *("--volume", f"{home}/bot.yaml:{CONFIG}:ro", *options, IMAGE),
        )
        stack.callback(engine.client, "rm", "--force", "--volumes", id_)
        yield BotContainer(engine, id_, port)


def _write(home: Path, config: dict[str, Any], environment: dict[str, str]) -> None:
    home.mkdir()
    (home / "bot.yaml").write_text(yaml.safe_dump(config))
    (home / "bot.yaml").chmod(0o644)
    wanted = [name for name in environment if name.startswith(("DAGSTER_", "SLACK_"))]
    (home / "env").write_text("".join(f"{name}={environment[name]}\n" for name in wanted))


@asynccontextmanager
async def workspace_of(report: dict[str, Any]) -> AsyncIterator[Workspace]:
    """Yield the workspace with the bot's manifest, once the bot is connected."""
    async with Workspace(report["slack_page"]) as workspace:
        manifest = Path(__file__).parents[2] / "manifest.yml"
        await workspace.control("manifest", path=str(manifest))
        await workspace.wait_for_sockets(1, LIVE_SECONDS)
        yield workspace
