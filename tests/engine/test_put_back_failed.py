"""Where putting back has failed nobody knows what is live: what follows waits for a person."""

from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.deploys import Deploy
from deploy_core.model.errors import PlanChanged
from deploy_core.model.plan import DeployKind, DeployPlan, DeployRequest
from deploy_core.model.states import DeployState, TargetState
from tests.engine.world import World, open_world
from tests.support.plans import ADA

SAID = "Deploy {} failed and could not put this back: what is live is unknown."


async def stranded(world: World, live: str = "v1") -> Deploy:
    """Deploy what doesn't load, over what is live and doesn't load any more either."""
    await break_both(world, live)
    return await not_put_back(world, await world.start("quickstart", ref="broken"))


async def break_both(world: World, live: str = "v1") -> None:
    for ref in (live, "broken"):
        world.break_commit(await world.sha("quickstart", ref))


async def not_put_back(world: World, deploy: Deploy) -> Deploy:
    ended = await world.ended(deploy.id)
    assert ended.targets[0].state is TargetState.NEEDS_HUMAN
    assert ended.targets[0].put_back_failure is not None
    return ended


async def planned(world: World, *locations: str, **asked: Any) -> DeployPlan:
    kind = asked.pop("kind", DeployKind.DEPLOY)
    request = DeployRequest(kind=kind, actor=ADA, locations=locations, **asked)
    return await world.engine.plan(request)


async def test_the_next_deploy_says_so_and_waits_for_its_author(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    failed = await stranded(world)
    sent = len(await world.requests("mutation"))

    waits = await world.start("quickstart")
    assert waits.state is DeployState.PLANNED, "in a deployment that isn't protected"
    assert waits.plan.put_backs_failed == {"quickstart": failed.id}
    assert waits.targets[0].plan.risks[0] == SAID.format(failed.id)
    assert len(await world.requests("mutation")) == sent

    await world.engine.confirm(waits.id, ADA)
    assert (await world.ended(waits.id)).targets[0].state is TargetState.VERIFIED
    after = await planned(world, "quickstart")
    assert after.put_backs_failed == {}, "what is live was seen since"
    assert not after.protected


async def test_every_sort_of_deploy_waits_and_other_locations_do_not(world: World) -> None:
    await world.deploy("core")
    first = await world.deploy("quickstart", ref="v1")
    second = await world.deploy("quickstart", ref="v2")
    failed = await stranded(world, "v2")
    said = {"quickstart": failed.id}
    document = {"location_name": "quickstart", "code_source": {"module_name": "quickstart"}}
    for asked in (
        {"kind": DeployKind.REDEPLOY},
        {"kind": DeployKind.ROLLBACK, "of_deploy": second.id},
        {"kind": DeployKind.ADD, "document": document},
        {"image": "registry.example/quickstart:3"},
    ):
        plan = await planned(world, "quickstart", **asked)
        assert (plan.put_backs_failed, plan.protected) == (said, True), asked
    both = await planned(world, "core", "quickstart")
    assert both.put_backs_failed == said
    assert not (await planned(world, "core")).protected
    assert (await planned(world, "quickstart", deployment="staging")).put_backs_failed == {}
    assert first.targets[0].state is TargetState.VERIFIED


async def test_what_waited_behind_it_changes_nothing_by_itself(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, work=False) as world:
        live = await world.start("quickstart", ref="v1")
        world.run_worker()
        await world.ended(live.id)
        await world.kill_worker()
        await break_both(world)
        first = await world.start("quickstart", ref="broken")
        second = await world.start("quickstart")
        world.run_worker()

        await not_put_back(world, first)
        refused = (await world.ended(second.id)).targets[0]
        assert refused.state is TargetState.FAILED
        assert refused.failure is not None
        assert refused.failure.reason == "put_back_failed"
        assert f"Deploy {first.id} failed" in refused.failure.summary
        assert refused.steps == ()
        assert len(await world.requests("mutation")) == 3
        retried = await world.engine.start(await world.engine.again(second.id, ADA))
        assert retried.state is DeployState.PLANNED


async def test_a_plan_that_was_shown_before_is_not_confirmed(world: World) -> None:
    live = await world.start("quickstart", ref="v1", deployment="staging")
    await world.engine.confirm(live.id, ADA)
    await world.ended(live.id)
    await break_both(world)
    first = await world.start("quickstart", ref="broken", deployment="staging")
    shown = await world.start("quickstart", deployment="staging")
    await world.engine.confirm(first.id, ADA)
    await not_put_back(world, first)
    with pytest.raises(PlanChanged, match=f"Deploy {first.id} has failed since"):
        await world.engine.confirm(shown.id, ADA)
    assert (await world.store.deploys.get(shown.id)).state is DeployState.PLANNED


async def test_a_later_one_that_is_put_back_has_seen_what_is_live(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    await stranded(world)
    mended = await world.start("quickstart", ref="v2")
    await world.engine.confirm(mended.id, ADA)
    await world.ended(mended.id)
    again = await world.deploy("quickstart", ref="broken")
    assert again.targets[0].state is TargetState.PUT_BACK
    assert not (await planned(world, "quickstart")).protected
