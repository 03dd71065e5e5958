"""Sends what belongs to no deploy: a message that is posted once and edited, and its thread."""

import structlog

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.store.outbox import Intent
from deploy_core.store.posts import Post
from deploy_core.store.store import Store
from deploy_core.watch.incidents import Said
from deploy_core.watch.observer import error_of
from handlers.blocks import Message
from handlers.cards.digest import digest_message
from handlers.cards.incidents import changes_message, incidents_message, note_message
from handlers.cards.links import CardLinks
from handlers.slack import Slack
from handlers.slack_errors import MessageGone
from handlers.text.incidents import all_ended, said_words

_log = structlog.get_logger()


class PostSender:
    """Draws a post as things stand when it is sent."""

    def __init__(self, store: Store, slack: Slack, dagster: DagsterPlus, clock: Clock) -> None:
        self._store = store
        self._slack = slack
        self._dagster = dagster
        self._clock = clock

    async def tell(self, post_id: int, intent: Intent) -> None:
        """Post or edit the message, or answer in its thread. Raises `SlackError`, `StoreError`."""
        post = await self._store.posts.get(post_id)
        if intent.topic != "card":
            await self._reply(post, intent)
            return
        drawn = await self._drawn(post)
        if post.ts is not None:
            try:
                await self._slack.edit(post.channel, post.ts, drawn)
                return
            except MessageGone as error:
                _log.warning("post_gone", post=post.id, said=error.summary)
        ts = await self._slack.post(post.channel, drawn, post_id=post.id)
        await self._store.posts.posted(post.id, post.channel, ts)

    async def _reply(self, post: Post, intent: Intent) -> None:
        if post.ts is None:
            return  # it was never posted: there is no thread
        broadcast = False
        if intent.topic == "event" and intent.position is not None:
            event, incident = await self._store.watching.event(intent.position)
            text = said_words(event.said, incident, event.data)
            broadcast = event.said is Said.FLAPPING
        else:
            text = all_ended(await self._store.watching.incidents_of(post.id))
        await self._slack.post(post.channel, Message(text), thread_ts=post.ts, broadcast=broadcast)

    async def _drawn(self, post: Post) -> Message:
        links = CardLinks(dagster=self._dagster.deployment_url(str(post.data["deployment"])))
        if post.kind == "changes":
            return changes_message(post.data, links=links)
        if post.kind == "digest":
            return digest_message(post.data)
        if post.kind == "note":
            return note_message(post.data)
        incidents = await self._store.watching.incidents_of(post.id)
        found = {each.id: error_of(each.data) for each in incidents}
        errors = {number: error for number, error in found.items() if error is not None}
        return incidents_message(incidents, errors, links=links, now=self._clock.now())
