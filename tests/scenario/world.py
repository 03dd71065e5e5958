"""The whole bot in this process, between a Slack workspace and a control plane on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.main import Bot
from bot.settings import BotSettings, load_settings
from bot.wiring import Core, open_core
from deploy_core.clock import Clock, SystemClock
from deploy_core.model.deploys import Deploy
from deploy_core.store.outbox import Waiting
from sandbox.dagster_plus import server
from sandbox.dagster_plus.faults import Faults, LoadErrorText, LoadFault
from sandbox.dagster_plus.instant_agent import BrokenCode, InstantAgentSettings
from sandbox.slack.app import SlackSandbox, start_slack
from sandbox.slack.client import Outcome, SlackPerson, Workspace
from sandbox.slack.model import BOT_USER_ID
from sandbox.slack.seen import SeenMessage
from tests.support.stores import put_empty_store

CHANNEL = "#deploys"
SLACK_WAITS = 8.0
"""So many seconds the sandbox waits for an acknowledgement."""
MANIFEST = Path(__file__).parents[2] / "manifest.yml"
RATES = LoadErrorText(
    message="ModuleNotFoundError: No module named 'rates'\n",
    stack=['  File "/srv/quickstart/revenue.py", line 3, in <module>\n    import rates\n'],
)


@dataclass
class World:
    """Ada and Grace may deploy, Linus may not, Kit is a guest."""

    slack: SlackSandbox
    workspace: Workspace
    dagster: server.DagsterPlus
    settings: BotSettings
    projects: dict[str, Path]
    clock: Clock = field(default_factory=SystemClock)
    agent: InstantAgentSettings = field(default_factory=InstantAgentSettings)
    core: Core = field(init=False)
    bot: Bot = field(init=False)
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start_bot(self) -> None:
        """Start the bot, as a process does."""
        core = open_core(self.settings, kind="bot", clock=self.clock)
        self.core = await self._running.enter_async_context(core)
        await self.core.worker.enlist()
        self.bot = Bot(self.core, self.settings)
        await self.bot.start()
        self._running.push_async_callback(self.bot.stop)
        await self.workspace.wait_for_sockets(1)

    async def stop_bot(self) -> None:
        """End the bot, as SIGTERM does."""
        await self._running.aclose()

    def person(self, name: str) -> SlackPerson:
        return self.workspace.person(name)

    async def types(self, who: str, text: str, channel: str = CHANNEL) -> Outcome:
        """Somebody types a command; Slack must get its acknowledgement."""
        outcome = await self.person(who).command(channel, text)
        assert outcome.acked, outcome.reason
        return outcome

    async def private(
        self, who: str, says: str = "", *, channel: str = CHANNEL, after: int = 0
    ) -> SeenMessage:
        """Wait for a private answer that says this; `after` skips so many earlier ones."""

        async def look() -> SeenMessage | None:
            found = (await self.person(who).ephemerals(channel))[after:]
            return next((each for each in found if says in each.shown), None)

        try:
            return await self.workspace.wait_for(look, what=f"a private answer with “{says}”")
        except AssertionError as error:
            seen = [each.shown for each in await self.person(who).ephemerals(channel)]
            raise AssertionError(f"{error}; there were: {seen}") from error

    async def asks(self, who: str, text: str, channel: str = CHANNEL) -> SeenMessage:
        """Somebody types a command and gets a private answer, which is returned."""
        before = len(await self.person(who).ephemerals(channel))
        await self.types(who, text, channel)
        return await self.private(who, channel=channel, after=before)

    async def cards(self, channel: str = CHANNEL) -> list[SeenMessage]:
        """All messages of the bot in a channel that aren't in a thread only."""
        found = await self.workspace.messages(channel)
        return [
            each
            for each in found
            if each.user == BOT_USER_ID
            and not each.is_ephemeral
            and each.thread_ts in (None, each.ts)
        ]

    async def card(
        self, says: str = "", *, button: str = "", channel: str = CHANNEL, number: int = 0
    ) -> SeenMessage:
        """Wait until the channel's card of this number says this in its text, and has the
        button."""
        seen: list[str] = []

        async def look() -> SeenMessage | None:
            found = (await self.cards(channel))[number:]
            if not found:
                return None
            seen.append(found[0].text)
            good = says in found[0].text and (not button or button in found[0].action_ids)
            return found[0] if good else None

        try:
            return await self.workspace.wait_for(look, what=f"a card with “{says}”")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {list(dict.fromkeys(seen))}") from error

    async def is_noted(self, card: SeenMessage) -> None:
        """Wait until the bot knows where Slack has put the card."""

        async def look() -> bool:
            return await self.core.store.deploys.at_place(card.channel, card.ts) is not None

        await self.workspace.wait_for(look, what="the card's place in the store")

    async def reply(self, card: SeenMessage, says: str) -> SeenMessage:
        """Wait for a reply in the card's thread."""
        return await self.workspace.wait_for_message(
            card.channel,
            lambda message: message.ts != card.ts and says in message.shown,
            60.0,
            thread_ts=card.ts,
        )

    async def clicks(self, who: str, where: SeenMessage, action: str) -> Outcome:
        """Somebody presses a button of a message as it is now."""
        now = await self.workspace.message(where)
        assert now is not None
        outcome = await self.person(who).click(now, action)
        assert outcome.acked, outcome.reason
        return outcome

    async def ended(self, number: int) -> Deploy:
        """Wait until a deploy has ended and Slack was told all of it."""

        async def look() -> Deploy | None:
            found = await self.core.store.deploys.recent()
            deploy = next((each for each in found if each.id == number), None)
            told = await self.core.store.outbox.waiting() == Waiting(0, None)
            return deploy if deploy is not None and deploy.ended and told else None

        return await self.workspace.wait_for(look, what=f"the end of deploy {number}")

    def break_code(self, **which: Any) -> None:
        """Let some code not load."""
        self.set_agent(broken=[*self.agent.broken, BrokenCode(error=RATES, **which)])

    def set_agent(self, **changes: Any) -> None:
        self.agent = InstantAgentSettings(**{**self.agent.model_dump(), **changes})
        assert self.dagster.instant_agent is not None
        self.dagster.instant_agent.configure(self.agent)

    def hold_loading(self, location: str, times: int | None = 1) -> None:
        """Let a location stay loading, until `let_load`."""
        fault = LoadFault(location=location, kind="never_loaded", times=times)
        self.dagster.plane.faults.add(Faults(loads=[fault]))

    def let_load(self) -> None:
        self.dagster.plane.faults.clear()
        self.dagster.plane.release_held_reports()

    def commit_of(self, location: str, at: str = "prod") -> str:
        document = self.dagster.plane.deployments[at].locations[location].document
        return str(document["git"]["commit_hash"])


def config_of(folder: Path, projects: dict[str, Path], may: list[str]) -> dict[str, Any]:
    """The bot's configuration file."""
    prod = {"may_deploy": may, "load_deadline": 1}
    return {
        "deployments": {"prod": prod, "staging": {**prod, "protected": True}},
        "projects": {
            name: {"git": str(path), "artifact": "source"} for name, path in projects.items()
        },
        "store": str(folder / "bot.sqlite"),
        "work_folder": str(folder / "work"),
        "server": {"port": 0},
        "poll_seconds": 0.03,
        "no_agent_grace": 0.2,
        "drain_seconds": 0.5,
    }


@asynccontextmanager
async def open_world(
    folder: Path,
    projects: dict[str, Path],
    /,
    *,
    clock: Clock | None = None,
    alerts_secret: str = "",
    **changes: Any,
) -> AsyncIterator[World]:
    """Start all of it; `changes` replace keys of the configuration file."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with AsyncExitStack() as stack:
        slack = await start_slack(0, folder / "slack")
        stack.push_async_callback(slack.close)
        dagster = await server.start_dagster_plus(instant_agent=InstantAgentSettings())
        stack.push_async_callback(dagster.close)
        workspace = await stack.enter_async_context(Workspace(slack.page_url))
        await workspace.control("manifest", path=str(MANIFEST))
        # Whole programs share the cores here; Slack's own three seconds are held in tests/load.
        await workspace.settings(ack_seconds=SLACK_WAITS, trigger_seconds=SLACK_WAITS)
        may = [each["id"] for each in slack.people if each["name"] in {"ada", "grace"}]
        path = folder / "dagster-chatops.yaml"
        path.write_text(yaml.safe_dump({**config_of(folder, projects, may), **changes}))
        environment = {
            "DAGSTER_CLOUD_ORGANIZATION": "sandbox",
            "DAGSTER_CLOUD_API_TOKEN": dagster.tokens.user,
            "DAGSTER_CLOUD_URL": dagster.url,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "DAGSTER_ALERTS_SECRET": alerts_secret,
        }
        settings = load_settings(path, environment)
        if "store" not in changes:
            await put_empty_store(folder / "bot.sqlite")
        clock = clock or SystemClock()
        world = World(slack, workspace, dagster, settings, projects, clock)
        await world.start_bot()
        stack.push_async_callback(world.stop_bot)
        yield world
