"""Sends what belongs to a deploy: its card, which is edited in place, and what is in its thread."""

import asyncio

import structlog

from bot.poster import Poster
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.deploys import Deploy
from deploy_core.settings import CoreSettings
from deploy_core.store.outbox import Intent
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from handlers.cards.thread import ThreadPost, end_mention, failure_broadcast, failure_detail
from handlers.slack import Mark, Slack
from handlers.slack_errors import ChannelClosed, MessageGone, SlackRefused

_log = structlog.get_logger()


class DeploySender:
    """Draws a deploy's messages from its rows, as they are when they are sent."""

    def __init__(
        self,
        store: Store,
        slack: Slack,
        poster: Poster,
        dagster: DagsterPlus,
        settings: CoreSettings,
        clock: Clock,
        crash: Crash,
    ) -> None:
        self._store = store
        self._slack = slack
        self._poster = poster
        self._dagster = dagster
        self._settings = settings
        self._clock = clock
        self._crash = crash

    async def tell(self, deploy_id: int, intent: Intent) -> None:
        """Post or edit the card, or answer in its thread. Raises `SlackError`, `StoreError`."""
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
        broadcast = False
        if intent.topic == "detail" and intent.position is not None:
            logs = await self._store.build_logs.of_deploy(deploy.id)
            target, log = deploy.targets[intent.position], logs.get(intent.position, "")
            # A long log takes half a second to clean: never on the loop.
            said = await asyncio.to_thread(failure_detail, target, log)
        else:
            now = self._clock.now()
            failed = failure_broadcast(deploy, now)
            said, broadcast = ThreadPost(failed or end_mention(deploy, now)), failed is not None
        mark = Mark(deploy.id, intent.topic, intent.position)
        await self._poster.reply(
            place.channel,
            place.ts,
            said,
            mark,
            intent,
            since=deploy.created_at,
            broadcast=broadcast,
        )

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
        await self._poster.post(channel, card, mark, intent, since=deploy.created_at)
