"""Clicks on cards that no longer hold: refused with the reason, and with the way on."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from deploy_core.model.people import Actor
from deploy_core.model.states import DeployState
from deploy_core.store.tables import deploys
from tests.scenario.world import World

THREE_DAYS = timedelta(days=3)


async def made(world: World, number: int, ago: timedelta) -> None:
    """Let a deploy have been made so long ago."""
    at: datetime = world.core.services.clock.now() - ago
    async with world.core.store.database.write() as connection:
        row = deploys.c.id == number
        await connection.execute(sa.update(deploys).where(row).values(created_at=at))


async def test_confirm_on_a_card_of_three_days_is_refused_and_it_is_planned_again(
    world: World,
) -> None:
    await world.types("ada", "/dagster deploy quickstart to staging")
    card = await world.card("waits for Confirm")
    assert "The plan expires" in card.shown
    await made(world, 1, THREE_DAYS)
    await world.clicks("ada", card, "deploy.confirm")
    answer = await world.private("ada", "`plan_expired`")
    assert "deploy.plan_again" in answer.action_ids
    expired = await world.card("was not confirmed in time and has expired")
    assert "deploy.plan_again" in expired.action_ids
    assert "deploy.confirm" not in expired.action_ids
    await world.reply(expired, "<@U0ADA000001> The plan to deploy quickstart to staging was not")
    await world.clicks("ada", answer, "deploy.plan_again")
    fresh = await world.card("waits for Confirm", number=1)
    await world.clicks("ada", fresh, "deploy.confirm")
    await world.card("quickstart is live on staging", number=1)
    assert "Plan again pressed by" in (await world.card(number=0)).shown


async def test_a_plan_expires_over_a_restart(world: World) -> None:
    """Nothing is remembered but the row: the next process looks at it and at the clock."""
    await world.types("ada", "/dagster deploy quickstart to staging")
    await world.card("waits for Confirm")
    await world.types("ada", "/dagster deploy core to staging")
    await world.card("waits for Confirm", number=1)
    await world.stop_bot()
    await made_while_away(world, 1)
    await world.start_bot()
    await world.card("was not confirmed in time and has expired")
    assert (await world.core.store.deploys.get(1)).state is DeployState.EXPIRED
    assert (await world.core.store.deploys.get(2)).state is DeployState.PLANNED


async def made_while_away(world: World, number: int) -> None:
    engine = sa.create_engine(f"sqlite:///{world.settings.store}")
    with engine.begin() as connection:
        at = datetime.now().astimezone() - THREE_DAYS
        row = deploys.c.id == number
        connection.execute(sa.update(deploys).where(row).values(created_at=at))
    engine.dispose()


async def test_confirm_of_a_plan_that_changed_is_refused_and_only_one_plan_is_left(
    world: World,
) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1 to staging")
    await world.clicks("ada", await world.card("waits for Confirm"), "deploy.confirm")
    await world.card("quickstart is live on staging")
    await world.types("ada", "/dagster deploy quickstart to staging")
    card = await world.card("waits for Confirm", number=1)
    found = world.dagster.plane.deployments["staging"].locations["quickstart"].document
    found["container_context"] = {"k8s": {"resources": {"limits": {"memory": "2Gi"}}}}
    await world.clicks("ada", card, "deploy.confirm")
    answer = await world.private("ada", "`plan_changed`")
    await world.card(button="deploy.confirm", number=1)  # the press was taken back
    await world.clicks("ada", answer, "deploy.plan_again")
    await world.card("waits for Confirm", number=2)
    await world.card("cancelled by <@U0ADA000001>", number=1)
    running = await world.core.store.deploys.running()
    assert [deploy.id for deploy in running] == [3]


async def test_plan_again_of_a_plan_that_was_confirmed_meanwhile_is_refused(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart to staging")
    card = await world.card("waits for Confirm")
    await made(world, 1, THREE_DAYS)
    await world.clicks("ada", card, "deploy.confirm")
    answer = await world.private("ada", "`plan_expired`")
    card = await world.card("has expired", button="deploy.plan_again")
    await world.clicks("grace", card, "deploy.plan_again")
    await world.card("waits for Confirm", number=1)
    await world.clicks("ada", answer, "deploy.plan_again")
    await world.private("ada", "Plan again was pressed already, by <@U0GRACE0001>")


async def test_roll_back_on_an_old_card_does_not_undo_what_came_later_unasked(
    world: World,
) -> None:
    for number, ref in enumerate(("v1", "v2", "main")):
        await world.types("ada", f"/dagster deploy quickstart@{ref}")
        await world.card("verified", button="deploy.roll_back" if number else "", number=number)
    old = (await world.cards())[1]
    await world.clicks("ada", old, "deploy.roll_back")
    answer = await world.private("ada", "`overtaken`")
    assert "Deploy 3 has put another version live" in answer.shown
    assert "`/dagster rollback 2 in prod`" in answer.shown
    assert len(await world.core.store.deploys.recent()) == 3
    await world.clicks("ada", answer, "command.try")
    await world.card("verified", number=3)
    first = (await world.core.store.deploys.get(1)).targets[0].plan.version.commit
    assert world.commit_of("quickstart") == first


async def test_retry_on_an_old_card_does_not_go_behind_a_later_deploy_unasked(
    world: World,
) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart@v1")
    card = await world.card(button="deploy.retry")
    world.set_agent(broken=[])
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("verified", number=1)
    await world.clicks("ada", card, "deploy.retry")
    answer = await world.private("ada", "`overtaken`")
    assert "`/dagster deploy quickstart:quickstart @v1`" in answer.shown
    assert len(await world.core.store.deploys.recent()) == 2
    await world.card(button="deploy.retry")


async def test_a_later_deploy_of_another_location_is_in_nobodys_way(world: World) -> None:
    deploys_ = world.core.store.deploys
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.ended(1)
    await world.types("ada", "/dagster deploy core")
    await world.ended(2)
    ada = Actor(kind="slack", id="U0ADA000001")
    wanted = await world.core.engine.again(1, ada)
    assert await deploys_.overtaken(1, {"quickstart"}) is None
    await world.core.engine.require_not_overtaken(1, wanted.locations)
