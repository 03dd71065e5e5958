"""Rules for composition objects, rich text and block elements (Block Kit reference)."""

from typing import Any

from sandbox.slack import limits
from sandbox.slack.schema import (
    Check,
    Report,
    anything,
    array,
    boolean,
    either,
    every,
    integer,
    one_of,
    record,
    string,
    tagged,
    typed,
    url,
)


def plain_text(maximum: int, minimum: int = 1) -> Check:
    """A `plain_text` object; mrkdwn is refused."""
    return tagged("plain_text", {"text": string(maximum, minimum)}, {"emoji": boolean})


def any_text(maximum: int, minimum: int = 1) -> Check:
    """A `plain_text` or a `mrkdwn` object."""
    mrkdwn = tagged("mrkdwn", {"text": string(maximum, minimum)}, {"verbatim": boolean})
    return typed({"plain_text": plain_text(maximum, minimum), "mrkdwn": mrkdwn}, "text")


IDENTIFIER = string(limits.IDENTIFIER, 1)
CONFIRM = record(
    {
        "title": plain_text(limits.CONFIRM_TITLE),
        "text": any_text(limits.CONFIRM_TEXT),
        "confirm": plain_text(limits.CONFIRM_BUTTON),
        "deny": plain_text(limits.CONFIRM_BUTTON),
    },
    {"style": one_of("primary", "danger")},
)


def option(*, rich: bool = False, link: bool = False) -> Check:
    """An option; `rich` allows mrkdwn (checkboxes, radio buttons), `link` a url (overflow)."""
    words = any_text if rich else plain_text
    extra: dict[str, Check] = {"description": words(limits.OPTION_DESCRIPTION)}
    if link:
        extra["url"] = url(limits.URL)
    return record(
        {"text": words(limits.OPTION_TEXT), "value": string(limits.OPTION_VALUE, 1)}, extra
    )


OPTIONS = array(option(), 1, limits.OPTIONS)
OPTION_GROUPS = array(
    record(
        {
            "label": plain_text(limits.GROUP_LABEL),
            "options": array(option(), 0, limits.OPTIONS),
        }
    ),
    1,
    limits.OPTION_GROUPS,
)

COMMON: dict[str, Check] = {"action_id": IDENTIFIER}
FOCUS: dict[str, Check] = {"focus_on_load": boolean}
MENU: dict[str, Check] = {
    **COMMON,
    **FOCUS,
    "placeholder": plain_text(limits.PLACEHOLDER),
    "confirm": CONFIRM,
}
MULTI: dict[str, Check] = {**MENU, "max_selected_items": integer(1)}
DISPATCH_CONFIG = record(
    {},
    {
        "trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 1, 2),
    },
)


def flat_options(element: dict[str, Any]) -> list[Any]:
    """All options of a select, groups opened."""
    found = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        if isinstance(group, dict):
            found.extend(group.get("options") or [])
    return found


def _initial_is_offered(value: Any, path: str, report: Report) -> None:
    options = flat_options(value)
    first = value.get("initial_option")
    chosen = value.get("initial_options") or ([first] if first is not None else [])
    if isinstance(chosen, list) and any(each not in options for each in chosen):
        report.add(path, "initial option must exactly match an option")


def _one_option_source(value: Any, path: str, report: Report) -> None:
    if "options" in value and "option_groups" in value:
        report.add(path, "options and option_groups exclude each other")


def _static(kind: str, initial: dict[str, Check], base: dict[str, Check]) -> Check:
    fields: dict[str, Check] = {
        **base,
        **initial,
        "options": OPTIONS,
        "option_groups": OPTION_GROUPS,
    }
    return every(
        tagged(kind, {}, fields),
        either("options", "option_groups"),
        _one_option_source,
        _initial_is_offered,
    )


def _choice(kind: str, initial: dict[str, Check]) -> Check:
    options = array(option(rich=True), 1, limits.CHOICE_OPTIONS)
    fields: dict[str, Check] = {**COMMON, **FOCUS, "confirm": CONFIRM, **initial}
    return every(tagged(kind, {"options": options}, fields), _initial_is_offered)


ONE: dict[str, Check] = {"initial_option": option()}
MANY: dict[str, Check] = {"initial_options": array(option(), 1, limits.OPTIONS)}
QUERY: dict[str, Check] = {"min_query_length": integer(0)}
PERSON: dict[str, Check] = {"initial_user": IDENTIFIER}
URL_ENABLED: dict[str, Check] = {"response_url_enabled": boolean}

SELECTS: dict[str, Check] = {
    "static_select": _static("static_select", ONE, MENU),
    "external_select": tagged("external_select", {}, {**MENU, **ONE, **QUERY}),
    "users_select": tagged("users_select", {}, {**MENU, **PERSON}),
    "channels_select": tagged(
        "channels_select", {}, {**MENU, **URL_ENABLED, "initial_channel": IDENTIFIER}
    ),
    "conversations_select": tagged(
        "conversations_select",
        {},
        {
            **MENU,
            **URL_ENABLED,
            "initial_conversation": IDENTIFIER,
            "default_to_current_conversation": boolean,
            "filter": anything,
        },
    ),
}
MULTI_SELECTS: dict[str, Check] = {
    "multi_static_select": _static("multi_static_select", MANY, MULTI),
    "multi_external_select": tagged("multi_external_select", {}, {**MULTI, **MANY, **QUERY}),
    "multi_users_select": tagged(
        "multi_users_select", {}, {**MULTI, "initial_users": array(IDENTIFIER, 1, 100)}
    ),
    "multi_channels_select": tagged(
        "multi_channels_select", {}, {**MULTI, "initial_channels": array(IDENTIFIER, 1, 100)}
    ),
}
CHOICES: dict[str, Check] = {
    "checkboxes": _choice(
        "checkboxes", {"initial_options": array(option(rich=True), 1, limits.CHOICE_OPTIONS)}
    ),
    "radio_buttons": _choice("radio_buttons", {"initial_option": option(rich=True)}),
}
PICKERS: dict[str, Check] = {
    "datepicker": tagged("datepicker", {}, {**MENU, "initial_date": string(10, 10)}),
    "timepicker": tagged(
        "timepicker", {}, {**MENU, "initial_time": string(5, 5), "timezone": string(100)}
    ),
    "datetimepicker": tagged(
        "datetimepicker",
        {},
        {**COMMON, **FOCUS, "confirm": CONFIRM, "initial_date_time": integer(0)},
    ),
}
BUTTON = tagged(
    "button",
    {"text": plain_text(limits.BUTTON_TEXT)},
    {
        **COMMON,
        "url": url(limits.URL),
        "value": string(limits.BUTTON_VALUE),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(limits.ACCESSIBILITY_LABEL),
    },
)
OVERFLOW = tagged(
    "overflow",
    {"options": array(option(link=True), 1, limits.OVERFLOW_OPTIONS)},
    {**COMMON, "confirm": CONFIRM},
)
SLACK_FILE = every(record({}, {"id": IDENTIFIER, "url": url(limits.URL)}), either("id", "url"))
IMAGE = every(
    tagged(
        "image",
        {"alt_text": string(limits.IMAGE_ALT, 1)},
        {"image_url": url(limits.IMAGE_URL), "slack_file": SLACK_FILE},
    ),
    either("image_url", "slack_file"),
)

TYPED: dict[str, Check] = {
    **COMMON,
    **FOCUS,
    "placeholder": plain_text(limits.PLACEHOLDER),
    "dispatch_action_config": DISPATCH_CONFIG,
}
PLAIN_INPUT = tagged(
    "plain_text_input",
    {},
    {
        **TYPED,
        "initial_value": string(limits.PLAIN_INPUT),
        "multiline": boolean,
        "min_length": integer(0, limits.PLAIN_INPUT),
        "max_length": integer(1, limits.PLAIN_INPUT),
    },
)
INPUTS: dict[str, Check] = {
    "plain_text_input": PLAIN_INPUT,
    "email_text_input": tagged(
        "email_text_input", {}, {**TYPED, "initial_value": string(limits.PLAIN_INPUT)}
    ),
    "url_text_input": tagged(
        "url_text_input", {}, {**TYPED, "initial_value": string(limits.PLAIN_INPUT)}
    ),
    "number_input": tagged(
        "number_input",
        {"is_decimal_allowed": boolean},
        {
            **TYPED,
            "initial_value": string(100),
            "min_value": string(100),
            "max_value": string(100),
        },
    ),
}

SECTION_ACCESSORY: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "image": IMAGE,
    **SELECTS,
    **MULTI_SELECTS,
    **CHOICES,
    **PICKERS,
}
ACTIONS_ELEMENT: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    **SELECTS,
    **CHOICES,
    **PICKERS,
}
INPUT_ELEMENT: dict[str, Check] = {**INPUTS, **SELECTS, **MULTI_SELECTS, **CHOICES, **PICKERS}
