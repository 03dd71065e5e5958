"""What every handler works with, and how a person is answered."""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from pydantic import JsonValue

from deploy_core.catalog import Catalog
from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import end_tasks
from deploy_core.engine import Engine
from deploy_core.model.errors import DeployError, InternalError, NotAllowed
from deploy_core.model.people import Actor
from deploy_core.settings import CoreSettings
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.cards.answers import error_message
from handlers.slack import Slack
from handlers.slack_errors import SlackError

SAME_WORDS = timedelta(seconds=10)
"""The same person's same words within this time are one command: people press twice."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Ask:
    """Who said what, where, and how to answer; kept in the store until it was dealt with.

    `thread_ts` is the thread it was written in. `trigger_id` opens a modal within three seconds.
    """

    key: str
    by: Actor
    channel: str
    text: str
    thread_ts: str | None = None
    response_url: str | None = None
    trigger_id: str | None = None

    def payload(self) -> dict[str, JsonValue]:
        """Return what is kept: enough to carry it out after a crash."""
        return {
            "by": self.by.model_dump(mode="json"),
            "channel": self.channel,
            "text": self.text,
            "thread_ts": self.thread_ts,
            "response_url": self.response_url,
        }

    @classmethod
    def from_payload(cls, key: str, payload: dict[str, JsonValue]) -> "Ask":
        """Return what was kept; its trigger has long expired."""

        def text(name: str) -> str | None:
            found = payload.get(name)
            return found if isinstance(found, str) else None

        return cls(
            key=key,
            by=Actor.model_validate(payload["by"]),
            channel=text("channel") or "",
            text=text("text") or "",
            thread_ts=text("thread_ts"),
            response_url=text("response_url"),
        )


class Tasks:
    """Owns what goes on after an ack: nothing is lost to the garbage collector, nothing fails
    unseen, and a shutdown can wait for all of it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Run `work`, which deals with its own errors."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("task_failed", exc_info=task.exception())

    async def drain(self, seconds: float) -> None:
        """Wait for what runs, at most `seconds`; what is kept in the store goes on later."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        await end_tasks(self._running)


@dataclass
class Desk:
    """Everything that a handler may use."""

    engine: Engine
    store: Store
    catalog: Catalog
    dagster: DagsterPlus
    settings: CoreSettings
    slack: Slack
    clock: Clock
    team: str | None = None
    tasks: Tasks = field(default_factory=Tasks)

    async def private(self, ask: Ask, message: Message) -> None:
        """Answer only the person who asked."""
        try:
            await self.slack.private(
                message,
                user=ask.by.id,
                channel=ask.channel,
                thread_ts=ask.thread_ts,
                response_url=ask.response_url,
            )
        except SlackError as error:
            # Private answers aren't kept: there is nobody left to tell but the log.
            _log.warning("answer_lost", reason=error.reason, said=error.summary)

    async def say(self, ask: Ask, text: str) -> None:
        """Answer only the person who asked, in one sentence."""
        await self.private(ask, Message(text))

    async def dealing(self, ask: Ask, work: Coroutine[object, object, None]) -> None:
        """Do what was asked; whatever goes wrong is told to the person, once."""
        try:
            await self.require_our_team(ask.by)
            await work
        except DeployError as error:
            work.close()
            await self.private(ask, error_message(error, command=ask.text or None))
        except Exception:  # noqa: BLE001 - the person must hear of it; the log has the trace
            number = secrets.token_hex(4)
            _log.exception("handler_failed", error_id=number)
            wrong = InternalError(f"Something went wrong on our side (id {number}).")
            await self.private(ask, error_message(wrong))
        finally:
            await self.store.inbox.done(ask.key)

    async def require_our_team(self, actor: Actor) -> None:
        """Raise `NotAllowed` for people of other workspaces, as in shared channels."""
        team = self.team or (await self.slack.identity()).team
        if actor.team and actor.team != team:
            raise NotAllowed(
                "Only people of this workspace can use the bot.",
                next_step="Ask somebody of the workspace that the bot is installed in.",
            )
