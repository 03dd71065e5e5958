"""A sandbox that answers at once, and bots as processes that are killed, stopped and replaced.

What is true is asked of those who know: mutations of the control plane, messages of the workspace,
and the journal in the store, which is only read here.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from deploy_core.clock import SystemClock
from deploy_core.crash import CRASH_VARIABLE
from deploy_core.model.deploys import Deploy, EventKind
from deploy_core.model.errors import StoreError
from deploy_core.store.store import Store
from sandbox.bot_process import config_of, environment_of
from sandbox.slack.client import Workspace
from sandbox.slack.seen import Outcome, SeenMessage
from tests.crash.forks import Bot, Forks, forks
from tests.e2e.world import CHANNEL, MANIFEST, is_card, running_sandbox

T = TypeVar("T")
_opening = asyncio.Lock()

LOAD_SECONDS = 0.25
"""Long enough for a wait to be seen, short enough to be waited for often."""

LOOK_SECONDS = 0.1

BROKEN = {
    "message": "ModuleNotFoundError: No module named 'rates'\n",
    "stack": ['  File "/srv/quickstart/revenue.py", line 3, in <module>\n    import rates\n'],
    "class_name": "ModuleNotFoundError",
}


@dataclass
class World:
    """`changes` replace keys of the bots' configuration file."""

    report: dict[str, Any]
    home: Path
    workspace: Workspace
    dagster: httpx.AsyncClient
    store: Store
    changes: dict[str, Any]
    forks: Forks
    used: int = 0

    # -- bots --

    async def start(self, *, crash_at: str | None = None, name: str = "bot", **changes: Any) -> Bot:
        """Start a bot; it takes up what is left, and commands once it is connected."""
        folder = self.home / name
        config = {**config_of(self.report, self.home / "bot"), **self.changes, **changes}
        environment = environment_of(self.report)
        if crash_at is not None:
            environment[CRASH_VARIABLE] = crash_at
        path = folder / "dagster-chatops.yaml"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        await asyncio.to_thread(path.write_text, yaml.safe_dump(config))
        return await self.forks.start(path, folder / "bot.log", environment)

    async def connected(self, bot: Bot, within: float = 90) -> None:
        """Wait until the bot has written that Slack can reach it, or has died."""

        async def look() -> bool:
            return bot.dead or "slack_connected" in await bot.said()

        await eventually(look, within, "a connected bot")

    # -- people --

    async def types(self, words: str, *, by: str = "ada") -> Outcome:
        """Type a command, with a reason of its own: the same words twice are one command."""
        self.used += 1
        text = f'/dagster {words} --why "use {self.used}"'
        return await self.workspace.person(by).command(CHANNEL, text)

    # -- what is known of it --

    async def newest(self) -> Deploy | None:
        """The deploy that was started last."""
        found = await self.store.deploys.recent(most=1)
        return found[0] if found else None

    async def deploys(self) -> list[Deploy]:
        """All deploys, oldest first."""
        return list(reversed(await self.store.deploys.recent(most=10_000)))

    async def mutations(self) -> list[dict[str, Any]]:
        """What was sent to the control plane to change something."""
        state = (await self.dagster.get("/sandbox/state")).json()
        return [each for each in state["requests"] if each["kind"] == "mutation"]

    async def forget_mutations(self) -> None:
        """Count from here."""
        (await self.dagster.delete("/sandbox/requests")).raise_for_status()

    async def cards(self, deploy_id: int) -> list[SeenMessage]:
        """The deploy's messages in the channel."""
        messages = await self.workspace.messages(CHANNEL)
        return [each for each in messages if is_card(each) and _about(each) == (deploy_id, "card")]

    async def replies(self, card: SeenMessage) -> list[SeenMessage]:
        """What is in the thread of a card."""
        found = await self.workspace.messages(CHANNEL, card.ts)
        return [message for message in found if message.ts != card.ts]

    async def told(self, deploy_id: int) -> bool:
        """Whether the deploy has ended and Slack was told all of it."""
        if not (await self.store.deploys.get(deploy_id)).ended:
            return False
        return not any(i.deploy_id == deploy_id for i in await self.unsent())

    async def unsent(self) -> list[Any]:
        """The outbox's rows that Slack hasn't got yet."""
        from deploy_core.store.tables import outbox  # noqa: PLC0415 - only here

        async with self.store.database.read() as connection:
            query = outbox.select().where(outbox.c.state.in_(["pending", "sending", "unsure"]))
            return list((await connection.execute(query)).all())

    async def step_events(self, deploy_id: int) -> list[tuple[str, str]]:
        """The journal's history, as (step, state), in order."""
        return [
            (str(event.data["step"]), str(event.data["state"]))
            for event in await self.store.deploys.events(deploy_id)
            if event.kind is EventKind.STEP
        ]

    async def configure_agent(self, **settings: Any) -> None:
        """Change how the instant agent behaves."""
        body = {"delay_seconds": LOAD_SECONDS, **settings}
        (await self.dagster.post("/sandbox/instant_agent", json=body)).raise_for_status()

    async def faults(self, **what: Any) -> None:
        """Make Dagster+ misbehave."""
        (await self.dagster.post("/sandbox/faults", json=what)).raise_for_status()

    async def no_faults(self) -> None:
        """Let Dagster+ behave again."""
        (await self.dagster.delete("/sandbox/faults")).raise_for_status()

    async def commit(self, ref: str, project: str = "quickstart") -> str:
        """The commit of a ref of an example project."""
        folder = self.report["projects"][project]
        process = await asyncio.create_subprocess_exec(
            *("git", f"--git-dir={folder}", "rev-parse", f"{ref}^0"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        return output.decode().strip()


def finished_once(events: list[tuple[str, str]]) -> None:
    """Check that no step did anything after it was finished."""
    finished: set[str] = set()
    for step, state in events:
        assert step not in finished, f"{step} ran again after it was finished: {events}"
        if state == "finished":
            finished.add(step)
    counts = Counter(step for step, state in events if state == "finished")
    assert set(counts.values()) <= {1}


async def killed(bot: Bot, within: float = 60) -> None:
    """Wait until the bot has killed itself."""
    code = await bot.ended(within)
    assert code == -signal.SIGKILL, f"it ended with {code}: {await bot.said()}"


async def eventually(look: Callable[[], Awaitable[T]], within: float, what: str) -> T:
    """Look until it is true."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                with suppress(StoreError):
                    found = await look()
                    if found:
                        return found
                await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"{what} did not come in {within} s")


def _about(message: SeenMessage) -> tuple[int, str] | None:
    payload = (message.metadata or {}).get("event_payload")
    return None if payload is None else (payload["deploy"], payload["topic"])


@asynccontextmanager
async def open_world(
    home: Path,
    *,
    optional_scopes: bool = True,
    arguments: tuple[str, ...] = (),
    **changes: Any,
) -> AsyncIterator[World]:
    """Start a sandbox with the instant agent; bots are for the test to start. `arguments` are more
    of the sandbox's."""
    async with AsyncExitStack() as stack:
        told = ("--instant-agent", str(LOAD_SECONDS), *arguments)
        report = await stack.enter_async_context(running_sandbox(home / "sandbox", *told))
        workspace = await stack.enter_async_context(Workspace(report["slack_page"]))
        await workspace.control("manifest", path=str(MANIFEST), optional_scopes=optional_scopes)
        dagster = await stack.enter_async_context(
            httpx.AsyncClient(base_url=report["dagster_url"], trust_env=False, timeout=60)
        )
        address = changes.get("store") or str(home / "bot" / "dagster-chatops.sqlite")
        await asyncio.to_thread((home / "bot").mkdir, parents=True, exist_ok=True)
        async with _opening:  # Alembic migrates one database at a time in a process
            store = await Store.open(address, SystemClock())
        stack.push_async_callback(store.close)
        running = await stack.enter_async_context(forks())
        known = {"drain_seconds": 1, "poll_seconds": 0.05, "work_folder": str(home / "work")}
        yield World(report, home, workspace, dagster, store, {**known, **changes}, running)
