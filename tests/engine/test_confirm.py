"""Who may deploy, and the confirmation of a protected deployment."""

from pathlib import Path

import pytest

from deploy_core.model.errors import AlreadyEnded, NotAllowed, PlanChanged, UsageError
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
    with pytest.raises(UsageError, match="Only the person who started"):
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


async def test_a_branch_that_moved_deploys_the_commit_that_was_shown(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop")
    shown = repository.commit("Open the shop", {"dagster_cloud.yaml": FILE})
    projects = {"shop": ProjectSettings(git=str(repository.folder), artifact="source")}
    async with open_world(tmp_path, {}, projects=projects) as world:
        started = await world.start("shop", deployment="staging")
        repository.commit("Sell more", {"shop.py": "defs = None\n"})
        await world.engine.confirm(started.id, ADA)
        assert (await world.ended(started.id)).targets[0].state is TargetState.VERIFIED
        assert world.commit_of("shop", at="staging") == shown


MEMORY = {"k8s": {"resources": {"limits": {"memory": "2Gi"}}}}


async def confirmed(world: World, ref: str) -> None:
    """Deploy to staging with a confirmation."""
    started = await world.start("quickstart", deployment="staging", ref=ref)
    await world.engine.confirm(started.id, ADA)
    await world.ended(started.id)
