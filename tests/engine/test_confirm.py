"""Who may deploy, and the confirmation of a protected deployment."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from deploy_core.model.deploys import Stop
from deploy_core.model.errors import (
    AlreadyEnded,
    NotAllowed,
    PlanChanged,
    PlanExpired,
    RefMoved,
)
from deploy_core.model.people import Actor
from deploy_core.model.states import DeployState, TargetState
from deploy_core.settings import ProjectSettings
from tests.engine.world import World, open_world
from tests.sources.repository import Repository
from tests.support.plans import ADA, GRACE

FILE = "locations:\n- {location_name: shop, code_source: {module_name: shop}}\n"


async def test_who_is_not_listed_is_refused_before_anything_is_looked_up(world: World) -> None:
    with pytest.raises(NotAllowed):
        await world.start("quickstart", by=Actor(kind="slack", id="U0EVE"))
    assert await world.requests("query") == []
    assert await world.store.deploys.recent() == []


async def test_nothing_happens_until_the_author_confirms(world: World) -> None:
    started = await world.start("quickstart", deployment="staging")
    assert started.state is DeployState.PLANNED
    with pytest.raises(NotAllowed, match="Only the person who started"):
        await world.engine.confirm(started.id, GRACE)
    with pytest.raises(NotAllowed):
        await world.engine.confirm(started.id, Actor(kind="slack", id="U0EVE"))
    assert (await world.store.deploys.get(started.id)).state is DeployState.PLANNED
    assert await world.requests("mutation") == []
    await world.engine.confirm(started.id, ADA)
    deploy = await world.ended(started.id)
    assert deploy.targets[0].state is TargetState.VERIFIED
    assert deploy.confirmed_at is not None
    with pytest.raises(AlreadyEnded):
        await world.engine.confirm(started.id, ADA)


async def test_a_plan_that_no_longer_holds_can_not_be_confirmed(world: World) -> None:
    await confirmed(world, "v1")
    started = await world.start("quickstart", deployment="staging")
    await world.change("quickstart", at="staging", container_context=MEMORY)
    with pytest.raises(PlanChanged):
        await world.engine.confirm(started.id, ADA)
    assert (await world.store.deploys.get(started.id)).state is DeployState.PLANNED


async def test_what_changes_after_the_confirmation_stops_the_deploy(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, work=False) as world:
        await world.change("quickstart", at="staging", code_source={"module_name": "other"})
        started = await world.start("quickstart", deployment="staging")
        await world.engine.confirm(started.id, ADA)
        await world.change("quickstart", at="staging", container_context=MEMORY)
        world.run_worker()
        target = (await world.ended(started.id)).targets[0]
        assert target.state is TargetState.FAILED
        assert target.failure is not None
        assert target.failure.reason == "plan_changed"
        assert await world.requests("mutation") == []


async def test_a_branch_that_moved_since_is_refused_and_the_commit_that_was_shown_is_not(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path / "shop")
    shown = repository.commit("Open the shop", {"dagster_cloud.yaml": FILE})
    projects = {"shop": ProjectSettings(git=str(repository.folder), artifact="source")}
    async with open_world(tmp_path, {}, projects=projects) as world:
        started = await world.start("shop", deployment="staging")
        exactly = await world.start("shop", deployment="staging", ref=shown)
        moved = repository.commit("Sell more", {"shop.py": "defs = None\n"})
        with pytest.raises(RefMoved, match=f"shows {shown[:7]}, it is {moved[:7]} now"):
            await world.engine.confirm(started.id, ADA)
        assert (await world.store.deploys.get(started.id)).state is DeployState.PLANNED
        assert await world.requests("mutation") == []
        await world.engine.confirm(exactly.id, ADA)
        assert (await world.ended(exactly.id)).targets[0].state is TargetState.VERIFIED
        assert world.commit_of("shop", at="staging") == shown


async def test_a_plan_waits_for_its_own_time_and_no_longer(world: World) -> None:
    minutes = world.settings.deployments["staging"].confirm_deadline
    first = await world.start("quickstart", deployment="staging")
    world.clock.ahead += timedelta(minutes=minutes / 2)
    second = await world.start("core", deployment="staging")
    assert await world.store.deploys.expire() == []
    world.clock.ahead += timedelta(minutes=minutes / 2)
    with pytest.raises(PlanExpired):
        await world.engine.confirm(first.id, ADA)
    expired = await world.store.deploys.get(first.id)
    assert expired.state is DeployState.EXPIRED
    assert expired.ended_at is not None
    with pytest.raises(PlanExpired):
        await world.engine.confirm(first.id, ADA)
    with pytest.raises(AlreadyEnded):
        await world.engine.stop(first.id, Stop.CANCEL, ADA)
    await world.engine.confirm(second.id, ADA)
    assert (await world.ended(second.id)).targets[0].state is TargetState.VERIFIED
    assert await world.store.deploys.expire() == []


async def test_a_plan_is_confirmed_or_expires_but_not_both(world: World) -> None:
    for _ in range(5):
        started = await world.start("quickstart", deployment="staging")
        world.clock.ahead += timedelta(hours=2)
        results = await asyncio.gather(
            world.store.deploys.confirm(started.id, ADA),
            world.store.deploys.expire(),
            world.store.deploys.expire(),
            return_exceptions=True,
        )
        deploy = await world.ended(started.id)
        confirmed = results[0] is None
        assert confirmed == (deploy.confirmed_at is not None)
        assert deploy.targets[0].state is (
            TargetState.VERIFIED if confirmed else TargetState.EXPIRED
        )
        moves = [
            e.data["to"] for e in await world.store.deploys.events(started.id) if "to" in e.data
        ]
        assert moves.count("expired") == (not confirmed)


MEMORY = {"k8s": {"resources": {"limits": {"memory": "2Gi"}}}}


async def confirmed(world: World, ref: str) -> None:
    """Deploy to staging with a confirmation."""
    started = await world.start("quickstart", deployment="staging", ref=ref)
    await world.engine.confirm(started.id, ADA)
    await world.ended(started.id)
