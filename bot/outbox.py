"""Sends what the store says Slack is still to be told: in order, at Slack's pace, to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.deploy_messages import DeploySender
from bot.poster import Poster
from bot.posts import PostSender
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import end_tasks
from deploy_core.model.errors import DeployError, InternalError, StoreError
from deploy_core.settings import CoreSettings
from deploy_core.store.outbox import Intent
from deploy_core.store.store import Store
from handlers.slack import Slack
from handlers.slack_errors import (
    ChannelClosed,
    SlackRateLimited,
    SlackRefused,
    SlackTokenRefused,
    SlackUnreachable,
)

EDIT_SECONDS = 1.0
"""Edits of one card are at least so far apart: `chat.update` allows about one a second."""

LOOK_SECONDS = 1.0
RECOVER_SECONDS = 5.0
"""How often it is looked whether another process has died while it was sending."""

MOST_WAIT_SECONDS = 60.0
GIVE_UP_REFUSED = 5
"""How often a message is tried that Slack refuses for what it is."""

_log = structlog.get_logger()


class OutboxSender:
    """One per process; the store decides which process sends what."""

    def __init__(
        self,
        store: Store,
        slack: Slack,
        dagster: DagsterPlus,
        settings: CoreSettings,
        clock: Clock,
        crash: Crash | None = None,
        project_of: Callable[[str], str | None] = lambda _location: None,
    ) -> None:
        self._store = store
        self._clock = clock
        crash = crash or Crash()
        poster = Poster(store, slack, crash)
        self._deploys = DeploySender(store, slack, poster, dagster, settings, clock, crash)
        self._posts = PostSender(store, slack, poster, dagster, settings, clock, crash, project_of)
        self._wake = asyncio.Event()
        self._edited: dict[str, float] = {}
        self._sending: set[asyncio.Task[None]] = set()
        store.database.on_commit.append(self._wake.set)

    async def run(self) -> None:
        """Send until cancelled, also what processes that died were sending."""
        recovered: float | None = None
        while True:
            self._wake.clear()
            wait = LOOK_SECONDS
            try:
                if recovered is None or self._clock.monotonic() - recovered >= RECOVER_SECONDS:
                    await self._store.outbox.recover()
                    recovered = self._clock.monotonic()
                wait = await self._look()
            except StoreError as error:
                _log.error("outbox_can_not_look", reason=error.reason)
            with suppress(TimeoutError):
                # Not `wait_for`: in Python 3.11 it can swallow a cancellation, and with it the end.
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def drain(self, seconds: float) -> None:
        """Send what waits, for at most `seconds`."""
        until = self._clock.monotonic() + seconds
        with suppress(StoreError):
            while self._clock.monotonic() < until and (self._sending or await self._waits()):
                self._edited.clear()  # a card that is held back now is drawn by nobody later
                await self._look()
                await self._clock.sleep(0.05)
        await end_tasks(self._sending)

    async def _waits(self) -> bool:
        return bool(await self._store.outbox.due())

    async def _look(self) -> float:
        """Start to send what is due; return for how long to wait if nothing else happens."""
        wait = LOOK_SECONDS
        for intent in await self._store.outbox.due():
            pause = self._pause(intent)
            if pause > 0:
                wait = min(wait, pause)
                continue
            if await self._store.outbox.take(intent):
                task = asyncio.create_task(self._send(intent))
                self._sending.add(task)
                task.add_done_callback(self._sent)
        return wait

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()

    def _pause(self, intent: Intent) -> float:
        """Seconds before this card may be edited again; a deploy's end is never held back."""
        edited = self._edited.get(intent.about)
        if intent.topic != "card" or edited is None or intent.deploy_ended:
            return 0.0
        pause = edited + EDIT_SECONDS - self._clock.monotonic()
        if pause <= 0:
            del self._edited[intent.about]
        return pause

    async def _send(self, intent: Intent) -> None:
        outbox = self._store.outbox
        try:
            await self._tell(intent)
        except SlackRateLimited as error:
            delay, why = timedelta(seconds=error.retry_after), error.reason
            await self._note(lambda: outbox.later(intent, delay, why, unsure=intent.unsure))
        except DeployError as error:
            await self._failed(intent, error)
        except Exception as error:  # noqa: BLE001 - a defect must not hold back what comes after
            _log.exception("outbox_failed", about=intent.about, topic=intent.topic)
            await self._failed(intent, InternalError(type(error).__name__))
        else:
            await self._note(lambda: outbox.sent(intent))

    async def _failed(self, intent: Intent, error: DeployError) -> None:
        """Try again later; only what Slack refuses for what it is is given up at last."""
        said, outbox = error.summary, self._store.outbox
        hopeless = isinstance(error, SlackRefused | ChannelClosed | InternalError)
        level = _log.error if hopeless or isinstance(error, SlackTokenRefused) else _log.warning
        level(
            "slack_send_failed",
            about=intent.about,
            topic=intent.topic,
            reason=error.reason,
            said=said,
            detail=error.detail,
        )
        if hopeless and intent.attempts + 1 >= GIVE_UP_REFUSED:
            await self._note(lambda: outbox.give_up(intent, said))
        else:
            # No answer may be the answer to what was posted all the same.
            unsure = intent.unsure or isinstance(error, SlackUnreachable)
            delay = _back_off(intent)
            await self._note(lambda: outbox.later(intent, delay, said, unsure=unsure))

    async def _note(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write how it went, however long the database is away: an intent that stays marked as
        being sent would hold back all that comes after it."""
        while True:
            try:
                return await write()
            except StoreError as error:
                _log.error("outbox_store_failed", reason=error.reason)
                await self._clock.sleep(LOOK_SECONDS)

    async def _tell(self, intent: Intent) -> None:
        if intent.topic == "card":
            self._edited[intent.about] = self._clock.monotonic()
        if intent.post_id is not None:
            await self._posts.tell(intent.post_id, intent)
        elif intent.deploy_id is not None:
            await self._deploys.tell(intent.deploy_id, intent)


def _back_off(intent: Intent) -> timedelta:
    return timedelta(seconds=min(2.0**intent.attempts, MOST_WAIT_SECONDS))
