"""Posts what may be in Slack already, because the process that sent it has died meanwhile."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from deploy_core.crash import Crash
from deploy_core.model.deploys import Place
from deploy_core.store.outbox import Intent
from deploy_core.store.store import Store
from handlers.blocks import Message
from handlers.cards.thread import ThreadPost
from handlers.slack import Mark, Slack
from handlers.slack_errors import ChannelClosed, MessageGone, ScopeMissing, SlackRefused

CLOCKS_DIFFER = timedelta(minutes=1)
"""Slack's clock and ours may differ by so much when a message of ours is looked for."""

_log = structlog.get_logger()


class Poster:
    """What is posted with a mark is there once at the end, where Slack lets us look."""

    def __init__(self, store: Store, slack: Slack, crash: Crash) -> None:
        self._store = store
        self._slack = slack
        self._crash = crash

    async def post(
        self, channel: str, message: Message, mark: Mark, intent: Intent, *, since: datetime
    ) -> None:
        """Post the card of an intent, or edit the one that is there, and note where it is. It was
        posted after `since`, if it was. Raises `SlackError`, `StoreError`."""
        ts = await self._found(channel, mark, since) if intent.unsure else None
        if ts is None:
            ts = await self._slack.post(channel, message, mark=mark)
        else:
            await self._slack.edit(channel, ts, message)
        place = "card" if mark.of == "deploy" else "post"
        self._crash.reach(place, "posted")
        if await self._store.outbox.posted(intent, Place(channel=channel, ts=ts)):
            self._crash.reach(place, "placed")
            if intent.unsure:
                # Again, for what a process that was only slow has posted meanwhile.
                await self._found(channel, mark, since, keep=ts)
            return
        # Another process took us for dead. It finds our message, or has posted its own.
        theirs = await self._store.outbox.place(intent)
        if theirs is not None and theirs.ts is not None and theirs.ts != ts:
            await self._remove(channel, ts)

    async def reply(
        self,
        channel: str,
        thread_ts: str,
        said: ThreadPost,
        mark: Mark,
        intent: Intent,
        *,
        since: datetime,
        broadcast: bool = False,
    ) -> None:
        """Say something in a thread, unless it is there already. Raises `SlackError`."""
        mark = replace(mark, file=said.file_name)
        if intent.unsure and await self._found(channel, mark, since, thread_ts=thread_ts):
            return
        if said.file_text is None:
            message = Message(said.text)
            await self._slack.post(
                channel, message, thread_ts=thread_ts, broadcast=broadcast, mark=mark
            )
        else:
            await self._slack.upload(
                channel,
                thread_ts,
                name=said.file_name or "error.txt",
                text=said.file_text,
                comment=said.text,
            )
        self._crash.reach(mark.topic if mark.of == "deploy" else "reply", "posted")

    async def _found(
        self,
        channel: str,
        mark: Mark,
        since: datetime,
        *,
        thread_ts: str | None = None,
        keep: str | None = None,
    ) -> str | None:
        """Return the ts of the message, if it can be found; where there are several, all but the
        newest (or the one to `keep`) are removed."""
        earliest = (since - CLOCKS_DIFFER).timestamp()
        try:
            found = await self._slack.find(channel, mark, since=earliest, thread_ts=thread_ts)
        except (ScopeMissing, ChannelClosed) as error:
            _log.warning("message_not_looked_for", about=mark.metadata(), said=error.summary)
            return None
        newest = keep or (found[-1] if found else None)
        for other in found:
            if other != newest:
                await self._remove(channel, other)
        return newest

    async def _remove(self, channel: str, ts: str) -> None:
        with suppress(MessageGone, SlackRefused, ChannelClosed):
            await self._slack.delete(channel, ts)
