"""Places at which a test lets this process die, to see that nothing is lost or doubled.

`DAGSTER_CHATOPS_CRASH_AT=apply:sent` kills the process when it gets there, as the system would:
without a word to anybody. `apply:sent:stop` stops it instead, until somebody lets it go on. Nobody
sets the variable but tests; without it nothing here does anything.
"""

import asyncio
import os
import signal
from itertools import product

from deploy_core.model.errors import ConfigInvalid
from deploy_core.model.plan import StepName

CRASH_VARIABLE = "DAGSTER_CHATOPS_CRASH_AT"

STEP_PHASES = ("before", "started", "middle", "worked", "ended")
"""Of every step: before its start is written and after; while it works; when its work is done but
not written yet; and when that is written."""

_MORE: dict[str, tuple[str, ...]] = {
    # Held, but not sent; accepted by Dagster+, but not written down.
    StepName.APPLY: ("sending", "sent"),
    StepName.PUT_BACK_APPLY: ("sending", "sent"),
    # Something was seen and written down, and it goes on waiting.
    StepName.WAIT: ("seen",),
    StepName.PUT_BACK_WAIT: ("seen",),
    StepName.BUILD: ("progress",),
    StepName.PUSH: ("progress",),
    StepName.BUILD_PEX: ("progress",),
    StepName.UPLOAD_PEX: ("progress",),
    # Taken from Slack and written down; dealt with, but that not written.
    "command": ("taken", "done"),
    # Slack has it, but we haven't written that down, or only where it is.
    "card": ("taken", "posted", "placed", "edited"),
    "detail": ("posted",),
    "ended": ("posted",),
    # The repository has it, the host has it, or a deploy is made of it; that isn't written down.
    "proposal": ("committing", "pushed", "opened", "deploying"),
    # The same of what belongs to no deploy.
    "post": ("posted", "placed", "edited"),
    "reply": ("posted",),
}


def crash_places() -> list[str]:
    """Return every place, as `step:phase`."""
    steps = [f"{step.value}:{phase}" for step, phase in product(StepName, STEP_PHASES)]
    return steps + [f"{place}:{phase}" for place, phases in _MORE.items() for phase in phases]


class Crash:
    """Ends the process at one place, once. Raises `ConfigInvalid` for a place that isn't one."""

    def __init__(self, at: str | None = None) -> None:
        place, stop, _ = (at or "").partition(":stop")
        if place and place not in crash_places():
            raise ConfigInvalid(f"{CRASH_VARIABLE}={at}: there is no such place.")
        self._place = place or None
        self._signal = signal.SIGSTOP if stop else signal.SIGKILL

    def reach(self, place: str, phase: str) -> None:
        """Say that the process is here now."""
        if self._place == f"{place}:{phase}":
            self._place = None
            os.kill(os.getpid(), self._signal)

    def reach_soon(self, place: str, phase: str) -> None:
        """Say that it will be here as soon as what was just started waits for something."""
        if self._place == f"{place}:{phase}":
            asyncio.get_running_loop().call_soon(self.reach, place, phase)
