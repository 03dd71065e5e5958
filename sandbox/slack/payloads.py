"""The payloads of commands, interactions and events, in the shape of Slack's reference."""

from typing import Any

from sandbox.slack.forms import KEYS
from sandbox.slack.model import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    Channel,
    Json,
    Message,
    Person,
    View,
)
from sandbox.slack.state import State

_TOKEN = "legacy-verification-token"
_CHANNEL_NAMES = {"channels": None, "groups": "privategroup", "im": "directmessage"}


def channel_name(channel: Channel) -> str:
    """The name that payloads carry."""
    return _CHANNEL_NAMES[channel.kind] or channel.name


def command(state: State, person: Person, channel: Channel, name: str, text: str) -> Json:
    """A slash command."""
    return {
        "token": _TOKEN,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": state.new_response_url(channel.id, person.id),
        "trigger_id": state.new_trigger(person.id),
    }


def _common(person: Person) -> Json:
    return {
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id,
        },
        "api_app_id": APP_ID,
        "token": _TOKEN,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _of_message(state: State, message: Message, channel: Channel) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts is not None:
        container["thread_ts"] = message.thread_ts
    found: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": channel_name(channel)},
    }
    # Slack leaves the message out where it was ephemeral.
    if message.ephemeral_to is None:
        found["message"] = message.to_slack(state.base_url, with_metadata=True)
    return found


def _of_view(view: View) -> Json:
    return {"container": {"type": "view", "view_id": view.id}, "view": view.to_slack()}


def block_action(
    state: State, person: Person, where: Message | View, action: Json, values: Json
) -> Json:
    """A click, a choice or an entry, in a message or a view."""
    found = {"type": "block_actions", **_common(person), "actions": [action]}
    if isinstance(where, View):
        found |= _of_view(where)
        found["trigger_id"] = state.new_trigger(person.id, where.id)
        return found
    channel = state.channels[where.channel]
    found |= _of_message(state, where, channel)
    found["state"] = {"values": values}
    found["trigger_id"] = state.new_trigger(person.id)
    found["response_url"] = state.new_response_url(
        channel.id, person.id, message_ts=where.ts, thread_ts=where.thread_ts
    )
    return found


def action_of(state: State, block: Json, element: Json, chosen: Any) -> Json:
    """The `actions` entry for one element; `chosen` is Slack's value for it, None for buttons."""
    kind = element["type"]
    action: Json = {
        "type": kind,
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": state.new_ts(),
    }
    if kind == "overflow":
        action["selected_option"] = chosen
    elif kind in KEYS:
        action[KEYS[kind][0]] = chosen
    for key in ("text", "value", "style", "url") if kind == "button" else ():
        if key in element:
            action[key] = element[key]
    return action


def suggestion(
    state: State, person: Person, where: Message | View, ids: tuple[str, str], typed: str
) -> Json:
    """What an external select asks while a person types; `ids` are block_id and action_id."""
    found = {"type": "block_suggestion", **_common(person), "value": typed}
    found |= {"block_id": ids[0], "action_id": ids[1]}
    if isinstance(where, View):
        return found | _of_view(where)
    return found | _of_message(state, where, state.channels[where.channel])


def submission(state: State, person: Person, view: View) -> Json:
    """A submitted modal."""
    return {
        "type": "view_submission",
        **_common(person),
        "trigger_id": state.new_trigger(person.id, view.id),
        "view": view.to_slack(),
        "response_urls": [],
    }


def closing(person: Person, view: View, *, is_cleared: bool) -> Json:
    """A closed modal, for those with notify_on_close."""
    return {
        "type": "view_closed",
        **_common(person),
        "view": view.to_slack(),
        "is_cleared": is_cleared,
    }


def event(state: State, inner: Json) -> Json:
    """An Events API callback around the event itself."""
    return {
        "token": _TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": state.new_id("Ev"),
        "event_time": int(state.clock.now()),
        "is_ext_shared_channel": False,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "event_context": f"4-{BOT_ID}",
    }
