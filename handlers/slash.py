"""Commands and mentions: both are text, both end in the same verbs."""

from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.errors import UsageError
from deploy_core.model.people import Actor
from handlers import verbs
from handlers.commands import Deploy, Redeploy, Rollback
from handlers.desk import SAME_WORDS, Ask, Desk
from handlers.grammar import parse, without_mention
from handlers.text.answers import said_twice


class Slash:
    """`/dagster …` and `@bot …`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a slash command: written down, acknowledged, then dealt with."""
        ask = Ask(
            key=f"command:{body['trigger_id']}",
            by=Actor(kind="slack", id=body["user_id"], team=body.get("team_id", "")),
            channel=body["channel_id"],
            text=body.get("text", ""),
            response_url=body.get("response_url"),
            trigger_id=body["trigger_id"],
        )
        fresh = await self._take(ask)
        await ack()
        if fresh:
            self._desk.tasks.start(self._desk.dealing(ask, self.deal(ask)))

    async def mention(self, body: dict[str, Any]) -> None:
        """Take a mention of the bot; in a thread the answer stays there."""
        event = body["event"]
        if "user" not in event or event.get("bot_id"):
            return
        ask = Ask(
            key=f"event:{body['event_id']}",
            by=Actor(
                kind="slack",
                id=event["user"],
                team=event.get("user_team") or event.get("team") or body.get("team_id", ""),
            ),
            channel=event["channel"],
            text=without_mention(event.get("text", "")),
            thread_ts=event.get("thread_ts"),
        )
        if await self._take(ask):
            self._desk.tasks.start(self._desk.dealing(ask, self.deal(ask)))

    async def deal(self, ask: Ask) -> None:
        """Read the text and do what it says."""
        await verbs.run(self._desk, ask, parse(ask.text))

    async def _take(self, ask: Ask) -> bool:
        inbox = self._desk.store.inbox
        if not await inbox.take(ask.key, payload=ask.payload()):
            return False
        words = f"words:{ask.by.id}:{ask.channel}:{' '.join(ask.text.split())}"
        if not _changes_something(ask.text) or not await inbox.just_said(words, SAME_WORDS):
            return True
        self._desk.tasks.start(self._desk.dealing(ask, self._said_twice(ask)))
        return False

    async def _said_twice(self, ask: Ask) -> None:
        await self._desk.say(ask, said_twice(int(SAME_WORDS.total_seconds())))


def _changes_something(text: str) -> bool:
    try:
        return isinstance(parse(text), Deploy | Redeploy | Rollback)
    except UsageError:
        return False
