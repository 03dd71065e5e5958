"""Commands and mentions: both are text, both end in the same verbs."""

import hashlib
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.errors import UsageError
from handlers import payloads, verbs
from handlers.commands import Deploy, Redeploy, Rollback
from handlers.desk import Ask, Desk
from handlers.grammar import parse
from handlers.location_commands import AddLocation, Adopt, RestoreLocation

_CHANGING = (Deploy, AddLocation, Adopt, RestoreLocation, Redeploy, Rollback)


class Slash:
    """`/dagster …` and `@bot …`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a slash command."""
        ask = payloads.command(body)
        await self._desk.take(ask, ack, self.deal, words=_words(ask))

    async def mention(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a mention of the bot; in a thread the answer stays there."""
        ask = payloads.mention(body)
        if ask is not None:
            await self._desk.take(ask, ack, self.deal, words=_words(ask))

    async def deal(self, ask: Ask) -> None:
        """Read the text and do what it says."""
        await verbs.run(self._desk, ask, parse(ask.text))


def _words(ask: Ask) -> str | None:
    """Return what makes two commands of a person the same; None for those that change nothing.

    Hashed, because a key can't be as long as a text.
    """
    try:
        changes = isinstance(parse(ask.text), _CHANGING)
    except UsageError:
        return None
    text = " ".join(ask.text.split()).encode("utf-8", "surrogatepass")
    said = f"words:{ask.by.id}:{ask.channel}:{hashlib.sha256(text).hexdigest()}"
    return said if changes else None
