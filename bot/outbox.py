"""Sends what the store says Slack is still to be told: in order, at Slack's pace, to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.posts import PostSender
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import end_tasks
from deploy_core.model.deploys import Deploy, Place
from deploy_core.model.errors import DeployError, InternalError, StoreError
from deploy_core.settings import CoreSettings
from deploy_core.store.outbox import Intent
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from handlers.cards.thread import end_mention, failure_broadcast, failure_detail
from handlers.slack import Mark, Slack
from handlers.slack_errors import (
    ChannelClosed,
    MessageGone,
    ScopeMissing,
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

POST_SECONDS = 60.0
"""Slack's clock and ours may differ by so much when a message of ours is looked for."""

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
    ) -> None:
        self._store = store
        self._slack = slack
        self._dagster = dagster
        self._settings = settings
        self._clock = clock
        self._posts = PostSender(store, slack, dagster, settings, clock)
        self._crash = crash or Crash()
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
            await self._tell_deploy(intent, intent.deploy_id)

    async def _tell_deploy(self, intent: Intent, deploy_id: int) -> None:
        deploy = await self._store.deploys.get(deploy_id)
        if intent.topic == "card":
            self._crash.reach("card", "taken")
            card = self._drawn(deploy)
            try:
                await self._card(intent, deploy, card)
            except SlackRefused as error:
                # Perhaps for its blocks: then it is at least said in words.
                _log.error("card_refused", deploy=deploy.id, said=error.summary, why=error.detail)
                await self._card(intent, deploy, Message(card.text))
            return
        try:
            await self._in_thread(intent, deploy)
        except ChannelClosed:
            # The channel was closed since: the card moves, and its thread with it.
            await self._post_card(intent, deploy, self._drawn(deploy))
            await self._in_thread(intent, await self._store.deploys.get(deploy.id))

    async def _in_thread(self, intent: Intent, deploy: Deploy) -> None:
        place = deploy.place
        if place is None or place.ts is None:
            return  # no card was ever posted: there is no thread
        if intent.topic == "detail" and intent.position is not None:
            logs = await self._store.build_logs.of_deploy(deploy.id)
            target, log = deploy.targets[intent.position], logs.get(intent.position, "")
            # A long log takes half a second to clean: never on the loop.
            post = await asyncio.to_thread(failure_detail, target, log)
            mark = Mark(deploy.id, "detail", intent.position, file=post.file_name)
            if intent.unsure and await self._found(place.channel, mark, deploy, place.ts):
                return
            if post.file_text is None:
                await self._slack.post(
                    place.channel, Message(post.text), thread_ts=place.ts, mark=mark
                )
            else:
                await self._slack.upload(
                    place.channel,
                    place.ts,
                    name=post.file_name or "error.txt",
                    text=post.file_text,
                    comment=post.text,
                )
            self._crash.reach("detail", "posted")
        elif intent.topic == "ended":
            mark = Mark(deploy.id, "ended")
            if intent.unsure and await self._found(place.channel, mark, deploy, place.ts):
                return
            await self._ended(deploy, place, place.ts, mark)
            self._crash.reach("ended", "posted")

    async def _ended(self, deploy: Deploy, place: Place, ts: str, mark: Mark) -> None:
        now = self._clock.now()
        failed = failure_broadcast(deploy, now)
        said, broadcast = Message(failed or end_mention(deploy, now)), failed is not None
        await self._slack.post(place.channel, said, thread_ts=ts, broadcast=broadcast, mark=mark)

    async def _found(
        self,
        channel: str,
        mark: Mark,
        deploy: Deploy,
        thread_ts: str | None = None,
        *,
        keep: str | None = None,
    ) -> str | None:
        """Return the ts of a message that was posted by a process that then died, if Slack lets
        us look; where there are several, all but the newest (or the one to `keep`) are removed."""
        since = deploy.created_at.timestamp() - POST_SECONDS
        try:
            found = await self._slack.find(channel, mark, since=since, thread_ts=thread_ts)
        except (ScopeMissing, ChannelClosed) as error:
            _log.warning("message_not_looked_for", deploy=deploy.id, said=error.summary)
            return None
        newest = keep or (found[-1] if found else None)
        for other in found:
            if other != newest:
                await self._remove(channel, other)
        return newest

    async def _remove(self, channel: str, ts: str) -> None:
        with suppress(MessageGone, SlackRefused, ChannelClosed):
            await self._slack.delete(channel, ts)

    def _drawn(self, deploy: Deploy) -> Message:
        links = CardLinks(dagster=self._dagster.deployment_url(deploy.deployment))
        return deploy_card(deploy, links=links, now=self._clock.now())

    async def _card(self, intent: Intent, deploy: Deploy, card: Message) -> None:
        place = deploy.place
        if place is not None and place.ts is not None:
            try:
                await self._slack.edit(place.channel, place.ts, card)
                self._crash.reach("card", "edited")
                return
            except (MessageGone, ChannelClosed) as error:
                _log.warning("card_gone", deploy=deploy.id, said=error.summary)
        await self._post_card(intent, deploy, card)

    async def _post_card(self, intent: Intent, deploy: Deploy, card: Message) -> None:
        """Post the card where it belongs, or where it can be: the deployment's home channel, or
        the author's direct messages. Some deploys have no place in Slack at all."""
        deployment = self._settings.deployments.get(deploy.deployment)
        home = deployment.home_channel if deployment else None
        wanted = [deploy.place.channel] if deploy.place else []
        wanted += [home] if home and home not in wanted else []
        closed: ChannelClosed | None = None
        for channel in wanted:
            try:
                await self._post_in(channel, intent, deploy, card)
                return
            except ChannelClosed as error:
                closed = error
        if deploy.by.kind == "slack":
            await self._post_in(await self._slack.direct(deploy.by.id), intent, deploy, card)
        elif closed is not None:
            raise closed

    async def _post_in(self, channel: str, intent: Intent, deploy: Deploy, card: Message) -> None:
        mark = Mark(deploy.id)
        ts = await self._found(channel, mark, deploy) if intent.unsure else None
        if ts is None:
            ts = await self._slack.post(channel, card, mark=mark)
        else:
            await self._slack.edit(channel, ts, card)
        self._crash.reach("card", "posted")
        if await self._store.outbox.posted(intent, Place(channel=channel, ts=ts)):
            self._crash.reach("card", "placed")
            if intent.unsure:
                # Again, for what a process that was only slow has posted meanwhile.
                await self._found(channel, mark, deploy, keep=ts)
            return
        # Another process took us for dead. It finds our card, or has posted its own.
        place = (await self._store.deploys.get(deploy.id)).place
        if place is not None and place.ts is not None and place.ts != ts:
            await self._remove(channel, ts)


def _back_off(intent: Intent) -> timedelta:
    return timedelta(seconds=min(2.0**intent.attempts, MOST_WAIT_SECONDS))
