"""The form by which a channel is subscribed, drawn and read back: pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from deploy_core.model.errors import UsageError
from deploy_core.watch.subscriptions import zone_named
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.commands import escaped, typed
from handlers.grammar import parse
from handlers.modals import DEPLOYMENT, choice, options, read_metadata
from handlers.mrkdwn import sentence
from handlers.subscription_commands import Subscribe
from handlers.subscription_grammar import ZONE_FORM
from handlers.text import forms as form_text
from handlers.text import subscribe_form as text
from handlers.text.subscriptions import EVENTS as EVENT_WORDS

CHANNEL: Final = "subscribed_channel"
EVENTS: Final = "events"
ONLY: Final = "only"
QUIET_FROM: Final = "quiet_from"
QUIET_TO: Final = "quiet_to"
DIGEST: Final = "digest"
DIGEST_TIME: Final = "digest_time"
ZONE: Final = "zone"
FIELDS: Final = (
    CHANNEL,
    EVENTS,
    ONLY,
    DEPLOYMENT,
    QUIET_FROM,
    QUIET_TO,
    DIGEST,
    DIGEST_TIME,
    ZONE,
)

_AT_FIRST = "09:00"


@dataclass(frozen=True)
class Offer:
    """What the form is drawn with. `channel` is where it was opened, empty on the Home tab; `zone`
    is chosen at first. `filled` are the fields, and `problem` is what was wrong with them."""

    channel: str
    deployments: tuple[str, ...]
    zone: str
    filled: Mapping[str, Sequence[str]] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Filled:
    """What a form was submitted with: `fields` as they were filled, and what they ask for."""

    command: Subscribe
    fields: dict[str, list[str]] = field(default_factory=dict)

    def value(self) -> str:
        """Return it as it is kept until it was dealt with."""
        return json.dumps([typed(self.command), self.fields])

    @classmethod
    def read(cls, value: str) -> "Filled | None":
        """Return what was kept; None for a value that isn't ours."""
        try:
            said, fields = json.loads(value)
            command = parse(said)
        except (ValueError, TypeError, AttributeError, UsageError):
            return None
        return cls(command, dict(fields)) if isinstance(command, Subscribe) else None


def subscribe_form(offer: Offer) -> Block:
    """Return the form."""
    at_first = {CHANNEL: [offer.channel], DIGEST_TIME: [_AT_FIRST], ZONE: [offer.zone]}
    filled = at_first if offer.filled is None else offer.filled
    blocks: list[Block] = [section(sentence(offer.problem, 1_500))] if offer.problem else []
    optional = bool(offer.channel)
    blocks += [
        input_block(
            CHANNEL,
            text.CHANNEL,
            _channels(_one(filled, CHANNEL)),
            hint=text.CHANNEL_HINT if optional else None,
            optional=optional,
        ),
        _field(EVENTS, text.EVENTS, _events(filled), text.EVENTS_HINT),
        _field(ONLY, text.ONLY, _names(_one(filled, ONLY)), text.ONLY_HINT),
        _field(
            DEPLOYMENT,
            text.DEPLOYMENT,
            _deployments(offer.deployments, _one(filled, DEPLOYMENT)),
            text.DEPLOYMENT_HINT,
        ),
        _field(QUIET_FROM, text.QUIET_FROM, _time(_one(filled, QUIET_FROM)), text.QUIET_HINT),
        _field(QUIET_TO, text.QUIET_TO, _time(_one(filled, QUIET_TO))),
        _field(DIGEST, text.DIGEST, choice(text.DIGESTS, _one(filled, DIGEST))),
        _field(DIGEST_TIME, text.DIGEST_TIME, _time(_one(filled, DIGEST_TIME))),
        _field(ZONE, text.ZONE, _looked_up(_one(filled, ZONE)), text.ZONE_HINT),
    ]
    return {
        "type": "modal",
        "callback_id": actions.SUBSCRIBE_FORM,
        "title": plain_text(text.TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.SUBMIT, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": json.dumps({"channel": offer.channel}),
        "blocks": blocks,
    }


def read_subscribe_form(view: Mapping[str, Any]) -> Filled | dict[str, str]:
    """Read a submitted form: what it asks for, or what is wrong by the field's block_id. The fields
    pass the same checks as typed text does."""
    values = view["state"]["values"]
    fields = {name: found for name in FIELDS if (found := _values(values, name))}
    errors: dict[str, str] = {}
    command = Subscribe(
        channel=_one(fields, CHANNEL) or str(read_metadata(view).get("channel") or "") or None,
        events=tuple(fields.get(EVENTS, ())),
        only=_read_names(_one(fields, ONLY), errors),
        deployment=_one(fields, DEPLOYMENT) or None,
        quiet=_read_quiet(fields, errors),
        digest=_read_digest(fields, errors),
    )
    if command.channel is None:
        errors[CHANNEL] = text.NO_CHANNEL
    if not errors:
        errors |= _unreadable(command)
    return errors or Filled(command, fields)


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return the time zones that can be typed, in their order. It reads files, the first time."""
    return tuple(sorted(name for name in available_timezones() if ZONE_FORM.fullmatch(name)))


def _read_names(said: str, errors: dict[str, str]) -> tuple[str, ...]:
    if not said:
        return ()
    try:
        read = parse(f"subscribe runs for {escaped(said)}")
    except UsageError as error:
        errors[ONLY] = error.summary
        return ()
    if not isinstance(read, Subscribe) or read != Subscribe(events=("runs",), only=read.only):
        errors[ONLY] = text.NAMES_UNREADABLE
        return ()
    return read.only


def _read_quiet(fields: Mapping[str, Sequence[str]], errors: dict[str, str]) -> str | None:
    start, end = _one(fields, QUIET_FROM), _one(fields, QUIET_TO)
    if not start and not end:
        return None
    if not (start and end):
        errors[QUIET_TO if start else QUIET_FROM] = text.BOTH_TIMES
        return None
    return _timed(f"{start}-{end}", "quiet", QUIET_TO, fields, errors)


def _read_digest(fields: Mapping[str, Sequence[str]], errors: dict[str, str]) -> str | None:
    often, at = _one(fields, DIGEST), _one(fields, DIGEST_TIME)
    if not often:
        return None
    if not at:
        errors[DIGEST_TIME] = text.NO_TIME
        return None
    return _timed(f"{often} {at}", "digest", DIGEST_TIME, fields, errors)


def _timed(
    said: str, word: str, name: str, fields: Mapping[str, Sequence[str]], errors: dict[str, str]
) -> str | None:
    zone = _one(fields, ZONE)
    try:
        if zone:
            zone_named(zone)
    except ValueError as error:
        errors[ZONE] = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return None
    try:
        read = parse(f"subscribe {word} {said} {zone}")
    except UsageError as error:
        errors[name] = error.summary
        return None
    return (read.quiet or read.digest) if isinstance(read, Subscribe) else None


def _unreadable(command: Subscribe) -> dict[str, str]:
    """Return what is wrong with all of it: it must read as text does."""
    try:
        read = parse(typed(command))
    except UsageError as error:
        return {CHANNEL: error.summary}
    return {} if read == command else {CHANNEL: form_text.UNREADABLE}


def _values(values: Mapping[str, Any], name: str) -> list[str]:
    state = values.get(name, {}).get(name, {})
    if "selected_options" in state:
        return [str(each["value"]) for each in state["selected_options"] or ()]
    if "selected_option" in state:
        return [str(state["selected_option"]["value"])] if state["selected_option"] else []
    found = state.get("selected_conversation") or state.get("selected_time") or state.get("value")
    line = " ".join(found.split()) if isinstance(found, str) else ""
    return [line] if line else []


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _field(name: str, label: str, element: Block, hint: str | None = None) -> Block:
    return input_block(name, label, element, hint=hint, optional=True)


def _channels(chosen: str) -> Block:
    element: Block = {
        "type": "conversations_select",
        "placeholder": _placeholder(),
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": False},
    }
    if re.match(r"[CG]", chosen):  # Slack doesn't offer our direct messages here
        element["initial_conversation"] = chosen
    return element


def _events(filled: Mapping[str, Sequence[str]]) -> Block:
    offered = [
        _option(event.value, f"{words[:1].upper()}{words[1:]}")
        for event, words in EVENT_WORDS.items()
    ]
    chosen = [each for each in offered if each["value"] in filled.get(EVENTS, ())]
    element: Block = {"type": "checkboxes", "options": offered}
    return {**element, "initial_options": chosen} if chosen else element


def _names(said: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "max_length": limits.PLAIN_TEXT_INPUT,
        "placeholder": plain_text(text.ONLY_PLACEHOLDER, limits.PLACEHOLDER),
    }
    return {**element, "initial_value": said} if said else element


def _deployments(names: tuple[str, ...], chosen: str) -> Block:
    offered = options(names)
    first = next((each for each in offered if each["value"] == chosen), None)
    if len(names) > limits.OPTIONS or not offered:
        return _looked_up(chosen)
    element: Block = {"type": "static_select", "placeholder": _placeholder(), "options": offered}
    return {**element, "initial_option": first} if first is not None else element


def _time(chosen: str) -> Block:
    element: Block = {"type": "timepicker", "placeholder": _placeholder()}
    return {**element, "initial_time": chosen} if chosen else element


def _looked_up(chosen: str) -> Block:
    element: Block = {
        "type": "external_select",
        "min_query_length": 0,
        "placeholder": _placeholder(),
    }
    return {**element, "initial_option": _option(chosen)} if chosen else element


def _placeholder() -> Block:
    return plain_text(form_text.CHOOSE, limits.PLACEHOLDER)


def _option(value: str, shown: str | None = None) -> Block:
    return {"text": plain_text(shown or value, limits.OPTION_TEXT), "value": value}
