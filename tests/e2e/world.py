"""A sandbox and a bot as processes, and people who deploy in them.

Everything is looked at from outside: Slack through the workspace's client, Dagster+ through the
control plane, the bot through its exit code, its log and its health paths.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.bot_process import BotProcess, start_bot
from sandbox.slack.client import SlackPerson, Workspace
from sandbox.slack.model import BOT_USER_ID
from sandbox.slack.seen import SeenMessage

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
CHANNEL = "#deploys"
START_SECONDS = 120.0
DEPLOY_SECONDS = 120.0
DRAIN_SECONDS = 2.0
BOT_CHANGES = {"drain_seconds": DRAIN_SECONDS}


@dataclass
class World:
    """A running sandbox with its bot; `report` is the sandbox's JSON line."""

    report: dict[str, Any]
    home: Path
    workspace: Workspace
    dagster: httpx.AsyncClient
    bot: BotProcess
    used: int = 0

    def person(self, name: str = "ada") -> SlackPerson:
        """Somebody of the workspace; ada and grace may deploy."""
        return self.workspace.person(name)

    async def deploy(self, words: str, *, by: str = "ada") -> SeenMessage:
        """Type `/dagster deploy …` and return the new card as it was first seen."""
        return await self.card_of(f"/dagster deploy {words}", by=by)

    async def card_of(self, command: str, *, by: str = "ada") -> SeenMessage:
        """Type a command that makes a card, and return the card as it was first seen."""
        before = {message.ts for message in await self.workspace.messages(CHANNEL)}
        outcome = await self.person(by).command(CHANNEL, command)
        assert outcome.acked, outcome.reason
        return await self.workspace.wait_for_message(
            CHANNEL,
            lambda message: message.ts not in before and is_card(message),
        )

    async def now(self, card: SeenMessage) -> SeenMessage:
        """Return the card as it is now."""
        found = await self.workspace.message(card)
        assert found is not None, "the card was deleted"
        return found

    async def until(
        self, card: SeenMessage, says: str, within: float = DEPLOY_SECONDS
    ) -> SeenMessage:
        """Wait until the card's fallback text says this; return the card."""
        seen: list[str] = []

        async def look() -> SeenMessage | None:
            found = await self.now(card)
            if not seen or seen[-1] != found.text:
                seen.append(found.text)
            return found if says in found.text else None

        try:
            return await self.workspace.wait_for(look, within, f"“{says}”")
        except AssertionError as error:
            raise AssertionError(f"{error}; the card said: {seen}") from error

    async def end(self, card: SeenMessage, within: float = DEPLOY_SECONDS) -> SeenMessage:
        """Wait for the deploy's end, which is told in the thread; return the card."""

        async def look() -> SeenMessage | None:
            return await self.now(card) if await self._told_in_thread(card) else None

        return await self.workspace.wait_for(look, within, "the end of the deploy")

    async def _told_in_thread(self, card: SeenMessage) -> bool:
        return any("<@" in message.text for message in await self.replies(card))

    async def replies(self, card: SeenMessage) -> list[SeenMessage]:
        """Return what is in the card's thread, without the card."""
        found = await self.workspace.messages(CHANNEL, card.ts)
        return [message for message in found if message.ts != card.ts]

    async def press(self, card: SeenMessage, action: str, *, by: str = "ada") -> None:
        """Press a button of the card."""
        outcome = await self.person(by).click(await self.now(card), action)
        assert outcome.acked, outcome.reason

    async def location(self, name: str, deployment: str = "prod") -> dict[str, Any] | None:
        """Return what the control plane knows of a location; None where it has none."""
        state = (await self.dagster.get("/sandbox/state")).json()
        found: dict[str, Any] | None = state["deployments"][deployment].get(name)
        return found

    async def is_live(self, name: str, commit: str, deployment: str = "prod") -> None:
        """Check with the control plane that a location is loaded, without error, at a commit."""
        found = await self.location(name, deployment)
        assert found is not None
        assert found["load_status"] == "LOADED"
        assert found["load_error"] is None
        assert found["document"]["git"]["commit_hash"] == commit

    async def make_live(self, name: str) -> str:
        """See that a location's main version is live on prod; return its commit."""
        project = "quickstart" if name == "quickstart" else "monorepo"
        commit = await self.commit(project, "main")
        found = await self.location(name)
        good = found is not None and found["load_error"] is None
        if (
            not good
            or found is None
            or found["load_status"] != "LOADED"
            or found["document"].get("git", {}).get("commit_hash") != commit
        ):
            await self.end(await self.deploy(f'{name} --why "before {self.unique()}"'))
        await self.is_live(name, commit)
        return commit

    def unique(self) -> str:
        """Return a word that was not used before: the same text twice is one command to the bot."""
        self.used += 1
        return f"use {self.used}"

    async def commit(self, project: str, ref: str) -> str:
        """Return the commit that a ref of an example project stands for."""
        process = await asyncio.create_subprocess_exec(
            *("git", f"--git-dir={self.report['projects'][project]}", "rev-parse", f"{ref}^0"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode().strip()

    async def faults(self, **what: Any) -> None:
        """Make Dagster+ misbehave: see sandbox/dagster_plus/faults.py."""
        (await self.dagster.post("/sandbox/faults", json=what)).raise_for_status()

    async def no_faults(self) -> None:
        """Let Dagster+ behave again."""
        (await self.dagster.delete("/sandbox/faults")).raise_for_status()


def is_card(message: SeenMessage) -> bool:
    """Tell whether a message of the channel is a deploy's card: the bot's, not in a thread."""
    in_thread = message.thread_ts not in (None, message.ts)
    return message.user == BOT_USER_ID and not in_thread and not message.is_ephemeral


@asynccontextmanager
async def open_world(
    home: Path, *sandbox_arguments: str, changes: dict[str, Any] | None = None
) -> AsyncIterator[World]:
    """Start `python -m sandbox` and a bot on it; `changes` replace keys of the bot's file."""
    async with (
        running_sandbox(home, *sandbox_arguments) as report,
        running_bot(report, home, changes) as world,
    ):
        yield world


@asynccontextmanager
async def running_bot(
    report: dict[str, Any], home: Path, changes: dict[str, Any] | None = None
) -> AsyncIterator[World]:
    """Start a bot on a sandbox that runs; `changes` replace keys of its file."""
    async with AsyncExitStack() as stack:
        bot = await start_bot(report, home / "bot", {**BOT_CHANGES, **(changes or {})})
        stack.push_async_callback(bot.stop)
        workspace = await stack.enter_async_context(Workspace(report["slack_page"]))
        await workspace.control("manifest", path=str(MANIFEST))
        await workspace.wait_for_sockets(1, START_SECONDS)
        dagster = await stack.enter_async_context(
            httpx.AsyncClient(base_url=report["dagster_url"], trust_env=False, timeout=60)
        )
        world = World(report, home, workspace, dagster, bot)
        try:
            yield world
        finally:
            await world.bot.stop()  # a test may have put another in the first one's place


@asynccontextmanager
async def running_sandbox(home: Path, *arguments: str) -> AsyncIterator[dict[str, Any]]:
    """Start `python -m sandbox`, and yield its JSON line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--home", str(home), "--stay-with-parent", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line, "the sandbox ended before it was up"
        yield json.loads(line)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)
