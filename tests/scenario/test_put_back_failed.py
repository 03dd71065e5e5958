"""Putting back has failed: the card says so, and the next deploy waits for a person."""

import getpass
from pathlib import Path

from tests.scenario.test_add_location import in_terminal
from tests.scenario.world import World, open_world


async def stranded(world: World) -> None:
    """Deploy what doesn't load, over what doesn't load any more either."""
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    live = world.commit_of("quickstart")
    await world.ended(1)
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart@broken")
    await world.ended(2)
    assert world.commit_of("quickstart") == live, "it was sent again, and did not load"


async def test_the_next_deploy_says_why_it_waits_and_goes_on_when_confirmed(world: World) -> None:
    await stranded(world)
    card = await world.card("needs a person", number=1)
    assert "It could not be rolled back" in card.shown
    assert "every deploy of it waits for a person's Confirm" in card.shown

    world.set_agent(broken=[])
    await world.clicks("ada", card, "deploy.retry")
    plan = await world.card("waits for Confirm", number=2)
    assert "Deploy 2 failed and could not put this back: what is live is unknown." in plan.shown
    assert "what is live is unknown: quickstart (deploy 2). Look at it in Dagster+" in plan.shown
    assert "is protected" not in plan.shown
    await world.clicks("ada", plan, "deploy.confirm")
    await world.card("quickstart is live on prod", number=2)
    await world.ended(3)

    await world.types("ada", "/dagster deploy quickstart@v1 --why again")
    await world.card("quickstart is live on prod", number=3)


async def test_what_waited_behind_it_says_why_nothing_was_changed(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    await world.ended(1)
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart@broken")
    await world.card("Deploying", number=1)
    await world.types("grace", "/dagster deploy quickstart@v2")
    await world.card("queue", number=2)
    world.break_code(location="quickstart")
    world.let_load()
    await world.ended(3)
    card = await world.card("failed", number=2)
    assert "Deploy 2 failed and could not put quickstart back" in card.shown
    assert "Nothing was changed, and what is live is still unknown." in card.shown
    assert "deploy.retry" in card.action_ids


async def test_yes_in_a_terminal_is_not_a_person_who_has_looked(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {"may_deploy": ["U0ADA000001", f"cli:{getpass.getuser()}"], "load_deadline": 1}
    async with open_world(tmp_path, projects, deployments={"prod": prod}) as world:
        await stranded(world)
        world.set_agent(broken=[])
        sent = world.dagster.plane.deployments["prod"].locations["quickstart"].document
        code, said = await in_terminal(world, tmp_path, "deploy", "quickstart@v2", "--yes")
        assert code == 4, said
        assert "`--yes` isn't enough" in " ".join(said.split())
        assert world.dagster.plane.deployments["prod"].locations["quickstart"].document == sent
        assert [each.id for each in await world.core.store.deploys.recent()] == [2, 1]
