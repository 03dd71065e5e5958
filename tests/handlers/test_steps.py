"""The line of a deploy's steps: what each did, and what it found done."""

from typing import Any

import pytest

from deploy_core.model.plan import StepName
from handlers.text.steps import steps_line
from tests.handlers.worlds import at, ran


@pytest.mark.parametrize(
    ("name", "output", "said"),
    [
        (StepName.BUILD, {"log_file": "build.log"}, "image built in 12 s"),
        (StepName.BUILD, {"log_file": None}, "image built before"),
        (StepName.PUSH, {"pushed": True}, "image pushed in 12 s"),
        (StepName.PUSH, {"pushed": False}, "image in the registry"),
        (StepName.PUSH, {}, "image pushed in 12 s"),
        (StepName.UPLOAD_PEX, {"bytes_sent": 70_000}, "PEX files uploaded in 12 s"),
        (StepName.UPLOAD_PEX, {"bytes_sent": 0}, "PEX files uploaded before"),
        (StepName.APPLY, {"requested": None}, "change sent in 12 s"),
    ],
)
def test_what_was_there_is_not_called_made(
    name: StepName, output: dict[str, Any], said: str
) -> None:
    seconds = 12 if "12 s" in said else 0.3
    assert steps_line((ran(name, 0, seconds, output=output),), at(60)) == said


def test_what_runs_says_how_long_already() -> None:
    steps = (ran(StepName.BUILD, 0, 0.2, output={"log_file": None}), ran(StepName.APPLY, 1))
    said = "image built before, sending the change to Dagster+, 4 s so far"
    assert steps_line(steps, at(5)) == said
