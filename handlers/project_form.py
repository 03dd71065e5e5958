"""The form of a new project, drawn and read back: pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy_core.scaffold.options import DEFAULT_PYTHON, AgentKind, problems_of
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.location_form import HOW, Draft, ways
from handlers.modals import choice, field_value, read_metadata
from handlers.project_commands import NewProject, project_options
from handlers.text import forms as form_text
from handlers.text import projects as text

NAME: Final = "name"
MOST: Final = 300
_REQUIRED: Final = frozenset({"ci", "python"})
_HYBRID: Final = ("image", "registry", "queue")
"""Fields that only a Hybrid project has."""


@dataclass(frozen=True)
class Offer:
    """What the form is drawn with: `image` is the configuration's, `may_push` whether it names
    repositories that projects may be pushed to, `may_create` whether some may be created.
    `instead_of` is the form of a code location whose place it takes, with the `projects` that one
    offers."""

    channel: str
    deployment: str
    agent: AgentKind
    organization: str
    ci: str
    image: str | None = None
    may_push: bool = False
    may_create: bool = False
    instead_of: Draft | None = None
    projects: tuple[str, ...] = ()


def project_form(offer: Offer) -> Block:
    """Return the form."""
    blocks: list[Block] = [section(text.about_form(offer.agent, offer.deployment))]
    element: Block = {"type": "plain_text_input", "max_length": MOST}
    before = offer.instead_of
    if before is not None and before.name:
        element["initial_value"] = before.name[:MOST]
    blocks.append(input_block(NAME, text.NAME, element, hint=text.NAME_HINT))
    if before is not None:
        serverless = offer.agent is AgentKind.SERVERLESS
        blocks.append(ways(before.way, offer.projects, serverless=serverless))
    blocks += [_field(each, offer) for each in text.LABELS if _is_asked(each, offer)]
    return {
        "type": "modal",
        "callback_id": actions.PROJECT_FORM,
        "title": plain_text(text.TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.MAKE, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": _metadata(offer),
        "blocks": blocks,
    }


def read_instead_of(view: Mapping[str, Any]) -> Draft | None:
    """Return the form of a code location that is wanted back, with what was typed there; None
    for a form that took no other's place."""
    before = Draft.read(str(read_metadata(view).get("instead_of")))
    if before is None:
        return None
    values = view["state"]["values"]
    return replace(before, name=field_value(values, NAME), way=field_value(values, HOW))


def read_project_form(view: Mapping[str, Any]) -> NewProject | dict[str, str]:
    """Read a submitted form: what is asked for, or what is wrong by the field's block_id."""
    values, about = view["state"]["values"], read_metadata(view)
    said = {name: field_value(values, name) or None for name in text.LABELS}
    agent = AgentKind(str(about["agent"]))
    command = NewProject(
        field_value(values, NAME),
        str(about["deployment"]),
        agent=str(agent),
        **said,
    )
    options = project_options(
        command,
        agent=agent,
        deployment=str(about["deployment"]),
        organization=str(about["organization"]),
        ci=command.ci or "",
        image=str(about["image"]) or None,
    )
    problems: dict[str, str] = {}
    if command.push and command.create:
        problems["create"] = text.PUSH_OR_CREATE
    for option, error in problems_of(options).items():
        place = NAME if option == "location" else option
        asked = place if place in values else NAME
        said_now = f"{error.summary} {error.next_step}".replace("`", "")
        problems.setdefault(asked, said_now)
    return problems or command


def _metadata(offer: Offer) -> str:
    """Return what is kept with the form. Of the form whose place it takes the longest fields are
    left out where Slack has no room."""
    known = {
        "channel": offer.channel,
        "deployment": offer.deployment,
        "agent": str(offer.agent),
        "organization": offer.organization,
        "image": offer.image or "",
    }
    if offer.instead_of is None:
        return json.dumps(known)
    before = offer.instead_of
    while True:
        kept = json.dumps({**known, "instead_of": before.value()})
        if limits.size(kept) <= limits.PRIVATE_METADATA or not before.typed:
            return kept
        longest = max(before.typed, key=lambda name: len(before.typed[name]))
        typed = {name: value for name, value in before.typed.items() if name != longest}
        before = replace(before, typed=typed)


def _is_asked(field: str, offer: Offer) -> bool:
    if field in _HYBRID:
        return offer.agent is AgentKind.HYBRID
    return {"push": offer.may_push, "create": offer.may_create}.get(field, True)


def _field(field: str, offer: Offer) -> Block:
    if field == "ci":
        element = choice(text.CIS, offer.ci)
    elif field == "python":
        element = choice(text.PYTHON_NAMES, DEFAULT_PYTHON)
    elif field == "registry":
        element = choice(text.REGISTRIES)
    else:
        element = {"type": "plain_text_input", "max_length": MOST}
        if field == "image" and offer.image is not None:
            element["placeholder"] = plain_text(offer.image, limits.PLACEHOLDER)
    optional = field not in _REQUIRED and (field != "image" or offer.image is not None)
    label, hint = text.LABELS[field], text.HINTS.get(field)
    return input_block(field, label, element, hint=hint, optional=optional)
