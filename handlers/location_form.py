"""The form of a code location, to add one or to edit one, drawn and read back: pure."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from deploy_core.model.adding import require_name
from deploy_core.model.documents import PACKAGE
from deploy_core.model.errors import LocationNameInvalid
from deploy_core.model.plan import CodeOptions, Document
from deploy_core.sources import location_fields as fields
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.modals import choice, choice_of_many, field_value, field_values, read_metadata
from handlers.mrkdwn import sentence, words
from handlers.said import MOST_NAME, MOST_WHY
from handlers.text import forms as form_text
from handlers.text import location_form as text
from handlers.text.projects import PYTHON_NAMES

NAME: Final = "name"
DEPLOYMENT: Final = "deployment"
WHY: Final = "why"
HOW: Final = "how"
PYTHON: Final = "python_version"
BASE: Final = "base_image_tag"
BUILT: Final = (PYTHON, BASE)
"""Fields that say how code is built; they are not in the document of a location."""

NEW: Final = "new"
REDRAWN: Final = (DEPLOYMENT, HOW, fields.PLATFORM)
"""Fields that other fields depend on: the form is drawn again when one of them changes."""

DIRECTLY: Final = "directly"
REPOSITORY: Final = "repository"
PROJECT: Final = "project:"
_CODE: Final = "code:"
"""Before a project's name in an option's value: a pull request to it, or its code as it is."""
_HYBRID: Final = {
    fields.QUEUE,
    "executable_path",
    fields.PLATFORM,
    fields.ENV,
    fields.MORE,
    "build_registry",
}
"""Fields for agents of one's own; Dagster's own agents decide these."""
_OF_CODE: Final = (fields.SOURCE_KIND, fields.SOURCE, "attribute", "working_directory")
"""Fields that can be said of code which is built from a project."""

_LONG: Final = (fields.ENV, fields.MORE)
_QUEUE: Final = "queue:"
"""Before a queue's name in an option's value; alone it is the default queue."""


@dataclass(frozen=True)
class Draft:
    """What is in a form, right or wrong: `edits` says that the location exists, `typed` are its
    fields, `built` how its code is built, and `way` is how it is to go live."""

    deployments: tuple[str, ...]
    name: str
    edits: bool
    typed: dict[str, str]
    way: str = DIRECTLY
    built: dict[str, str] = field(default_factory=dict)
    why: str = ""
    new: bool = False

    @property
    def project(self) -> str:
        """The project that gets a pull request, if one does."""
        return self.way.removeprefix(PROJECT) if self.way.startswith(PROJECT) else ""

    @property
    def code_of(self) -> str:
        """The project whose code is built as it is, if one's is."""
        return self.way.removeprefix(_CODE) if self.way.startswith(_CODE) else ""

    def value(self) -> str:
        """Return it as it is kept, with another form or until it was dealt with."""
        return json.dumps(vars(self))

    @classmethod
    def read(cls, value: str) -> Self | None:
        """Return what was kept; None for a value that isn't ours."""
        try:
            found = json.loads(value)
            return cls(**{**found, "deployments": tuple(found["deployments"])})
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True)
class Described(Draft):
    """What a form was submitted with: `document` is what its fields make."""

    document: Document = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """What the form is drawn with: what is in it, and what can be chosen. `hybrid` and `serverless`
    say whose agents the deployments have that are chosen; `problem` is what was wrong."""

    channel: str
    draft: Draft
    deployments: tuple[str, ...]
    hybrid: bool = True
    serverless: bool = False
    queues: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    problem: str = ""


def fits(typed: Mapping[str, str]) -> bool:
    """Tell whether a form can hold these fields."""
    return all(limits.size(value) <= limits.PLAIN_TEXT_INPUT for value in typed.values())


def location_form(offer: Offer) -> Block:
    """Return the form."""
    draft = offer.draft
    metadata: dict[str, str] = {"channel": offer.channel}
    blocks: list[Block] = []
    if offer.problem:
        blocks.append(section(sentence(offer.problem, 1_500)))
    if draft.edits:
        metadata |= {"edits": draft.name, "deployment": draft.deployments[0]}
        blocks.append(section(words(text.edited(draft.name, draft.deployments[0]), 500)))
    else:
        blocks.append(
            input_block(NAME, text.NAME, _text(draft.name, most=200), hint=text.NAME_HINT)
        )
        several = text.DEPLOYMENTS_HINT if len(offer.deployments) > 1 else None
        blocks.append(_redrawn(DEPLOYMENT, text.DEPLOYMENT, _deployments(offer), several))
        blocks.append(ways(offer.draft.way, offer.projects, serverless=offer.serverless))
        if draft.new or draft.project:
            blocks.append(
                input_block(NEW, text.NEW, _new(offer), hint=text.NEW_HINT, optional=True)
            )
    blocks += [_field(name, label, offer) for name, label in _shown(offer).items()]
    why = _text(draft.why, most=MOST_WHY)
    blocks.append(input_block(WHY, text.WHY, why, optional=True))
    return {
        "type": "modal",
        "callback_id": actions.LOCATION_FORM,
        "title": plain_text(text.EDIT_TITLE if draft.edits else text.ADD_TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.EDIT if draft.edits else text.ADD, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": json.dumps(metadata),
        "blocks": blocks,
    }


def read_draft(view: Mapping[str, Any]) -> Draft:
    """Return what is in a form now, whether it is right or not."""
    values, about = view["state"]["values"], read_metadata(view)
    edits = bool(about.get("edits"))
    chosen = [str(about["deployment"])] if edits else field_values(values, DEPLOYMENT)
    return Draft(
        tuple(chosen),
        str(about["edits"]) if edits else _value(values, NAME),
        edits,
        _typed(values, text.LABELS),
        _value(values, HOW) or DIRECTLY,
        _typed(values, BUILT),
        " ".join(_value(values, WHY).split()),
        bool(field_values(values, NEW)),
    )


def read_location_form(
    view: Mapping[str, Any], known: Callable[[str], Collection[str]]
) -> Described | dict[str, str]:
    """Read a submitted form: what it describes, or what is wrong by the field's block_id. `known`
    are the locations of a deployment: they have the names that they have."""
    filled = read_draft(view)
    made, problems = fields.document_of(filled.name, filled.typed, new=filled.new)
    problems |= _not_that_way(filled)
    there = [name for name in filled.deployments if filled.name in known(name)]
    if filled.code_of and there:
        problems[NAME] = text.IS_THERE
    if not filled.edits and len(there) < len(filled.deployments):
        try:
            require_name(filled.name)
        except LocationNameInvalid as error:
            problems[NAME] = f"{error.summary} {error.next_step}".replace("`", "")
    if problems:
        return problems
    return Described(**vars(filled), document=made)


def _not_that_way(filled: Draft) -> dict[str, str]:
    """Return what can't be said for the way in which it is to go live, by the field."""
    if filled.way == REPOSITORY:
        return {HOW: text.NOT_THIS_FORM}
    problems: dict[str, str] = {}
    if filled.code_of:
        known = {*_OF_CODE, fields.PLATFORM}
        problems = {name: text.NOT_FROM_CODE for name in filled.typed if name not in known}
        if filled.typed.get(fields.SOURCE_KIND) not in (None, *CodeOptions.model_fields):
            problems[fields.SOURCE_KIND] = text.NOT_FROM_CODE
        if len(filled.built) == len(BUILT):
            problems[PYTHON] = text.NOT_BOTH
    else:
        problems = dict.fromkeys(filled.built, text.ONLY_FROM_CODE)
    if filled.project and len(filled.deployments) > 1:
        problems[DEPLOYMENT] = text.ONE_DEPLOYMENT
    if filled.new:
        problems |= _problems_of_new(filled)
    if not filled.project and not filled.code_of:
        problems |= {name: text.ONLY_IN_A_PROJECT for name in fields.BUILD if name in filled.typed}
    return problems


def _problems_of_new(filled: Draft) -> dict[str, str]:
    problems = {} if filled.project else {NEW: text.ONLY_IN_A_PROJECT}
    if fields.SOURCE in filled.typed and filled.typed.get(fields.SOURCE_KIND) != PACKAGE:
        problems[fields.SOURCE] = text.NEW_HAS_NO_SOURCE
    if fields.IMAGE in filled.typed:
        problems[fields.IMAGE] = text.NEW_HAS_NO_IMAGE
    return problems


def _shown(offer: Offer) -> dict[str, str]:
    """Return the labels of the fields that fit what was chosen; one with a value stays, so that
    nothing that was typed is lost."""
    draft = offer.draft
    platform = draft.typed.get(fields.PLATFORM)
    # A platform alone says nothing: it may have been guessed.
    alone = {fields.PLATFORM} if fields.ENV not in draft.typed else set()
    kept = draft.typed.keys() - alone

    def fits_in(name: str) -> bool:
        if name in fields.BUILD and not draft.project:
            return False
        if name in fields.PLATFORM_OF:
            return offer.hybrid and platform == fields.PLATFORM_OF[name]
        if draft.code_of:
            return name in _OF_CODE
        return offer.hybrid or name not in _HYBRID

    labels = {name: label for name, label in text.LABELS.items() if name in kept or fits_in(name)}
    if draft.built or draft.code_of:
        labels |= {PYTHON: text.PYTHON, BASE: text.BASE}
    return labels


def _typed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    return {name: value for name in names if (value := _value(values, name))}


def _value(values: Mapping[str, Any], name: str) -> str:
    found = field_value(values, name)
    return found.removeprefix(_QUEUE) if name == fields.QUEUE else found


def _field(name: str, label: str, offer: Offer) -> Block:
    draft = offer.draft
    value = draft.typed.get(name, "")
    hint = text.HINTS.get(name)
    if name == fields.PLATFORM:
        return _redrawn(name, label, choice(text.PLATFORMS, value), hint, optional=True)
    if name == PYTHON:
        versions = choice(PYTHON_NAMES, draft.built.get(name, ""))
        return input_block(name, label, versions, hint=text.PYTHON_HINT, optional=True)
    if name == BASE:
        tag = _text(draft.built.get(name, ""), most=MOST_NAME)
        return input_block(name, label, tag, hint=text.BASE_HINT, optional=True)
    if name == fields.SOURCE_KIND:
        element = choice(text.KINDS, value or next(iter(text.KINDS)))
    elif name == fields.QUEUE:
        queues = dict.fromkeys([*([value] if value else []), *offer.queues])
        shown = {_QUEUE: text.DEFAULT_QUEUE, **{f"{_QUEUE}{each}": each for each in queues}}
        element = choice(shown, f"{_QUEUE}{value}")
    else:
        element = _text(value, multiline=name in _LONG)
    # A new directory needs no source; which one is wanted is known when the form is sent.
    may_be_new = name == fields.SOURCE and bool(draft.project)
    needed = name in {fields.SOURCE_KIND, fields.SOURCE} and not may_be_new
    return input_block(name, label, element, hint=hint, optional=not needed)


def _redrawn(
    name: str, label: str, element: Block, hint: str | None, *, optional: bool = False
) -> Block:
    """Return a field of which Slack tells at once when it changes."""
    block = input_block(name, label, element, hint=hint, optional=optional)
    return {**block, "dispatch_action": True}


def ways(chosen: str, projects: Iterable[str], *, serverless: bool) -> Block:
    """Return the field for how a location is to go live; code of projects is built for Serverless
    deployments only."""
    shown = {DIRECTLY: text.DIRECTLY, REPOSITORY: text.NEW_REPOSITORY}
    if serverless:
        shown |= {f"{_CODE}{each}": text.from_code(each) for each in projects}
    shown |= {f"{PROJECT}{each}": text.by_pull_request(each) for each in projects}
    element = choice(shown, chosen if chosen in shown else DIRECTLY)
    return _redrawn(HOW, text.HOW, element, text.HOW_HINT)


def _new(offer: Offer) -> Block:
    option: Block = {"text": plain_text(text.WRITE_NEW, limits.OPTION_TEXT), "value": NEW}
    element: Block = {"type": "checkboxes", "options": [option]}
    return {**element, "initial_options": [option]} if offer.draft.new else element


def _deployments(offer: Offer) -> Block:
    return choice_of_many({name: name for name in offer.deployments}, offer.draft.deployments)


def _text(value: str, *, multiline: bool = False, most: int = limits.PLAIN_TEXT_INPUT) -> Block:
    element: Block = {"type": "plain_text_input", "max_length": most}
    if multiline:
        element["multiline"] = True
    if value:
        element["initial_value"] = value
    return element
