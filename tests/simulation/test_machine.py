"""Anything may happen at any moment to several processes on one store; what is promised holds.

Hypothesis picks what happens. `make test` plays the same few hundred steps each time;
`make nightly` plays ten thousand others (`MACHINE_STEPS`, and `--hypothesis-seed` to repeat).
"""

import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

from deploy_core.model.states import ENDED, TargetState
from tests.simulation.people import People
from tests.simulation.stage import REACHED
from tests.simulation.trouble import Trouble

STEPS_OF_ONE = 50
IN_MAKE_TEST = 400
STEPS = int(os.environ.get("MACHINE_STEPS", IN_MAKE_TEST))

pytestmark = pytest.mark.timeout(1800 + 2 * STEPS)


class Machine(People, Trouble):
    """The rules are what can happen; the invariants are in `tests.simulation.invariants`."""


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=max(STEPS // STEPS_OF_ONE, 1),
    stateful_step_count=STEPS_OF_ONE,
    deadline=None,
    database=None,
    derandomize="MACHINE_STEPS" not in os.environ,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    phases=[Phase.generate, *([] if "MACHINE_STEPS" in os.environ else [Phase.shrink])],
)


def test_the_machine_came_somewhere() -> None:
    """What proves nothing is seen here; `test_every_end` shows that each end can be reached."""
    sys.stdout.write(f"{dict(REACHED)}\n")
    assert REACHED["mutations"] > 5
    assert REACHED[TargetState.VERIFIED.value]
    if STEPS >= 5_000:  # an agent that is quicker than every look is not among the rules
        rare = {TargetState.UNPROVEN, TargetState.UNCHANGED, TargetState.NEEDS_HUMAN}
        assert {state.value for state in ENDED - rare} <= set(REACHED)
