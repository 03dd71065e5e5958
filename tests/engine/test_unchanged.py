"""Of several locations of one deploy, those that run the same content already are left alone."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy_core.model.plan import Document, StepName
from deploy_core.model.states import DeployState, TargetState
from tests.engine.world import World
from tests.support.plans import ADA
from tests.support.registry import TaggedRegistry, tagged_registry


@pytest.fixture
async def registry() -> AsyncIterator[TaggedRegistry]:
    async with tagged_registry("one", "two") as running:
        yield running


def digest(registry: TaggedRegistry, tag: str) -> str:
    return f"{registry.address}/app@sha256:{hashlib.sha256(tag.encode()).hexdigest()}"


async def live(world: World, *locations: str, **fields: Any) -> None:
    """Somebody else has put these locations live, and they have loaded or failed to."""
    for location in locations:
        await world.change(location, code_source={"module_name": location}, **fields)

        async def reported(name: str = location) -> bool:
            state = (await world.services.dagster.location_states("prod")).get(name)
            return state is not None and not state.loading

        await world.eventually(reported)


async def sent_by(world: World, registry: TaggedRegistry, *locations: str) -> list[TargetState]:
    """Deploy an image to these locations; return how each ended."""
    deploy = await world.deploy(*locations, image=f"{registry.address}/app:two")
    return [target.state for target in deploy.targets]


async def test_what_runs_the_same_image_is_left_alone(
    world: World, registry: TaggedRegistry
) -> None:
    await live(world, "shop", image=digest(registry, "two"))
    await live(world, "stock", image=digest(registry, "one"))
    before = await world.requests("ChatopsPutLocation")
    deploy = await world.deploy("shop", "stock", image=f"{registry.address}/app:two")
    assert [t.state for t in deploy.targets] == [TargetState.UNCHANGED, TargetState.VERIFIED]
    assert deploy.state is DeployState.SUCCEEDED
    assert len(await world.requests("ChatopsPutLocation")) == len(before) + 1
    assert [step.name for step in deploy.targets[0].steps][-1] is StepName.READ_LIVE
    assert world.live("stock")["image"] == digest(registry, "two")


async def test_a_rollback_leaves_it_alone_too(world: World, registry: TaggedRegistry) -> None:
    await live(world, "shop", image=digest(registry, "two"))
    await live(world, "stock", image=digest(registry, "one"))
    deploy = await world.deploy("shop", "stock", image=f"{registry.address}/app:two")
    back = await world.engine.start(await world.engine.back_behind(deploy.id, ADA))
    assert [target.location for target in back.targets] == ["stock"]
    await world.ended(back.id)
    assert world.live("stock")["image"] == digest(registry, "one")


async def test_one_that_is_asked_for_by_itself_is_sent(
    world: World, registry: TaggedRegistry
) -> None:
    await live(world, "shop", image=digest(registry, "two"))
    assert await sent_by(world, registry, "shop") == [TargetState.VERIFIED]


@pytest.mark.parametrize(
    "fields",
    [
        {"working_directory": "elsewhere"},
        {"container_context": {"docker": {"env_vars": ["A=1"]}}},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_what_was_set_in_dagster_plus_is_no_difference(
    world: World, registry: TaggedRegistry, fields: Document
) -> None:
    await live(world, "shop", image=digest(registry, "two"), **fields)
    await live(world, "stock", image=digest(registry, "two"))
    assert await sent_by(world, registry, "shop", "stock") == [TargetState.UNCHANGED] * 2


async def test_a_tag_says_nothing_about_the_content(world: World, registry: TaggedRegistry) -> None:
    await live(world, "shop", "stock", image=f"{registry.address}/app:two")
    assert await sent_by(world, registry, "shop", "stock") == [TargetState.VERIFIED] * 2


async def test_what_does_not_load_is_sent_again(world: World, registry: TaggedRegistry) -> None:
    world.load_fault("shop", "error", times=1)
    await live(world, "shop", "stock", image=digest(registry, "two"))
    states = await sent_by(world, registry, "shop", "stock")
    assert states == [TargetState.VERIFIED, TargetState.UNCHANGED]
