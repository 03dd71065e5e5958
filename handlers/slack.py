"""Our calls to Slack's Web API: few, typed, with mapped errors."""

from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.blocks import Block, Message
from handlers.slack_errors import (
    ChannelClosed,
    SlackError,
    SlackRateLimited,
    SlackRefused,
    SlackUnreachable,
    slack_errors_mapped,
)

METADATA_EVENT = "dagster_deploy"
"""The event type in the metadata of every card, by which a lost one is found again."""

METADATA_POST = "dagster_post"
"""The same for messages that belong to no deploy."""


@dataclass(frozen=True)
class Identity:
    """Who the bot is: from `auth.test`."""

    team: str
    user: str


class Slack:
    """Raises only `SlackError` and its kinds.

    Made in a running loop and closed at the end: all calls share its connections, so that an
    answer doesn't wait for a new one (with TLS, three trips).
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        timeout = aiohttp.ClientTimeout(total=client.timeout)
        self._session = client.session = aiohttp.ClientSession(timeout=timeout)
        self._identity: Identity | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def identity(self) -> Identity:
        """Return the bot's own team and user id; asked once."""
        if self._identity is None:
            with slack_errors_mapped():
                answer = await self._client.auth_test()
            self._identity = Identity(team=str(answer["team_id"]), user=str(answer["user_id"]))
        return self._identity

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        deploy_id: int | None = None,
        post_id: int | None = None,
    ) -> str:
        """Post a message and return its ts. `broadcast` shows a reply in the channel too."""
        metadata = None
        if deploy_id is not None:
            metadata = {"event_type": METADATA_EVENT, "event_payload": {"deploy": deploy_id}}
        elif post_id is not None:
            metadata = {"event_type": METADATA_POST, "event_payload": {"post": post_id}}
        with slack_errors_mapped():
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks or None,
                thread_ts=thread_ts,
                reply_broadcast=broadcast if thread_ts else None,
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(answer["ts"])

    async def edit(self, channel: str, ts: str, message: Message) -> None:
        """Replace a message. Text and blocks always go together: without blocks Slack would
        take the old ones away."""
        with slack_errors_mapped():
            await self._client.chat_update(
                channel=channel, ts=ts, text=message.text, blocks=message.blocks
            )

    async def delete(self, channel: str, ts: str) -> None:
        """Delete one of our own messages."""
        with slack_errors_mapped():
            await self._client.chat_delete(channel=channel, ts=ts)

    async def upload(
        self, channel: str, thread_ts: str | None, *, name: str, text: str, comment: str
    ) -> None:
        """Put a text file into a thread, or into the channel itself."""
        with slack_errors_mapped():
            await self._client.files_upload_v2(
                channel=channel,
                thread_ts=thread_ts,
                content=text,
                filename=name,
                title=name,
                initial_comment=comment,
            )

    async def private(
        self,
        message: Message,
        *,
        user: str,
        channel: str,
        thread_ts: str | None = None,
        response_url: str | None = None,
    ) -> None:
        """Answer one person only. Through `response_url` where there is one: it works in channels
        where the bot isn't. Where the person can't be reached in the channel: a direct message."""
        if response_url is not None and thread_ts is None:
            try:
                await self._respond(response_url, message)
                return
            except SlackUnreachable:
                pass  # it was used up, or is too old: after a restart, or a long plan
        try:
            with slack_errors_mapped():
                await self._client.chat_postEphemeral(
                    channel=channel,
                    user=user,
                    text=message.text,
                    blocks=message.blocks or None,
                    thread_ts=thread_ts,
                )
        except (ChannelClosed, SlackRefused):
            await self.post(await self.direct(user), message)

    async def _respond(self, response_url: str, message: Message) -> None:
        with slack_errors_mapped():
            answer = await AsyncWebhookClient(response_url, session=self._session).send(
                text=message.text,
                blocks=message.blocks or None,
                response_type="ephemeral",
                replace_original=False,
            )
        if answer.status_code != 200:
            raise SlackUnreachable(f"Slack refused a private answer ({answer.status_code}).")

    async def direct(self, user: str) -> str:
        """Return the channel of the direct messages with a person."""
        with slack_errors_mapped():
            answer: Any = await self._client.conversations_open(users=user)
        return str(answer["channel"]["id"])

    async def may_post(self, channel: str) -> bool:
        """Return True when the bot can post in the channel."""
        try:
            with slack_errors_mapped():
                answer: Any = await self._client.conversations_info(channel=channel)
        except (SlackUnreachable, SlackRateLimited):
            return True  # unknown: the outbox finds out, and falls back
        except SlackError:
            return False
        found = answer["channel"]
        return bool(found.get("is_im") or found.get("is_member")) and not found.get("is_archived")

    async def permalink(self, channel: str, ts: str) -> str | None:
        """Return the address of a message, or None where Slack gives none."""
        try:
            with slack_errors_mapped():
                answer = await self._client.chat_getPermalink(channel=channel, message_ts=ts)
        except SlackError:
            return None
        return str(answer["permalink"])

    async def open_view(self, trigger_id: str, view: Block) -> str:
        """Open a modal and return its id. The trigger is good for three seconds."""
        with slack_errors_mapped():
            answer: Any = await self._client.views_open(trigger_id=trigger_id, view=view)
        return str(answer["view"]["id"])
