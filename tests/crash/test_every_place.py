"""Fault 1: `kill -9` of the real bot at every border of every step, and in the middle of each.

The places come from the code: a new step without coverage fails here. The steps of an artifact are
in `test_artifact_steps`, what the watcher posts is in `test_watcher_posts`.
"""

import asyncio
from pathlib import Path

import pytest

from deploy_core.crash import STEP_PHASES, crash_places
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.crash.killing import ARTIFACT_STEPS, PROPOSAL, WATCHER_PLACES, Killing, Kind
from tests.crash.world import BROKEN, open_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

PUT_BACK = {StepName.PUT_BACK_APPLY, StepName.PUT_BACK_WAIT, StepName.PUT_BACK_VERIFY}
IMAGE = "--image 127.0.0.1:9/quickstart:v1"


GOOD = Kind(("deploy quickstart@v1", "deploy quickstart@v2"), TargetState.VERIFIED, "verified", 1)
PREBUILT = Kind(
    (f"deploy quickstart@v1 {IMAGE}", f"deploy quickstart@v2 {IMAGE}-2"),
    TargetState.VERIFIED,
    "verified",
    1,
)
BAD = Kind(("deploy quickstart@broken",), TargetState.PUT_BACK, "Rolled back", 2, details=True)


def places() -> list[tuple[str, Kind]]:
    """Every place with the sort of deploy that gets there, the last ones of a deploy first."""
    found = [
        each
        for each in crash_places()
        if each.partition(":")[0] not in {*ARTIFACT_STEPS, PROPOSAL} and each not in WATCHER_PLACES
    ]
    return [(place, _kind(place)) for place in reversed(found)]


def _kind(place: str) -> Kind:
    step = place.partition(":")[0]
    if step in PUT_BACK or step == "detail":
        return BAD
    return PREBUILT if step == StepName.FIND_IMAGE else GOOD


def halves() -> list[list[tuple[str, Kind]]]:
    """Two parts that are played side by side, each with a workspace of its own."""
    every = places()
    return [every[0::2], every[1::2]]


def test_every_step_has_its_places() -> None:
    every = set(crash_places())
    for step in StepName:
        assert {f"{step.value}:{phase}" for phase in STEP_PHASES} <= every


async def test_killed_anywhere_every_deploy_ends_and_nothing_is_done_twice(
    tmp_path: Path,
) -> None:
    await asyncio.gather(
        *(_play(tmp_path / str(number), part) for number, part in enumerate(halves()))
    )


async def test_without_the_history_scope_a_card_may_be_there_twice_and_no_more(
    tmp_path: Path,
) -> None:
    some = [each for each in places() if each[0] in {"card:posted", "ended:posted"}]
    await _play(tmp_path, some, optional_scopes=False)


async def _play(home: Path, part: list[tuple[str, Kind]], *, optional_scopes: bool = True) -> None:
    async with open_world(home, optional_scopes=optional_scopes) as world:
        broken = await world.commit("broken")
        await world.configure_agent(broken=[{"commit_hash": broken, "error": BROKEN}])
        killing = Killing(world, scopes=optional_scopes)
        await killing.begin("deploy quickstart@main")
        await killing.play(part)
