"""The buttons of a card: who may, once, and what they do."""

from sandbox.slack.client import all_of
from tests.scenario.world import World


async def test_cancel_while_no_agent_is_there(world: World) -> None:
    world.dagster.plane.faults.agents = "none"
    world.core.services.settings = world.core.services.settings.model_copy(
        update={"no_agent_grace": 60.0}
    )
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.cancel")
    await world.clicks("grace", card, "deploy.cancel")
    ended = await world.card("cancelled by <@U0GRACE0001>")
    assert "Cancel pressed by <@U0GRACE0001>" in ended.shown
    assert "deploy.cancel" not in ended.action_ids
    assert "deploy.retry" in ended.action_ids


async def test_cancel_after_the_change_was_sent_offers_to_go_back(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    before = world.commit_of("quickstart")
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card(button="deploy.go_back", number=1)
    answer = await world.asks("ada", "/dagster cancel quickstart")
    assert "can't be cancelled" in answer.shown
    await world.clicks("ada", answer, "deploy.go_back")
    await world.card("rolled back to", number=1)
    assert world.commit_of("quickstart") == before


async def test_only_the_author_confirms_and_a_refused_click_is_in_nobodys_way(
    world: World,
) -> None:
    await world.types("ada", "/dagster deploy quickstart to staging")
    card = await world.card("waits for Confirm")
    await world.clicks("grace", card, "deploy.confirm")
    await world.private("grace", "Only the person who started this deploy can confirm it.")
    await world.clicks("linus", card, "deploy.confirm")
    await world.private("linus", "`not_allowed`")
    await world.clicks("ada", card, "deploy.confirm")
    ended = await world.card("live on staging")
    assert "Confirm pressed by <@U0ADA000001>" in ended.shown
    assert "U0GRACE0001" not in ended.shown


async def test_two_people_at_once_have_one_winner_and_the_other_is_told(world: World) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.retry")
    people = ("ada", "grace")
    await all_of(*(world.person(who).click(card, "deploy.retry") for who in people))
    await world.ended(2)

    async def told() -> str | None:
        for who in people:
            for each in await world.person(who).ephemerals("#deploys"):
                if "Retry was pressed already, by" in each.shown:
                    return who
        return None

    loser = await world.workspace.wait_for(told, what="the word to who was later")
    winner = next(who for who in people if who != loser)
    (pressed,) = (await world.core.store.deploys.get(1)).presses
    assert pressed.by.id == await world.person(winner).id()
    assert len(await world.core.store.deploys.recent()) == 2


async def test_retry_takes_what_was_pushed_meanwhile_and_is_a_deploy_of_its_own(
    world: World,
) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.retry")
    world.set_agent(broken=[])
    await world.clicks("grace", card, "deploy.retry")
    again = await world.card("verified", number=1)
    assert "Deploy 2 by <@U0GRACE0001>" in again.shown


async def test_roll_back_puts_back_what_was_live_before(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    before = world.commit_of("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.roll_back", number=1)
    await world.clicks("ada", card, "deploy.roll_back")
    back = await world.card("verified", number=2)
    assert "Rollback 3" in back.shown
    assert world.commit_of("quickstart") == before


async def test_rollback_by_name_goes_behind_the_last_one_that_went_live(world: World) -> None:
    """The last deploy failed and was put back: there is nothing to undo in it."""
    for ref in ("v1", "v2"):
        await world.types("ada", f"/dagster deploy quickstart@{ref}")
        await world.ended(1 if ref == "v1" else 2)
    before = (await world.core.store.deploys.get(1)).targets[0].plan.version.commit
    broken = world.core.settings.core.projects["quickstart"]
    commit = await world.core.services.mirrors.resolve("quickstart", broken, "broken")
    world.break_code(commit_hash=commit.sha)
    await world.types("ada", "/dagster deploy quickstart@broken")
    await world.ended(3)
    await world.types("ada", "/dagster rollback quickstart")
    await world.ended(4)
    assert world.commit_of("quickstart") == before


async def test_a_rollback_to_what_never_loaded_waits_for_its_author(world: World) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("didn't load")
    world.set_agent(broken=[])
    await world.types("ada", "/dagster deploy quickstart@v2")
    await world.ended(2)
    good = world.commit_of("quickstart")
    await world.types("ada", "/dagster rollback quickstart")
    plan = await world.card("waits for Confirm", button="deploy.confirm", number=2)
    assert "What was live before deploy 2 had not loaded then" in plan.shown
    assert "quickstart had not loaded when it was replaced: nothing happens until" in plan.shown
    assert world.commit_of("quickstart") == good
    await world.clicks("ada", plan, "deploy.confirm")
    await world.ended(3)
    assert world.commit_of("quickstart") != good


async def test_rollback_by_name_is_about_the_deployment_that_is_meant_without_a_word(
    world: World,
) -> None:
    await world.types("ada", "/dagster deploy quickstart to staging")
    plan = await world.card(button="deploy.confirm")
    await world.clicks("ada", plan, "deploy.confirm")
    await world.ended(1)
    answer = await world.asks("ada", "/dagster rollback quickstart")
    assert "No deploy of quickstart that went live on prod is known here" in answer.shown


async def test_full_error_opens_the_whole_trace(world: World) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.full_error")
    await world.clicks("linus", card, "deploy.full_error")
    view = await world.person("linus").wait_for_view()
    assert "No module named 'rates'" in view.shown


async def test_a_mention_in_the_thread_of_a_card_is_about_its_deploy(world: World) -> None:
    world.dagster.plane.faults.agents = "none"
    world.core.services.settings = world.core.services.settings.model_copy(
        update={"no_agent_grace": 60.0}
    )
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.cancel")
    await world.types("ada", "/dagster deploy core")
    await world.card("core", number=1)
    await world.is_noted(card)
    await world.person("grace").mention("#deploys", "cancel", card.ts)
    await world.card("cancelled by <@U0GRACE0001>")
    running = await world.core.store.deploys.running()
    assert [deploy.id for deploy in running] == [2]


async def test_a_mention_in_the_channel_deploys(world: World) -> None:
    await world.person("ada").mention("#deploys", "deploy quickstart")
    await world.card("verified")
