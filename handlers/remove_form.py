"""The form that asks for a location's name before it is removed, drawn and read back: pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy_core.removal import Going
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.modals import read_metadata
from handlers.text import forms as form_text
from handlers.text import removals as text

NAME: Final = "name"


@dataclass(frozen=True)
class ToRemove:
    """What a submitted form is about; `shown` stands for what the person was shown."""

    deployment: str
    location: str
    shown: str

    def value(self) -> str:
        """Return it as it is kept until it was dealt with."""
        return json.dumps([self.deployment, self.location, self.shown])

    @classmethod
    def read(cls, value: str) -> "ToRemove | None":
        """Return what was kept; None for a value that isn't ours."""
        try:
            found = json.loads(value)
        except ValueError:
            return None
        ours = isinstance(found, list) and len(found) == 3
        ours = ours and all(isinstance(each, str) for each in found)
        return cls(*found) if ours else None


def remove_form(going: Going, *, channel: str) -> Block:
    """Return the form: what would go, and a field for the name."""
    about = ToRemove(going.deployment, going.location, going.shown)
    return {
        "type": "modal",
        "callback_id": actions.REMOVE_FORM,
        "title": plain_text(text.TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.SUBMIT, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": json.dumps({"channel": channel, "about": about.value()}),
        "blocks": [
            section("\n".join(text.going_lines(going))),
            input_block(NAME, text.NAME, {"type": "plain_text_input"}),
        ],
    }


def read_remove_form(view: Mapping[str, Any]) -> ToRemove | dict[str, str]:
    """Read a submitted form: what to remove, or what is wrong by the field's block_id."""
    about = ToRemove.read(str(read_metadata(view).get("about") or ""))
    if about is None:
        raise ValueError("it doesn't say what to remove")
    typed = view["state"]["values"][NAME][NAME].get("value")
    if not isinstance(typed, str) or typed.strip() != about.location:
        return {NAME: text.not_the_name(about.location)}
    return about
