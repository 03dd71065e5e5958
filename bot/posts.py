"""Sends what belongs to no deploy: a message that is posted once and edited, and its thread."""

import structlog

from deploy_core.store.outbox import Intent
from deploy_core.store.posts import Post
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.slack import Slack
from handlers.slack_errors import MessageGone

_log = structlog.get_logger()


class PostSender:
    """Draws a post as things stand when it is sent."""

    def __init__(self, store: Store, slack: Slack) -> None:
        self._store = store
        self._slack = slack

    async def tell(self, post_id: int, intent: Intent) -> None:
        """Post or edit the message. Raises `SlackError`, `StoreError`."""
        del intent
        post = await self._store.posts.get(post_id)
        drawn = self._drawn(post)
        if post.ts is not None:
            try:
                await self._slack.edit(post.channel, post.ts, drawn)
                return
            except MessageGone as error:
                _log.warning("post_gone", post=post.id, said=error.summary)
        ts = await self._slack.post(post.channel, drawn, post_id=post.id)
        await self._store.posts.posted(post.id, post.channel, ts)

    def _drawn(self, post: Post) -> Message:
        return Message(str(post.data["text"]))
