"""Commands and mentions: both are text, both end in the same verbs."""

import hashlib
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.errors import UsageError
from deploy_core.model.people import Actor
from handlers import verbs
from handlers.commands import Deploy, Redeploy, Rollback
from handlers.desk import Ask, Desk
from handlers.grammar import parse, without_mention


class Slash:
    """`/dagster …` and `@bot …`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a slash command."""
        ask = Ask(
            key=f"command:{body['trigger_id']}",
            by=Actor(kind="slack", id=body["user_id"], team=body.get("team_id", "")),
            channel=body["channel_id"],
            text=body.get("text", ""),
            response_url=body.get("response_url"),
            trigger_id=body["trigger_id"],
        )
        await self._desk.take(ask, ack, self.deal, words=_words(ask))

    async def mention(self, ack: AsyncAck, body: dict[str, Any]) -> None:
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
        await self._desk.take(ask, ack, self.deal, words=_words(ask))

    async def deal(self, ask: Ask) -> None:
        """Read the text and do what it says."""
        await verbs.run(self._desk, ask, parse(ask.text))


def _words(ask: Ask) -> str | None:
    """Return what makes two commands of a person the same; None for those that change nothing.

    Hashed, because a key can't be as long as a text.
    """
    try:
        changes = isinstance(parse(ask.text), Deploy | Redeploy | Rollback)
    except UsageError:
        return None
    text = " ".join(ask.text.split()).encode("utf-8", "surrogatepass")
    said = f"words:{ask.by.id}:{ask.channel}:{hashlib.sha256(text).hexdigest()}"
    return said if changes else None
