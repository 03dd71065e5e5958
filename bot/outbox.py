"""Sends what the store says Slack is still to be told: in order, at Slack's pace, to the end."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.deploys import Deploy, Place
from deploy_core.model.errors import StoreError
from deploy_core.settings import CoreSettings
from deploy_core.store.outbox import Intent
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from handlers.cards.thread import end_mention, failure_broadcast, failure_detail
from handlers.slack import Slack
from handlers.slack_errors import (
    ChannelClosed,
    MessageGone,
    SlackError,
    SlackRateLimited,
    SlackRefused,
    SlackTokenRefused,
)

EDIT_SECONDS = 1.0
"""Edits of one card are at least so far apart: `chat.update` allows about one a second."""

LOOK_SECONDS = 1.0
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
    ) -> None:
        self._store = store
        self._slack = slack
        self._dagster = dagster
        self._settings = settings
        self._clock = clock
        self._wake = asyncio.Event()
        self._edited: dict[int, float] = {}
        self._sending: set[asyncio.Task[None]] = set()
        store.database.on_commit.append(self._wake.set)

    async def run(self) -> None:
        """Send until cancelled."""
        await self._recover()
        while True:
            self._wake.clear()
            wait = LOOK_SECONDS
            try:
                wait = await self._look()
            except StoreError as error:
                _log.error("outbox_can_not_look", reason=error.reason)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def drain(self, seconds: float) -> None:
        """Send what waits, for at most `seconds`."""
        until = self._clock.monotonic() + seconds
        with suppress(StoreError):
            while self._clock.monotonic() < until and (self._sending or await self._waits()):
                await self._look()
                await self._clock.sleep(0.05)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _recover(self) -> None:
        with suppress(StoreError):
            await self._store.outbox.recover()

    async def _waits(self) -> bool:
        return bool(await self._store.outbox.due())

    async def _look(self) -> float:
        """Start to send what is due; return for how long to wait if nothing else happens."""
        wait = LOOK_SECONDS
        for intent in await self._store.outbox.due():
            pause = await self._pause(intent)
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

    async def _pause(self, intent: Intent) -> float:
        """Seconds before this card may be edited again; its end is never held back."""
        edited = self._edited.get(intent.deploy_id)
        if intent.topic != "card" or edited is None:
            return 0.0
        left = edited + EDIT_SECONDS - self._clock.monotonic()
        if left > 0 and (await self._store.deploys.get(intent.deploy_id)).ended:
            return 0.0
        return left

    async def _send(self, intent: Intent) -> None:
        log = _log.bind(deploy=intent.deploy_id, topic=intent.topic)
        outbox = self._store.outbox
        try:
            await self._tell(intent)
            await outbox.sent(intent)
        except SlackRateLimited as error:
            await outbox.later(intent, timedelta(seconds=error.retry_after), error.reason)
        except (SlackRefused, ChannelClosed) as error:
            log.error("slack_refuses", reason=error.reason, said=error.summary, detail=error.detail)
            if intent.attempts + 1 >= GIVE_UP_REFUSED:
                await outbox.give_up(intent, error.summary)
            else:
                await outbox.later(intent, _back_off(intent), error.summary)
        except SlackError as error:
            level = log.error if isinstance(error, SlackTokenRefused) else log.warning
            level("slack_send_failed", reason=error.reason, said=error.summary)
            await outbox.later(intent, _back_off(intent), error.summary)
        except StoreError as error:
            log.error("outbox_store_failed", reason=error.reason)

    async def _tell(self, intent: Intent) -> None:
        deploy = await self._store.deploys.get(intent.deploy_id)
        if intent.topic == "card":
            await self._card(deploy)
            return
        place = deploy.place
        if place is None or place.ts is None:
            return  # no card was ever posted: there is no thread
        if intent.topic == "detail" and intent.position is not None:
            post = failure_detail(deploy.targets[intent.position])
            if post.file_text is None:
                await self._slack.post(place.channel, Message(post.text), thread_ts=place.ts)
            else:
                await self._slack.upload(
                    place.channel,
                    place.ts,
                    name=post.file_name or "error.txt",
                    text=post.file_text,
                    comment=post.text,
                )
        elif intent.topic == "ended":
            await self._ended(deploy, place, place.ts)

    async def _ended(self, deploy: Deploy, place: Place, ts: str) -> None:
        now = self._clock.now()
        failed = failure_broadcast(deploy, now)
        said = Message(failed or end_mention(deploy, now))
        await self._slack.post(place.channel, said, thread_ts=ts, broadcast=failed is not None)

    async def _card(self, deploy: Deploy) -> None:
        links = CardLinks(dagster=self._dagster.deployment_url(deploy.deployment))
        card = deploy_card(deploy, links=links, now=self._clock.now())
        place = deploy.place
        if place is not None and place.ts is not None:
            try:
                await self._slack.edit(place.channel, place.ts, card)
                self._edited[deploy.id] = self._clock.monotonic()
                return
            except MessageGone:
                _log.warning("card_gone", deploy=deploy.id)
        place = await self._post_card(deploy, card)
        if place is not None:
            await self._store.deploys.set_place(deploy.id, place)
        self._edited[deploy.id] = self._clock.monotonic()

    async def _post_card(self, deploy: Deploy, card: Message) -> Place | None:
        """Post the card where it belongs, or where it can be: the deployment's home channel, or
        the author's direct messages. None for a deploy that has no place in Slack."""
        home = self._settings.deployments[deploy.deployment].home_channel
        wanted = [deploy.place.channel] if deploy.place else []
        wanted += [home] if home and home not in wanted else []
        closed: ChannelClosed | None = None
        for channel in wanted:
            try:
                ts = await self._slack.post(channel, card, deploy_id=deploy.id)
                return Place(channel=channel, ts=ts)
            except ChannelClosed as error:
                closed = error
        if deploy.by.kind == "slack":
            channel = await self._slack.direct(deploy.by.id)
            ts = await self._slack.post(channel, card, deploy_id=deploy.id)
            return Place(channel=channel, ts=ts)
        if closed is not None:
            raise closed
        return None


def _back_off(intent: Intent) -> timedelta:
    return timedelta(seconds=min(2.0**intent.attempts, MOST_WAIT_SECONDS))
