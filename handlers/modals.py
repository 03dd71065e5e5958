"""The deploy form, drawn and read back: pure.

Up to a hundred locations are offered as they are; more are looked up while the person types
(`external_select`, answered from the cache by `location_options`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from deploy_core.model.errors import UsageError
from deploy_core.model.plan import CodeOptions, short_image
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.commands import Deploy, OpenDeployForm, code_options, typed
from handlers.grammar import parse
from handlers.mrkdwn import pre, sentence
from handlers.said import MOST_NAME, MOST_WHY
from handlers.text import forms as text

LOCATIONS: Final = "locations"
REF: Final = "ref"
IMAGE: Final = "image"
DEPLOYMENT: Final = "deployment"
WHY: Final = "why"
CODE: Final = "code"
FIELDS: Final = (LOCATIONS, REF, IMAGE, DEPLOYMENT, CODE, WHY)
"""The ids of the form's fields; each is the block_id and the action_id."""

MOST_CHOSEN: Final = 100
MOST_CODE: Final = 1_000


@dataclass(frozen=True)
class FormChoices:
    """What can be chosen. `locations` are names, or `project:location` where two have the name;
    `default_deployment` is chosen at first, `default_ref` is only shown. `images` says whether CI's
    images can be chosen."""

    locations: tuple[str, ...]
    deployments: tuple[str, ...]
    default_deployment: str | None = None
    default_ref: str | None = None
    images: bool = False


def deploy_form(
    choices: FormChoices,
    *,
    metadata: Mapping[str, JsonValue],
    filled: OpenDeployForm | None = None,
) -> Block:
    """Return the modal. `metadata` comes back with the submission: where it was opened, no secrets.

    Raises ValueError when the metadata is longer than Slack keeps.
    """
    filled = filled or OpenDeployForm()
    kept = json.dumps({**metadata, **({"image": filled.image} if filled.image else {})})
    if limits.size(kept) > limits.PRIVATE_METADATA:
        raise ValueError(f"private_metadata of {limits.size(kept)} characters")
    image = [input_block(IMAGE, text.IMAGE, _image(), hint=text.IMAGE_HINT, optional=True)]
    return {
        "type": "modal",
        "callback_id": actions.DEPLOY_FORM,
        "title": plain_text(text.TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.SUBMIT, limits.VIEW_TITLE),
        "close": plain_text(text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": kept,
        "blocks": [
            input_block(LOCATIONS, text.LOCATIONS, _locations(choices)),
            input_block(REF, text.REF, _ref(choices, filled), hint=text.REF_HINT, optional=True),
            *(image if choices.images else []),
            input_block(DEPLOYMENT, text.DEPLOYMENT, _deployment(choices, filled)),
            input_block(CODE, text.CODE, _code(filled), hint=text.CODE_HINT, optional=True),
            input_block(WHY, text.WHY, _why(filled), hint=text.WHY_HINT, optional=True),
        ],
    }


def loading_view(title: str = text.TITLE, line: str = text.LOADING) -> Block:
    """Return the modal that is opened at once, to be replaced when what it shows is known."""
    return _notice(line, title)


def problem_view(what: str, next_step: str, title: str = text.TITLE) -> Block:
    """Return the modal for an error while the form was being prepared."""
    return _notice(f"{sentence(what, 800)}\n*Next step:* {sentence(next_step, 400)}", title)


def detail_view(title: str, detail: str) -> Block:
    """Return a modal that shows a long text, cut with a word about where the rest is."""
    parts = [detail[at : at + 2_000] for at in range(0, min(len(detail), 16_000), 2_000)]
    blocks = [section(pre(part, limits.SECTION_TEXT)) for part in parts if part.strip()]
    if len(detail) > 16_000 or not blocks:
        blocks.append(section(text.REST_IN_THREAD if blocks else text.NO_DETAIL))
    return {
        "type": "modal",
        "title": plain_text(title, limits.VIEW_TITLE),
        "close": plain_text(text.CLOSE, limits.VIEW_TITLE),
        "blocks": blocks,
    }


def _notice(line: str, title: str) -> Block:
    return {
        "type": "modal",
        "title": plain_text(title, limits.VIEW_TITLE),
        "close": plain_text(text.CLOSE, limits.VIEW_TITLE),
        "blocks": [section(line)],
    }


def options(names: Sequence[str], part: str = "") -> list[Block]:
    """Return at most a hundred options whose name contains the part that was typed, best first.

    Names too long for an option's value can't be chosen here; they can be typed in the command.
    """
    wanted = part.strip().casefold()
    fitting = [
        name
        for name in dict.fromkeys(names)
        if wanted in name.casefold() and 0 < limits.size(name) <= limits.OPTION_VALUE
    ]
    fitting.sort(key=lambda name: (not name.casefold().startswith(wanted), name.casefold()))
    return [_option(name) for name in fitting[: limits.OPTIONS]]


def choice(shown: Mapping[str, str], chosen: str = "") -> Block:
    """Return the element for one of these values, each with what is shown for it; `chosen` is so at
    first if it is one of them. Values too long for an option can't be chosen here."""
    element = _choice("static_select", shown)
    first = next((each for each in element["options"] if each["value"] == chosen), None)
    if first is not None:
        element["initial_option"] = first
    return element


def choice_of_many(shown: Mapping[str, str], chosen: Collection[str] = ()) -> Block:
    """Return the element for some of these values, as `choice` does for one."""
    element = _choice("multi_static_select", shown)
    first = [each for each in element["options"] if each["value"] in chosen]
    if first:
        element["initial_options"] = first
    return element


def _choice(kind: str, shown: Mapping[str, str]) -> Block:
    offered = [
        _option(value, label)
        for value, label in shown.items()
        if limits.size(value) <= limits.OPTION_VALUE
    ][: limits.OPTIONS]
    placeholder = plain_text(text.CHOOSE, limits.PLACEHOLDER)
    return {"type": kind, "placeholder": placeholder, "options": offered}


def field_value(values: Mapping[str, Any], field: str) -> str:
    """Return what was typed into a field, or the value of what was chosen there; empty if
    nothing."""
    state = values.get(field, {}).get(field, {})
    chosen = state.get("selected_option")
    value = chosen["value"] if chosen else state.get("value")
    return value.strip() if isinstance(value, str) else ""


def image_options(images: Sequence[str], typed: str = "") -> list[Block]:
    """Return at most a hundred images whose name contains what was typed, in the given order.

    The tag is shown, and the repository too where there are several; the value is the whole name.
    """
    wanted = typed.strip().casefold()
    fitting = [
        image
        for image in images
        if wanted in image.casefold() and limits.size(image) <= limits.OPTION_VALUE
    ]
    several = len({image.rpartition(":")[0] for image in images}) > 1
    return [
        _option(image, short_image(image) if several else image.rpartition(":")[2])
        for image in fitting[: limits.OPTIONS]
    ]


def chosen_locations(view: Mapping[str, Any]) -> list[str]:
    """Return the locations that are chosen in a form which is still open."""
    return field_values(view.get("state", {}).get("values", {}), LOCATIONS)


def read_deploy_form(view: Mapping[str, Any]) -> Deploy | dict[str, str]:
    """Read a submitted form: the command, or what is wrong by the field's block_id.

    The fields pass the same checks as typed text does.
    """
    values = view.get("state", {}).get("values", {})
    locations = field_values(values, LOCATIONS)
    deployment = next(iter(field_values(values, DEPLOYMENT)), None)
    ref, why = _typed(values, REF), _typed(values, WHY)
    errors: dict[str, str] = {}
    if not locations:
        errors[LOCATIONS] = text.NO_LOCATION
    checks = (
        (REF, Deploy(("x",), ref=ref)),
        (WHY, Deploy(("x",), why=why)),
    )
    for field, command in checks:
        problem = _problem(command)
        if problem is not None:
            errors[field] = problem
    code = _read_code(_typed(values, CODE))
    if isinstance(code, str):
        errors[CODE] = code
        return errors
    if errors:
        return errors
    chosen_image = next(iter(field_values(values, IMAGE)), None)
    image = chosen_image or read_metadata(view).get("image")
    found = Deploy(
        tuple(locations),
        ref=ref,
        deployment=deployment,
        image=image if isinstance(image, str) else None,
        why=why,
        code=code,
    )
    problem = _problem(found)
    return {LOCATIONS: problem} if problem is not None else found


def read_metadata(view: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return what was kept with the form; empty for anything that isn't ours."""
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _problem(command: Deploy) -> str | None:
    try:
        read = parse(typed(command))
    except UsageError as error:
        return error.summary
    return None if read == command else text.UNREADABLE


def _read_code(typed_options: str | None) -> CodeOptions | str:
    """Return what was typed as options of the code, or what is wrong with it."""
    if typed_options is None:
        return CodeOptions()
    try:
        read = parse(f"deploy x {typed_options}")
    except UsageError as error:
        return error.summary
    if isinstance(read, Deploy) and read == Deploy(("x",), code=read.code):
        return read.code
    return text.CODE_UNREADABLE


def field_values(values: Mapping[str, Any], field: str) -> list[str]:
    """Return the values that are chosen in a field; empty if none."""
    state = values.get(field, {}).get(field, {})
    chosen = state.get("selected_options") or [state.get("selected_option")]
    return [each["value"] for each in chosen if each]


def _typed(values: Mapping[str, Any], field: str) -> str | None:
    value = values.get(field, {}).get(field, {}).get("value")
    line = " ".join(value.split()) if isinstance(value, str) else ""
    return line or None


def _locations(choices: FormChoices) -> Block:
    shared: Block = {
        "placeholder": plain_text(text.CHOOSE, limits.PLACEHOLDER),
        "max_selected_items": MOST_CHOSEN,
    }
    offered = options(choices.locations)
    if not offered or len(choices.locations) > limits.OPTIONS:
        return {"type": "multi_external_select", "min_query_length": 0, **shared}
    return {"type": "multi_static_select", "options": offered, **shared}


def _image() -> Block:
    return {
        "type": "external_select",
        "min_query_length": 0,
        "placeholder": plain_text(text.CHOOSE, limits.PLACEHOLDER),
    }


def _deployment(choices: FormChoices, filled: OpenDeployForm) -> Block:
    shared: Block = {"placeholder": plain_text(text.CHOOSE, limits.PLACEHOLDER)}
    offered = options(choices.deployments)
    wanted = filled.deployment or choices.default_deployment
    first = next((each for each in offered if each["value"] == wanted), None)
    if first is not None:
        shared["initial_option"] = first
    if not offered or len(choices.deployments) > limits.OPTIONS:
        return {"type": "external_select", "min_query_length": 0, **shared}
    return {"type": "static_select", "options": offered, **shared}


def _ref(choices: FormChoices, filled: OpenDeployForm) -> Block:
    element: Block = {"type": "plain_text_input", "max_length": MOST_NAME}
    if choices.default_ref:
        element["placeholder"] = plain_text(choices.default_ref, limits.PLACEHOLDER)
    if filled.ref:
        element["initial_value"] = filled.ref[:MOST_NAME]
    return element


def _code(filled: OpenDeployForm) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "max_length": MOST_CODE,
        "placeholder": plain_text(text.CODE_PLACEHOLDER, limits.PLACEHOLDER),
    }
    said = " ".join(code_options(filled.code))
    if said:
        element["initial_value"] = said[:MOST_CODE]
    return element


def _why(filled: OpenDeployForm) -> Block:
    element: Block = {"type": "plain_text_input", "max_length": MOST_WHY, "multiline": True}
    if filled.why:
        element["initial_value"] = filled.why[:MOST_WHY]
    return element


def _option(name: str, shown: str | None = None) -> Block:
    return {"text": plain_text(shown or name, limits.OPTION_TEXT), "value": name}
