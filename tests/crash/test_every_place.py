"""Fault 1: `kill -9` of the real bot at every border of every step, and in the middle of each.

One bot after the other is killed at a place of its own; each takes up what the one before it left.
The places come from the code: a new step without coverage fails here.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy_core.crash import STEP_PHASES, crash_places
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.crash.forks import Bot
from tests.crash.world import BROKEN, World, eventually, finished_once, killed, open_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NOT_YET = {StepName.BUILD, StepName.PUSH, StepName.BUILD_PEX, StepName.UPLOAD_PEX}
"""Nothing kills the bot in these yet: they need a Docker engine, or a store for PEX files."""

PUT_BACK = {StepName.PUT_BACK_APPLY, StepName.PUT_BACK_WAIT, StepName.PUT_BACK_VERIFY}
IMAGE = "--image 127.0.0.1:9/quickstart:v1"


@dataclass(frozen=True)
class Kind:
    """A sort of deploy, how it must end, and how many changes it sends."""

    words: tuple[str, ...]
    ends: TargetState
    says: str
    mutations: int


GOOD = Kind(("deploy quickstart@v1", "deploy quickstart@v2"), TargetState.VERIFIED, "verified", 1)
PREBUILT = Kind(
    (f"deploy quickstart@v1 {IMAGE}", f"deploy quickstart@v2 {IMAGE}-2"),
    TargetState.VERIFIED,
    "verified",
    1,
)
BAD = Kind(("deploy quickstart@broken",), TargetState.PUT_BACK, "Rolled back", 2)


def places() -> list[tuple[str, Kind]]:
    """Every place with the sort of deploy that gets there, the last ones of a deploy first: what
    the next process takes up is then behind the place at which it is to be killed itself."""
    found = [each for each in crash_places() if each.partition(":")[0] not in NOT_YET]
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
        first = await world.start()
        await world.connected(first)
        await world.types("deploy quickstart@main")
        await eventually(lambda: _told(world, 1), 90, "the first deploy")
        await first.stop()
        await world.forget_mutations()

        left: tuple[int, Kind, str] | None = None
        for number, (place, kind) in enumerate(part):
            bot = await world.start(crash_at=place)
            if left is not None and not await _settled(world, bot, *left, scopes=optional_scopes):
                continue  # what was left has brought this one to its place: killed once more
            left = await _kill_in_a_deploy(world, bot, place, kind, number)
        last = await world.start()
        if left is not None:
            assert await _settled(world, last, *left, scopes=optional_scopes)


async def _kill_in_a_deploy(
    world: World, bot: Bot, place: str, kind: Kind, number: int
) -> tuple[int, Kind, str]:
    """Start a deploy of that kind, which kills the bot; return it."""
    await world.connected(bot)
    assert not bot.dead, f"{place}: killed before the deploy, by what was left"
    before = await world.newest()
    await world.forget_mutations()
    await world.types(kind.words[number // 2 % len(kind.words)])
    try:
        await killed(bot)
    except TimeoutError:
        raise AssertionError(f"{place} was never reached") from None
    deploy = await world.newest()
    known = 0 if before is None else before.id
    made = deploy is not None and deploy.id > known
    return known + 1 if not made or deploy is None else deploy.id, kind, place


async def _settled(
    world: World, bot: Bot, deploy_id: int, kind: Kind, place: str, *, scopes: bool
) -> bool:
    """Wait until the deploy that was cut off has ended and was told; check what was promised.

    Returns False if the bot was killed before.
    """

    async def look() -> bool:
        return bot.dead or await _told(world, deploy_id)

    await eventually(look, 90, f"{place}: the end of {deploy_id}")
    if bot.dead:
        await killed(bot)
        return False
    deploy = await world.store.deploys.get(deploy_id)
    assert deploy.targets[0].state is kind.ends, (place, deploy.targets[0])
    finished_once(await world.step_events(deploy_id))
    assert len(await world.mutations()) == kind.mutations, place
    cards = await world.cards(deploy_id)
    most = 1 if scopes else 2
    assert 1 <= len(cards) <= most, (place, [card.text for card in cards])
    assert deploy.place is not None
    (card,) = [each for each in cards if each.ts == deploy.place.ts]
    assert kind.says in card.text, (place, card.text)
    told = [each for each in await world.replies(card) if "<@U0ADA000001>" in each.text]
    assert 1 <= len(told) <= most, (place, [each.text for each in told])
    if kind is BAD and scopes:
        details = [each for each in await world.replies(card) if each not in told]
        assert len(details) == 1, (place, [each.text for each in details])
    return True


async def _told(world: World, deploy_id: int) -> bool:
    newest = await world.newest()
    return newest is not None and newest.id >= deploy_id and await world.told(deploy_id)
