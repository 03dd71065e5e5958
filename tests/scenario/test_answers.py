"""What is answered at once and privately: help, slips, names that don't exist, who may not."""

import asyncio

from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.slack.client import all_of
from tests.scenario.world import SLACK_WAITS, World


async def test_help_is_private(world: World) -> None:
    for text in ("/dagster", "/dagster help"):
        answer = await world.asks("ada", text)
        assert "deploy LOCATION" in answer.shown
    assert await world.cards() == []
    assert await world.person("grace").ephemerals("#deploys") == []


async def test_a_slip_is_mended_by_a_button(world: World) -> None:
    answer = await world.asks("ada", "/dagster dploy quickstart")
    assert "Did you mean `deploy`" in answer.shown
    row = next(block for block in answer.blocks if "deploy quickstart" in str(block))
    await world.person("ada").click(answer, "command.try", block_id=row["block_id"])
    await world.card("quickstart is live on prod")


async def test_names_that_do_not_exist_are_answered_with_those_that_do(world: World) -> None:
    answer = await world.asks("ada", "/dagster deploy quikstart")
    for name in ("quikstart", "quickstart", "core", "marts", "ml", "unknown_location"):
        assert name in answer.shown
    answer = await world.asks("ada", "/dagster deploy quickstart to production")
    assert "production" in answer.shown
    for name in ("prod", "staging", "unknown_deployment"):
        assert f"`{name}`" in answer.shown
    answer = await world.asks("ada", "/dagster deploy quickstart@brokn")
    assert "brokn" in answer.shown
    assert "`unknown_ref`" in answer.shown
    assert "broken" in answer.shown.replace("brokn", "")
    assert await world.cards() == []


async def test_who_is_not_listed_is_told_so(world: World) -> None:
    for who in ("linus", "kit"):
        answer = await world.asks(who, "/dagster deploy quickstart")
        assert "You may not deploy to prod." in answer.shown
        assert "`not_allowed`" in answer.shown
    assert await world.cards() == []
    assert await world.core.store.deploys.recent() == []


async def test_who_may_not_deploy_may_still_look(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("verified")
    assert "quickstart" in (await world.asks("linus", "/dagster status")).shown
    assert "live and verified" in (await world.asks("linus", "/dagster deploys")).shown
    assert "apply finished" in (await world.asks("linus", "/dagster logs 1")).shown


async def test_a_stranger_of_another_workspace_is_refused(world: World) -> None:
    """In shared channels they can mention the bot, and press its buttons."""
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card(button="deploy.go_back", number=1)
    await world.workspace.control("person", name="grace", team_id="T0OTHER")
    await world.person("grace").mention("#deploys", "deploy core")
    await world.private("grace", "Only people of this workspace")
    await world.clicks("grace", card, "deploy.go_back")
    await world.private("grace", "Only people of this workspace", after=1)
    assert len(await world.core.store.deploys.recent()) == 2
    world.let_load()
    await world.card("verified", number=1)


async def test_who_waits_for_a_slow_plan_is_told_that_it_goes_on(world: World) -> None:
    slow = RequestFault(operation="ChatopsAgents", kind="slow", seconds=9.0)
    world.dagster.plane.faults.add(Faults(requests=[slow]))
    await world.types("ada", "/dagster deploy quickstart")
    await world.private("ada", "The plan is being made")
    await world.card("verified")


async def test_eight_slow_plans_at_once_hold_up_nobody_s_acknowledgement(world: World) -> None:
    """Each plan takes longer than the sandbox waits for an acknowledgement."""
    names = ("quickstart", "core", "marts", "ml")
    slow = RequestFault(operation="ChatopsAgents", kind="slow", seconds=SLACK_WAITS + 4, times=None)
    world.dagster.plane.faults.add(Faults(requests=[slow]))
    people = [world.person(name) for name in ("ada", "grace")]
    deploys = [
        asyncio.create_task(person.command("#deploys", f"/dagster deploy {name}"))
        for person in people
        for name in names
    ]
    await world.types("ada", "/dagster help")
    assert all(outcome.acked for outcome in await asyncio.gather(*deploys))
    assert await world.cards() == [], "no plan was made yet"
    world.dagster.plane.faults.clear()
    for number in range(1, 9):
        await world.ended(number)


async def test_the_same_command_delivered_three_times_is_one(world: World) -> None:
    await world.workspace.delivery_fault("slash_commands", copies=2)
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("verified")
    await world.ended(1)
    assert len(await world.cards()) == 1
    assert len(await world.core.store.deploys.recent()) == 1


async def test_the_same_words_typed_twice_are_one_deploy_and_that_is_said(world: World) -> None:
    ada = world.person("ada")
    await all_of(*(ada.command("#deploys", "/dagster deploy quickstart") for _ in range(2)))
    await world.private("ada", "You said the same a moment ago")
    await world.card("verified")
    assert len(await world.core.store.deploys.recent()) == 1


async def test_looking_twice_is_answered_twice(world: World) -> None:
    for _ in range(2):
        assert "prod" in (await world.asks("ada", "/dagster status")).shown
    assert len(await world.person("ada").ephemerals("#deploys")) == 2


async def test_logs_and_cancel_of_what_is_not_there(world: World) -> None:
    assert "`unknown_deploy`" in (await world.asks("ada", "/dagster logs 99")).shown
    assert "`unknown_deploy`" in (await world.asks("ada", "/dagster cancel")).shown


async def test_what_was_refused_may_be_said_again_at_once(world: World) -> None:
    """Else a person who has just pushed the branch would be told that it is being dealt with."""
    for _ in range(2):
        answer = await world.asks("ada", "/dagster deploy quickstart@nowhere")
        assert "`unknown_ref`" in answer.shown
