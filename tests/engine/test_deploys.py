"""Deploys that go as they should, and locations that don't load."""

from pathlib import Path

from deploy_core.model.errors import NothingToGoBackTo
from deploy_core.model.plan import DeployKind, StepName
from deploy_core.model.states import DeployState, TargetState
from deploy_core.settings import DeploymentSettings
from tests.engine.world import World, load_error, open_world
from tests.support.plans import ADA


async def test_a_first_deploy_is_verified(world: World) -> None:
    deploy = await world.deploy("quickstart")
    target = deploy.targets[0]
    assert target.state is TargetState.VERIFIED
    assert [step.name for step in target.steps] == list(target.plan.steps)
    main = await world.sha("quickstart", "main")
    assert world.commit_of("quickstart") == main
    folder = Path(world.live("quickstart")["working_directory"])
    assert (folder / "quickstart" / "definitions.py").is_file()
    assert len(await world.requests("mutation")) == 1


async def test_an_update_names_its_commits(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    deploy = await world.deploy("quickstart")
    plan = deploy.targets[0].plan
    assert deploy.state is DeployState.SUCCEEDED
    assert plan.live is not None
    assert plan.live.version.commit == await world.sha("quickstart", "v1")
    assert [commit.subject for commit in plan.commits] == [
        "List the best customers",
        "Add up daily revenue, every morning",
    ]
    assert {change.path for change in plan.changes} == {"git.commit_hash", "working_directory"}


async def test_the_same_version_again_is_verified_too(world: World) -> None:
    await world.deploy("quickstart")
    deploy = await world.deploy("quickstart")
    assert deploy.targets[0].state is TargetState.VERIFIED
    assert deploy.targets[0].plan.changes == ()
    assert len(await world.requests("mutation")) == 2


async def test_what_does_not_load_is_put_back_and_verified(world: World) -> None:
    good = (await world.deploy("quickstart")).targets[0]
    world.break_commit(await world.sha("quickstart", "broken"))
    deploy = await world.deploy("quickstart", ref="broken")
    target = deploy.targets[0]
    assert target.state is TargetState.PUT_BACK
    assert deploy.state is DeployState.FAILED
    assert target.failure is not None
    assert target.failure.reason == "load_failed"
    assert target.failure.python_error is not None
    assert "No module named 'rates'" in target.failure.python_error.message
    assert target.put_back_failure is None
    assert [step.name for step in target.steps[-3:]] == [
        StepName.PUT_BACK_APPLY,
        StepName.PUT_BACK_WAIT,
        StepName.PUT_BACK_VERIFY,
    ]
    assert world.live("quickstart") == good.plan.document


async def test_a_first_deploy_that_does_not_load_has_nothing_to_go_back_to(world: World) -> None:
    world.break_commit(await world.sha("quickstart", "broken"))
    target = (await world.deploy("quickstart", ref="broken")).targets[0]
    assert target.state is TargetState.FAILED
    assert target.put_back_failure is not None
    assert target.put_back_failure.reason == NothingToGoBackTo.reason
    assert len(await world.requests("mutation")) == 1


async def test_what_had_not_loaded_is_not_put_back_but_the_last_verified_is(world: World) -> None:
    good = (await world.deploy("quickstart", ref="v1")).targets[0]
    world.break_commit("c" * 40)
    await world.somebody_else_deploys("quickstart", "c" * 40)
    world.break_commit(await world.sha("quickstart", "broken"))
    target = (await world.deploy("quickstart", ref="broken")).targets[0]
    assert target.state is TargetState.PUT_BACK
    assert world.commit_of("quickstart") == good.plan.version.commit


async def test_the_version_that_breaks_again_is_not_put_back_over_itself(world: World) -> None:
    await world.deploy("quickstart")
    world.break_commit(await world.sha("quickstart", "main"))
    target = (await world.deploy("quickstart", kind=DeployKind.REDEPLOY)).targets[0]
    assert target.state is TargetState.FAILED
    assert target.put_back_failure is not None
    assert "same version" in target.put_back_failure.summary


async def test_putting_back_can_be_switched_off(tmp_path: Path, projects: dict[str, Path]) -> None:
    prod = DeploymentSettings(may_deploy=(ADA.key,), put_back=False, load_deadline=1)
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        await world.deploy("quickstart")
        broken = await world.sha("quickstart", "broken")
        world.break_commit(broken)
        target = (await world.deploy("quickstart", ref="broken")).targets[0]
        assert target.state is TargetState.FAILED
        assert "switched off" in target.note
        assert world.commit_of("quickstart") == broken


async def test_redeploy_sends_the_live_document_again(world: World) -> None:
    first = await world.deploy("quickstart", ref="v1")
    again = await world.deploy("quickstart", kind=DeployKind.REDEPLOY)
    assert again.targets[0].state is TargetState.VERIFIED
    sent = await world.requests("mutation")
    assert [request["variables"]["document"] for request in sent] == [
        first.targets[0].plan.document
    ] * 2


async def test_a_rollback_by_number_puts_back_what_was_live_before(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    second = await world.deploy("quickstart")
    back = await world.ended(
        (await world.engine.start(await world.engine.back_behind(second.id, ADA))).id
    )
    assert back.targets[0].state is TargetState.VERIFIED
    assert back.kind is DeployKind.ROLLBACK
    assert world.commit_of("quickstart") == await world.sha("quickstart", "v1")


async def test_a_rollback_that_does_not_load_is_not_rolled_back(world: World) -> None:
    await world.deploy("quickstart", ref="v1")
    second = await world.deploy("quickstart")
    old = await world.sha("quickstart", "v1")
    world.break_commit(old)
    request = await world.engine.back_behind(second.id, ADA)
    target = (await world.ended((await world.engine.start(request)).id)).targets[0]
    assert target.state is TargetState.FAILED
    assert world.commit_of("quickstart") == old


async def test_all_deploys_every_location_of_every_project(world: World) -> None:
    deploy = await world.deploy(all_locations=True)
    assert {target.location for target in deploy.targets} == {"quickstart", "core", "marts", "ml"}
    assert deploy.state is DeployState.SUCCEEDED


async def test_of_several_locations_one_breaks(world: World) -> None:
    await world.deploy("core", "marts", "ml")
    broken = await world.sha("monorepo", "marts-broken")
    world.set_agent(
        broken=[{"commit_hash": broken, "location": "marts", "error": load_error().model_dump()}]
    )
    deploy = await world.deploy("core", "marts", "ml", ref="marts-broken")
    assert deploy.state is DeployState.PARTLY
    assert {target.location: target.state for target in deploy.targets} == {
        "core": TargetState.VERIFIED,
        "marts": TargetState.PUT_BACK,
        "ml": TargetState.VERIFIED,
    }
    again = await world.engine.again(deploy.id, ADA)
    assert again.locations == ("monorepo:marts",)
