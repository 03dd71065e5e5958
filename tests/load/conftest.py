"""A bot as a process, and sixteen people who may deploy, over both ways that Slack can take."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from sandbox.bot_process import start_bot
from sandbox.slack.client import SlackPerson
from sandbox.slack.client import Workspace as Slack
from tests.e2e.world import MANIFEST, START_SECONDS, World, running_sandbox

PEOPLE = tuple(f"person{number:02}" for number in range(16))


@dataclass
class Crowd:
    """The world, and all who work in it."""

    world: World

    @property
    def people(self) -> list[SlackPerson]:
        return [self.world.person(name) for name in PEOPLE]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["socket", "http"])
async def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Crowd]:
    home = tmp_path_factory.mktemp("load")
    async with AsyncExitStack() as stack:
        report = await stack.enter_async_context(running_sandbox(home, "--instant-agent", "0.3"))
        slack = await stack.enter_async_context(Slack(report["slack_page"]))
        await slack.control("manifest", path=str(MANIFEST))
        ids = [(await slack.control("person", name=name))["id"] for name in PEOPLE]
        await slack.control("channel", name="deploys", members=[*PEOPLE, "ada"], with_bot=True)
        port = _free_port()
        changes = {
            "deployments": {"prod": {"may_deploy": ids}, "staging": {"may_deploy": ids}},
            "slack": {"mode": request.param},
            "server": {"port": port},
            "drain_seconds": 2,
        }
        bot = await start_bot(report, home / "bot", changes)
        stack.push_async_callback(bot.stop)
        await _ready(slack, port, http=request.param == "http")
        dagster = await stack.enter_async_context(
            httpx.AsyncClient(base_url=report["dagster_url"], trust_env=False, timeout=60)
        )
        yield Crowd(World(report, Path(home), slack, dagster, bot))


async def _ready(slack: Slack, port: int, *, http: bool) -> None:
    if not http:
        await slack.wait_for_sockets(1, START_SECONDS)
        return

    async def live() -> bool | None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/livez")
            except httpx.HTTPError:
                return None
        return answer.status_code == 200 or None

    await slack.wait_for(live, START_SECONDS, "the bot")
    await slack.settings(request_url=f"http://127.0.0.1:{port}/slack/events")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
