"""Values of interactive elements: what they start with, what a person set, and Slack's shape."""

import re
from typing import Any

from sandbox.slack.blocks import elements_of
from sandbox.slack.elements import flat_options
from sandbox.slack.model import Json

# element type -> key of its value in Slack's state object, and of its initial value
_SINGLE = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_MANY = {
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}
KEYS = {**_SINGLE, **_MANY}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class FormError(ValueError):
    """The person gave a value that Slack's own client would not take."""


def initial_state(blocks: list[Json], keep: Json | None = None) -> Json:
    """`state.values` of freshly shown blocks; those in `keep` survive where both ids agree."""
    values: Json = {}
    for block in blocks:
        for element in elements_of(block):
            kind = element["type"]
            if kind not in KEYS:
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            kept = (keep or {}).get(block_id, {}).get(action_id)
            if kept is not None and kept.get("type") == kind:
                value = kept
            else:
                key, initial = KEYS[kind]
                value = {"type": kind, key: element.get(initial, [] if kind in _MANY else None)}
            values.setdefault(block_id, {})[action_id] = value
    return values


def _find_option(element: Json, wanted: Any, offered: list[Json]) -> Json:
    if isinstance(wanted, dict):
        wanted = wanted.get("value")
    for each in [*flat_options(element), *offered]:
        if wanted in (each["value"], each["text"]["text"]):
            return dict(each)
    raise FormError(f"{wanted!r} is not offered by {element.get('action_id')}")


def state_value(element: Json, given: Any, offered: list[Json]) -> Json:
    """What Slack's state holds after a person gave `given`: text, an option's value, ids, a date.

    `offered` are the options that an external select was answered with. Raises FormError.
    """
    kind = element["type"]
    if kind not in KEYS:
        raise FormError(f"{kind} holds no value")
    key = KEYS[kind][0]
    if given in (None, "", []):
        return {"type": kind, key: [] if kind in _MANY else None}
    if key == "selected_option":
        return {"type": kind, key: _find_option(element, given, offered)}
    if key == "selected_options":
        many = given if isinstance(given, list) else [given]
        return {"type": kind, key: [_find_option(element, each, offered) for each in many]}
    if kind in _MANY:
        return {"type": kind, key: given if isinstance(given, list) else [given]}
    return {"type": kind, key: int(given) if kind == "datetimepicker" else str(given)}


def refusals(blocks: list[Json], values: Json) -> dict[str, str]:
    """By block_id, what Slack's client says before it submits at all."""
    found: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        key = KEYS[element["type"]][0]
        value = values.get(block["block_id"], {}).get(element["action_id"], {}).get(key)
        if value in (None, "", []):
            if not block.get("optional"):
                found[block["block_id"]] = "Please complete this required field."
        elif sentence := _bad_value(element, value):
            found[block["block_id"]] = sentence
    return found


def _bad_value(element: Json, value: Any) -> str | None:
    kind = element["type"]
    if kind == "plain_text_input":
        return _bad_length(element, value)
    if kind == "email_text_input" and not _EMAIL.fullmatch(value):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not value.startswith(("http://", "https://")):
        return "Please enter a valid URL."
    if kind == "number_input":
        return _bad_number(element, value)
    return None


def _bad_length(element: Json, value: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    if len(value) < least:
        return f"Please enter at least {least} characters."
    if len(value) > most:
        return f"Please enter at most {most} characters."
    return None


def _bad_number(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a number."
    if not element["is_decimal_allowed"] and not number.is_integer():
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return None
