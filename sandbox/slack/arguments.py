"""Arguments of a Web API call: form fields and JSON, read alike."""

import json
import re
from typing import Any

from sandbox.slack import limits
from sandbox.slack.blocks import check_message_blocks
from sandbox.slack.errors import SlackError
from sandbox.slack.model import BOT_USER_ID, Channel, Json
from sandbox.slack.state import State

_TS = re.compile(r"\d{10}\.\d{6}")


def required(args: Json, name: str) -> str:
    """A string argument; SlackError invalid_arguments if absent."""
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", messages=[f"missing required field: {name}"])
    return value


def flag(args: Json, name: str) -> bool:
    """A boolean argument, as JSON or as form text."""
    return str(args.get(name, "")).lower() in ("true", "1")


def structured(args: Json, name: str, error: str) -> Any:
    """A list or object that may come as JSON text; None if absent; SlackError `error` if broken."""
    value = args.get(name)
    if isinstance(value, str):
        if not value:
            return None
        try:
            return json.loads(value)
        except json.JSONDecodeError as problem:
            raise SlackError(error) from problem
    return value


def timestamp(args: Json, name: str, error: str) -> str | None:
    """A message timestamp or None; SlackError `error` if it has another form."""
    value = args.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not _TS.fullmatch(value):
        raise SlackError(error)
    return value


def message_blocks(args: Json, *, total_limit: bool) -> list[Json] | None:
    """The checked blocks argument; None if absent."""
    blocks = structured(args, "blocks", "invalid_blocks_format")
    if blocks is None:
        return None
    check_message_blocks(blocks, total_limit=total_limit)
    checked: list[Json] = blocks
    return checked


def attachments(args: Json) -> list[Json] | None:
    """The checked attachments argument; None if absent."""
    found = structured(args, "attachments", "invalid_attachments")
    if found is None:
        return None
    if not isinstance(found, list) or any(not isinstance(each, dict) for each in found):
        raise SlackError("invalid_attachments")
    if len(found) > limits.ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for each in found:
        if "blocks" in each:
            check_message_blocks(each["blocks"], total_limit=True)
    return found


def metadata(args: Json) -> Json | None:
    """The checked metadata argument; None if absent."""
    found = structured(args, "metadata", "invalid_metadata_format")
    if found is None:
        return None
    if found == {}:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(found.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(found)) > limits.METADATA_BYTES:
        raise SlackError("metadata_too_large")
    checked: Json = found
    return checked


def channel_by_id(state: State, args: Json) -> Channel:
    """The conversation with this id; a private one that the bot isn't in does not exist for it."""
    found = state.channels.get(str(args.get("channel", "")))
    if found is None or (found.kind != "channels" and BOT_USER_ID not in found.members):
        raise SlackError("channel_not_found")
    return found


def page(args: Json, items: list[Json], most: int) -> tuple[list[Json], str]:
    """One page of a listing and the cursor of the next (empty at the end)."""
    try:
        limit = max(1, min(int(args.get("limit") or 100), most))
        start = int(str(args.get("cursor") or "0").removeprefix("from:"))
    except ValueError as problem:
        raise SlackError("invalid_cursor") from problem
    stop = start + limit
    return items[start:stop], f"from:{stop}" if stop < len(items) else ""
