"""The form that failed runs are executed again by, drawn and read back: pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy_core.watch.reexecution import DryCount
from handlers import actions, limits
from handlers.blocks import Block, input_block, plain_text, section
from handlers.modals import read_metadata
from handlers.text import forms as form_text
from handlers.text import reexecutions as text

WHICH: Final = "which"
ONE: Final = "one"
ALL: Final = "all"


@dataclass(frozen=True)
class ToReexecute:
    """What a submitted form is about: exactly the runs that the person was shown."""

    incident: int
    runs: tuple[str, ...]

    def value(self) -> str:
        """Return it as it is kept until it was dealt with."""
        return json.dumps([self.incident, *self.runs], separators=(",", ":"))

    @classmethod
    def read(cls, value: str) -> "ToReexecute | None":
        """Return what was kept; None for a value that isn't ours."""
        try:
            found = json.loads(value)
        except ValueError:
            return None
        ours = isinstance(found, list) and len(found) > 1 and isinstance(found[0], int)
        if not ours or not all(isinstance(each, str) for each in found[1:]):
            return None
        return cls(found[0], tuple(found[1:]))


def reexecute_form(count: DryCount, *, channel: str) -> Block:
    """Return the form: how many runs of which jobs, and which of them."""
    about = ToReexecute(count.incident_id, tuple(run.id for run in count.runs))
    several = len(count.runs) > 1
    return {
        "type": "modal",
        "callback_id": actions.REEXECUTE_FORM,
        "title": plain_text(text.TITLE, limits.VIEW_TITLE),
        "submit": plain_text(text.SUBMIT, limits.VIEW_TITLE),
        "close": plain_text(form_text.CLOSE, limits.VIEW_TITLE),
        "private_metadata": json.dumps(
            {"channel": channel, "about": about.value()}, separators=(",", ":")
        ),
        "blocks": [
            section("\n".join(text.count_lines(count))),
            *([input_block(WHICH, text.WHICH, _choice(count))] if several else []),
        ],
    }


def read_reexecute_form(view: Mapping[str, Any]) -> ToReexecute | dict[str, str]:
    """Read a submitted form: which runs."""
    about = ToReexecute.read(str(read_metadata(view).get("about") or ""))
    if about is None:
        raise ValueError("it doesn't say which runs")
    chosen = view["state"]["values"].get(WHICH, {}).get(WHICH, {}).get("selected_option")
    if len(about.runs) == 1 or (chosen or {}).get("value") == ALL:
        return about
    return ToReexecute(about.incident, about.runs[:1])


def _choice(count: DryCount) -> Block:
    options = [
        {"text": plain_text(text.only(count.runs[0]), limits.OPTION_TEXT), "value": ONE},
        {"text": plain_text(text.every(len(count.runs)), limits.OPTION_TEXT), "value": ALL},
    ]
    return {"type": "radio_buttons", "options": options, "initial_option": options[0]}
