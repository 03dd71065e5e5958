"""What every handler works with: how something asked is taken, dealt with, and answered."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from pydantic import JsonValue

from deploy_core.artifacts.offered_tags import OfferedTags
from deploy_core.catalog import Catalog
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.endings import end_tasks
from deploy_core.engine import Engine
from deploy_core.hosts.hosts import Hosts
from deploy_core.model.errors import DeployError, InternalError, NotAllowed, StoreError
from deploy_core.model.people import Actor
from deploy_core.proposals import Proposer
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.settings import CoreSettings
from deploy_core.status import StatusBoard
from deploy_core.store.inbox import Taken
from deploy_core.store.store import Store
from deploy_core.watch.recipients import Recipients
from handlers.blocks import Message
from handlers.cards.answers import error_message
from handlers.slack import Slack
from handlers.slack_errors import ChannelClosed, SlackError
from handlers.text.answers import pressed_here, said_twice

SAME_WORDS = timedelta(seconds=10)
"""The same person's same words within this time are one command: people press twice."""

ACK_SECONDS = 2.0
"""Slack shows an error to a person whose request isn't acknowledged within three seconds."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Ask:
    """Who said what, where, and how to answer; kept in the store until it was dealt with.

    `text` is a command, typed or filled into a form. `action` is the id of a pressed button and
    `value` what it carries. `thread_ts` is the thread it was written in. `trigger_id` opens a modal
    within three seconds. `replace`: the answer takes the place of the private message whose button
    was pressed.
    """

    key: str
    by: Actor
    channel: str
    text: str = ""
    action: str | None = None
    value: str = ""
    thread_ts: str | None = None
    response_url: str | None = None
    trigger_id: str | None = None
    replace: bool = False

    def payload(self) -> dict[str, JsonValue]:
        """Return what is kept: enough to carry it out after a crash."""
        return {
            "by": self.by.model_dump(mode="json"),
            "channel": self.channel,
            "text": self.text,
            "action": self.action,
            "value": self.value,
            "thread_ts": self.thread_ts,
            "response_url": self.response_url,
        }

    @classmethod
    def from_payload(cls, key: str, payload: dict[str, JsonValue]) -> "Ask":
        """Return what was kept; its trigger has long expired. Raises ValueError for a row that
        isn't ours."""

        def text(name: str) -> str | None:
            found = payload.get(name)
            return found if isinstance(found, str) else None

        return cls(
            key=key,
            by=Actor.model_validate(payload.get("by")),
            channel=text("channel") or "",
            text=text("text") or "",
            action=text("action"),
            value=text("value") or "",
            thread_ts=text("thread_ts"),
            response_url=text("response_url"),
        )


Deal = Callable[[Ask], Awaitable[None]]
"""Carries out what was asked. Raises `DeployError` for what can't be done."""


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


OnAck = Callable[[str, str, float], None]
"""Told of each acknowledgement: what was acknowledged (`command`, `click`, …), what became of it
(a `Taken` in small letters, or `not_written`), and the seconds it took us."""


@dataclass
class Desk:
    """Everything that a handler may use."""

    engine: Engine
    store: Store
    catalog: Catalog
    tags: OfferedTags
    dagster: DagsterPlus
    settings: CoreSettings
    slack: Slack
    clock: Clock
    board: StatusBoard
    recipients: Recipients
    proposer: Proposer
    maker: ProjectMaker
    hosts: Hosts
    serverless: ServerlessFacts
    team: str | None = None
    organization: str = ""
    tasks: Tasks = field(default_factory=Tasks)
    on_ack: OnAck = lambda _kind, _result, _seconds: None
    crash: Crash = field(default_factory=Crash)

    async def take(
        self,
        ask: Ask,
        ack: Callable[[], Awaitable[object]],
        deal: Deal,
        *,
        words: str | None = None,
        within: timedelta = SAME_WORDS,
    ) -> None:
        """Write down what was asked, acknowledge it, and have it dealt with by a task.

        The ack follows the row, so that nothing is lost by a crash. Only a database that can't be
        written for `ACK_SECONDS` is no longer waited for: then the person is told how it went.
        With `words` the same ones `within` this time are one command.
        """
        came = self.clock.monotonic()
        noting = asyncio.ensure_future(self._note(ask, words, within))
        await asyncio.wait({noting}, timeout=ACK_SECONDS)
        await ack()
        seconds = self.clock.monotonic() - came
        self.tasks.start(self._taken(ask, noting, deal, words, within))
        self.on_ack(ask.key.partition(":")[0], _result(noting), seconds)

    async def _note(self, ask: Ask, words: str | None, within: timedelta) -> Taken:
        inbox, payload = self.store.inbox, ask.payload()
        if words is None:
            return Taken.NEW if await inbox.take(ask.key, payload=payload) else Taken.SEEN
        return await inbox.take_words(ask.key, payload=payload, words=words, within=within)

    async def _taken(
        self,
        ask: Ask,
        noting: Awaitable[Taken],
        deal: Deal,
        words: str | None,
        within: timedelta,
    ) -> None:
        try:
            taken = await noting
        except StoreError as error:
            _log.error("not_taken", reason=error.reason, detail=error.detail)
            await self.private(ask, error_message(error))
            return
        if taken is Taken.NEW:
            await self.dealing(ask, deal, words=words)
        elif taken is Taken.SAID_TWICE:
            seconds = int(within.total_seconds())
            await self.say(ask, pressed_here(seconds // 60) if ask.action else said_twice(seconds))

    async def private(self, ask: Ask, message: Message) -> None:
        """Answer only the person who asked."""
        try:
            await self.slack.private(
                message,
                user=ask.by.id,
                channel=ask.channel,
                thread_ts=ask.thread_ts,
                response_url=ask.response_url,
                replace=ask.replace,
            )
        except SlackError as error:
            # Private answers aren't kept: there is nobody left to tell but the log.
            _log.warning("answer_lost", reason=error.reason, said=error.summary)

    async def answer(self, ask: Ask, message: Message, *, here: bool) -> None:
        """Answer the person who asked, or `here`: everybody in the channel."""
        if not here:
            await self.private(ask, message)
            return
        try:
            await self.slack.post(ask.channel, message, thread_ts=ask.thread_ts)
        except ChannelClosed:
            if ask.response_url is None:
                raise
            # Slack lets the answer to a command into channels where the bot isn't.
            await self.slack.respond(ask.response_url, message, here=True)

    async def say(self, ask: Ask, text: str) -> None:
        """Answer only the person who asked, in one sentence."""
        await self.private(ask, Message(text))

    async def dealing(self, ask: Ask, deal: Deal, *, words: str | None = None) -> None:
        """Do what was asked; whatever goes wrong is told to the person, once. What was refused may
        be said again at once, in the same words.

        What is cut off in the middle, by a shutdown too, stays for the next process.
        """
        self.crash.reach("command", "taken")
        try:
            await self.require_our_team(ask.by)
            await deal(ask)
        except DeployError as error:
            if words is not None:
                await self.store.inbox.unsay(words)
            await self.private(ask, error_message(error, command=ask.text or None))
        except Exception:  # noqa: BLE001 - the person must hear of it; the log has the trace
            number = secrets.token_hex(4)
            _log.exception("handler_failed", error_id=number)
            wrong = InternalError(f"Something went wrong on our side (id {number}).")
            await self.private(ask, error_message(wrong))
        self.crash.reach("command", "done")
        await self.store.inbox.done(ask.key)

    async def require_our_team(self, actor: Actor) -> None:
        """Raise `NotAllowed` for people of other workspaces, as in shared channels."""
        team = self.team or (await self.slack.identity()).team
        if actor.team and actor.team != team:
            raise NotAllowed(
                "Only people of this workspace can use the bot.",
                next_step="Ask somebody of the workspace that the bot is installed in.",
            )


def _result(noting: asyncio.Future[Taken]) -> str:
    written = noting.done() and not noting.cancelled() and noting.exception() is None
    return noting.result().name.lower() if written else "not_written"
