"""Who is mentioned with a message about what broke."""

from collections.abc import Sequence

from handlers.blocks import Message, context
from handlers.mrkdwn import owner


def with_owners(message: Message, ids: Sequence[str]) -> Message:
    """Return the message with a line that mentions these users and groups, above its buttons."""
    if not ids:
        return message
    line = f"Owned by {', '.join(map(owner, ids))}"
    blocks = list(message.blocks)
    at = len(blocks) - 1 if blocks and blocks[-1]["type"] == "actions" else len(blocks)
    blocks.insert(at, context(line))
    return Message(f"{message.text} {line}.", blocks if message.blocks else [])
