"""The form of a code location, to add one or to edit one, drawn and read back: pure."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy_core.model.adding import require_name
from deploy_core.model.documents import PACKAGE
from deploy_core.model.errors import LocationNameInvalid
from deploy_core.model.plan import Document
from deploy_core.sources import location_fields as fields
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.modals import choice, field_value, read_metadata
from handlers.mrkdwn import sentence, words
from handlers.said import MOST_WHY
from handlers.text import forms as form_text
from handlers.text import location_form as text

NAME: Final = "name"
DEPLOYMENT: Final = "deployment"
WHY: Final = "why"
HOW: Final = "how"
NEW: Final = "new"
_DIRECTLY: Final = "directly"
_PROJECT: Final = "project:"
"""Before a project's name in an option's value."""
_CHOSEN: Final = (fields.SOURCE_KIND, fields.QUEUE, fields.PLATFORM)
_LONG: Final = (fields.ENV, fields.MORE)
_QUEUE: Final = "queue:"
"""Before a queue's name in an option's value; alone it is the default queue."""


@dataclass(frozen=True)
class Offer:
    """What the form is drawn with. `edits` is the location that it is about, if it exists; `typed`
    are the fields, and `problem` is what was wrong with them."""

    channel: str
    deployments: tuple[str, ...]
    deployment: str
    queues: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    project: str = ""
    new: bool = False
    name: str = ""
    edits: bool = False
    typed: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Described:
    """What a form was submitted with: `document` is what its fields make."""

    deployment: str
    name: str
    edits: bool
    typed: dict[str, str]
    why: str
    document: Document
    project: str = ""
    new: bool = False

    def value(self) -> str:
        """Return it as it is kept until it was dealt with."""
        return json.dumps(vars(self))

    @classmethod
    def read(cls, value: str) -> "Described | None":
        """Return what was kept; None for a value that isn't ours."""
        try:
            return cls(**json.loads(value))
        except (ValueError, TypeError):
            return None


def fits(typed: Mapping[str, str]) -> bool:
    """Tell whether a form can hold these fields."""
    return all(limits.size(value) <= limits.PLAIN_TEXT_INPUT for value in typed.values())


def location_form(offer: Offer) -> Block:
    """Return the form."""
    metadata: dict[str, str] = {"channel": offer.channel}
    blocks: list[Block] = []
    if offer.problem:
        blocks.append(section(sentence(offer.problem, 1_500)))
    if offer.edits:
        metadata |= {"edits": offer.name, "deployment": offer.deployment}
        blocks.append(section(words(text.edited(offer.name, offer.deployment), 500)))
    else:
        blocks.append(
            input_block(NAME, text.NAME, _text(offer.name, most=200), hint=text.NAME_HINT)
        )
        blocks.append(input_block(DEPLOYMENT, text.DEPLOYMENT, _deployments(offer)))
    ways = bool(offer.projects) and not offer.edits
    if ways:
        blocks.append(input_block(HOW, text.HOW, _ways(offer), hint=text.HOW_HINT))
        blocks.append(input_block(NEW, text.NEW, _new(offer), hint=text.NEW_HINT, optional=True))
    shown = {name: label for name, label in text.LABELS.items() if ways or name not in fields.BUILD}
    blocks += [_field(name, label, offer) for name, label in shown.items()]
    why = _text(offer.why, most=MOST_WHY)
    blocks.append(input_block(WHY, text.WHY, why, optional=True))
    return {
        "type": "modal",
        "callback_id": actions.LOCATION_FORM,
        "title": plain_text(text.EDIT_TITLE if offer.edits else text.ADD_TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.EDIT if offer.edits else text.ADD, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": json.dumps(metadata),
        "blocks": blocks,
    }


def read_location_form(
    view: Mapping[str, Any], known: Callable[[str], Collection[str]]
) -> Described | dict[str, str]:
    """Read a submitted form: what it describes, or what is wrong by the field's block_id. `known`
    are the locations of a deployment: they have the names that they have."""
    values, about = view["state"]["values"], read_metadata(view)
    typed = {name: value for name in text.LABELS if (value := _value(values, name))}
    if about.get("edits"):
        name, deployment, edits = str(about["edits"]), str(about["deployment"]), True
    else:
        name, deployment = _value(values, NAME), _value(values, DEPLOYMENT)
        edits = False
    new = bool(values.get(NEW, {}).get(NEW, {}).get("selected_options"))
    made, problems = fields.document_of(name, typed, new=new)
    way = _value(values, HOW)
    project = way.removeprefix(_PROJECT) if way.startswith(_PROJECT) else ""
    if not project:
        problems |= {field: text.ONLY_IN_A_PROJECT for field in fields.BUILD if field in typed}
    if new:
        problems |= _problems_of_new(typed, project)
    if not edits and name not in known(deployment):
        try:
            require_name(name)
        except LocationNameInvalid as error:
            problems[NAME] = f"{error.summary} {error.next_step}".replace("`", "")
    if problems:
        return problems
    why = " ".join(_value(values, WHY).split())
    return Described(deployment, name, edits, typed, why, made, project, new)


def _problems_of_new(typed: Mapping[str, str], project: str) -> dict[str, str]:
    problems = {} if project else {NEW: text.ONLY_IN_A_PROJECT}
    if fields.SOURCE in typed and typed.get(fields.SOURCE_KIND) != PACKAGE:
        problems[fields.SOURCE] = text.NEW_HAS_NO_SOURCE
    if fields.IMAGE in typed:
        problems[fields.IMAGE] = text.NEW_HAS_NO_IMAGE
    return problems


def _value(values: Mapping[str, Any], name: str) -> str:
    found = field_value(values, name)
    return found.removeprefix(_QUEUE) if name == fields.QUEUE else found


def _field(name: str, label: str, offer: Offer) -> Block:
    value = offer.typed.get(name, "")
    if name == fields.SOURCE_KIND:
        element = choice(text.KINDS, value or next(iter(text.KINDS)))
    elif name == fields.PLATFORM:
        element = choice(text.PLATFORMS, value)
    elif name == fields.QUEUE:
        queues = dict.fromkeys([*([value] if value else []), *offer.queues])
        shown = {_QUEUE: text.DEFAULT_QUEUE, **{f"{_QUEUE}{each}": each for each in queues}}
        element = choice(shown, f"{_QUEUE}{value}")
    else:
        element = _text(value, multiline=name in _LONG)
    # A new directory needs no source; which one is wanted is known when the form is sent.
    may_be_new = bool(offer.projects) and not offer.edits
    needed = name == fields.SOURCE_KIND or (name == fields.SOURCE and not may_be_new)
    return input_block(name, label, element, hint=text.HINTS.get(name), optional=not needed)


def _ways(offer: Offer) -> Block:
    shown = {_DIRECTLY: text.DIRECTLY}
    shown |= {f"{_PROJECT}{each}": text.by_pull_request(each) for each in offer.projects}
    return choice(shown, f"{_PROJECT}{offer.project}" if offer.project else _DIRECTLY)


def _new(offer: Offer) -> Block:
    option: Block = {"text": plain_text(text.WRITE_NEW, limits.OPTION_TEXT), "value": NEW}
    element: Block = {"type": "checkboxes", "options": [option]}
    return {**element, "initial_options": [option]} if offer.new else element


def _deployments(offer: Offer) -> Block:
    return choice({name: name for name in offer.deployments}, offer.deployment)


def _text(value: str, *, multiline: bool = False, most: int = limits.PLAIN_TEXT_INPUT) -> Block:
    element: Block = {"type": "plain_text_input", "max_length": most}
    if multiline:
        element["multiline"] = True
    if value:
        element["initial_value"] = value
    return element
