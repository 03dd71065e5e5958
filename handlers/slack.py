"""Our calls to Slack's Web API: few, typed, with mapped errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from deploy_core.clock import Clock
from handlers.blocks import Block, Message
from handlers.slack_errors import (
    ChannelClosed,
    SlackError,
    SlackRateLimited,
    SlackRefused,
    SlackUnreachable,
    slack_errors_mapped,
)

_HISTORY_PAGE = 200
_HISTORY_PAGES = 10


@dataclass(frozen=True)
class Mark:
    """What a message of ours is about, by which a lost one is found again: the deploy, or the post
    that belongs to none, of this number, and what of it: the `card`, or what is said in its thread
    (about `position`). `file` is the name of the file it comes with: such a message has no
    metadata."""

    number: int
    topic: str = "card"
    position: int | None = None
    file: str | None = None
    of: Literal["deploy", "post"] = "deploy"

    def metadata(self) -> dict[str, Any]:
        """Return it as a message's metadata."""
        position = {} if self.position is None else {"position": self.position}
        payload = {self.of: self.number, "topic": self.topic, **position}
        return {"event_type": f"dagster_{self.of}", "event_payload": payload}

    def is_on(self, message: dict[str, Any]) -> bool:
        """Return True when a message, as Slack returns it, bears this mark."""
        metadata, wanted = message.get("metadata") or {}, self.metadata()
        if metadata.get("event_type") == wanted["event_type"]:
            return bool(metadata.get("event_payload") == wanted["event_payload"])
        files = message.get("files") or []
        return self.file is not None and any(each.get("title") == self.file for each in files)


OnCall = Callable[[str, str, float], None]
"""Told of each call: its method, `ok` or the reason code, and its seconds."""


def _nobody(_method: str, _result: str, _seconds: float) -> None:
    return None


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

    def __init__(self, client: AsyncWebClient, clock: Clock, on_call: OnCall = _nobody) -> None:
        self._client = client
        self._clock = clock
        self._on_call = on_call
        timeout = aiohttp.ClientTimeout(total=client.timeout)
        self._session = client.session = aiohttp.ClientSession(timeout=timeout)
        self._identity: Identity | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    @contextmanager
    def _calling(self, method: str) -> Iterator[None]:
        began, result = self._clock.monotonic(), "ok"
        try:
            with slack_errors_mapped():
                yield
        except BaseException as error:
            result = error.reason if isinstance(error, SlackError) else "cut_off"
            raise
        finally:
            self._on_call(method, result, self._clock.monotonic() - began)

    async def identity(self) -> Identity:
        """Return the bot's own team and user id; asked once."""
        if self._identity is None:
            with self._calling("auth.test"):
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
        mark: Mark | None = None,
    ) -> str:
        """Post a message and return its ts. `broadcast` shows a reply in the channel too; by its
        `mark` the message is found again."""
        with self._calling("chat.postMessage"):
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks or None,
                thread_ts=thread_ts,
                reply_broadcast=broadcast if thread_ts else None,
                metadata=None if mark is None else mark.metadata(),
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(answer["ts"])

    async def edit(self, channel: str, ts: str, message: Message) -> None:
        """Replace a message. Text and blocks always go together: without blocks Slack would
        take the old ones away."""
        with self._calling("chat.update"):
            await self._client.chat_update(
                channel=channel, ts=ts, text=message.text, blocks=message.blocks
            )

    async def delete(self, channel: str, ts: str) -> None:
        """Delete one of our own messages."""
        with self._calling("chat.delete"):
            await self._client.chat_delete(channel=channel, ts=ts)

    async def find(
        self, channel: str, mark: Mark, *, since: float, thread_ts: str | None = None
    ) -> list[str]:
        """Return the ts of our messages of that mark, oldest first, that were posted since then
        (seconds since 1970) in the channel, or in one thread of it.

        Raises `ScopeMissing` where the app wasn't allowed to read there.
        """
        found: list[str] = []
        us, cursor = (await self.identity()).user, None
        asked: dict[str, Any] = {"channel": channel, "include_all_metadata": True}
        asked |= {"oldest": f"{since:.6f}", "limit": _HISTORY_PAGE}
        method = "conversations.history" if thread_ts is None else "conversations.replies"
        for _ in range(_HISTORY_PAGES):
            with self._calling(method):
                answer: Any
                if thread_ts is None:
                    answer = await self._client.conversations_history(**asked, cursor=cursor)
                else:
                    answer = await self._client.conversations_replies(
                        **asked, ts=thread_ts, cursor=cursor
                    )
            found += [
                str(each["ts"])
                for each in answer["messages"]
                if each.get("user") == us and mark.is_on(each)
            ]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return sorted(found, key=float)

    async def upload(
        self, channel: str, thread_ts: str | None, *, name: str, text: str | bytes, comment: str
    ) -> None:
        """Put a file into a thread, or into the channel itself."""
        with self._calling("files.uploadV2"):
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
        replace: bool = False,
    ) -> None:
        """Answer one person only, with `replace` in the place of the message whose button they
        pressed. Through `response_url` where there is one: it works in channels
        where the bot isn't. Where the person can't be reached in the channel: a direct message."""
        if response_url is not None and thread_ts is None:
            try:
                await self.respond(response_url, message, replace=replace)
                return
            except SlackUnreachable:
                pass  # it was used up, or is too old: after a restart, or a long plan
        if not channel:  # a button of the Home tab
            await self.post(await self.direct(user), message)
            return
        try:
            with self._calling("chat.postEphemeral"):
                await self._client.chat_postEphemeral(
                    channel=channel,
                    user=user,
                    text=message.text,
                    blocks=message.blocks or None,
                    thread_ts=thread_ts,
                )
        except (ChannelClosed, SlackRefused):
            await self.post(await self.direct(user), message)

    async def respond(
        self, response_url: str, message: Message, *, replace: bool = False, here: bool = False
    ) -> None:
        """Answer at a response_url: the one person, or `here` everybody in the channel."""
        with self._calling("response_url"):
            answer = await AsyncWebhookClient(response_url, session=self._session).send(
                text=message.text,
                blocks=message.blocks or None,
                response_type="in_channel" if here else "ephemeral",
                replace_original=replace,
            )
            if answer.status_code != 200:
                raise SlackUnreachable(f"Slack refused an answer ({answer.status_code}).")

    async def direct(self, user: str) -> str:
        """Return the channel of the direct messages with a person."""
        with self._calling("conversations.open"):
            answer: Any = await self._client.conversations_open(users=user)
        return str(answer["channel"]["id"])

    async def may_post(self, channel: str) -> bool:
        """Return True when the bot can post in the channel."""
        try:
            with self._calling("conversations.info"):
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
            with self._calling("chat.getPermalink"):
                answer = await self._client.chat_getPermalink(channel=channel, message_ts=ts)
        except SlackError:
            return None
        return str(answer["permalink"])

    async def open_view(self, trigger_id: str, view: Block) -> str:
        """Open a modal and return its id. The trigger is good for three seconds."""
        with self._calling("views.open"):
            answer: Any = await self._client.views_open(trigger_id=trigger_id, view=view)
        return str(answer["view"]["id"])

    async def unfurl(self, where: dict[str, str], unfurls: dict[str, list[Block]]) -> None:
        """Show these blocks under the addresses of a message; `where` is its `channel` and `ts`,
        or the `unfurl_id` and `source` that Slack named."""
        shown = {url: {"blocks": blocks} for url, blocks in unfurls.items()}
        with self._calling("chat.unfurl"):
            await self._client.chat_unfurl(
                channel=where.get("channel"),
                ts=where.get("ts"),
                unfurl_id=where.get("unfurl_id"),
                source=where.get("source"),
                unfurls=shown,
            )

    async def publish_home(self, user: str, view: Block) -> None:
        """Show a person this Home tab."""
        with self._calling("views.publish"):
            await self._client.views_publish(user_id=user, view=view)

    async def update_view(self, view_id: str, view: Block) -> None:
        """Show another view in the place of an open one."""
        with self._calling("views.update"):
            await self._client.views_update(view_id=view_id, view=view)
