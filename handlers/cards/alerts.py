"""An alert of Dagster+ that belongs to no incident."""

from collections.abc import Mapping

from pydantic import JsonValue

from handlers import actions
from handlers.blocks import Message, context, section, url_button
from handlers.blocks import actions as row
from handlers.text import alerts as text
from handlers.text.deploys import BUTTONS


def alert_message(data: Mapping[str, JsonValue]) -> Message:
    """Return the message; its button opens Dagster+."""
    said = text.alerted(data)
    url = str(data.get("url") or "") or None
    opens = url_button(BUTTONS[actions.OPEN_DAGSTER], actions.OPEN_DAGSTER, url)
    blocks = [section(f":rotating_light: {said}"), context(text.not_seen(data))]
    return Message(text=said, blocks=[*blocks, *([row(opens)] if opens is not None else [])])
