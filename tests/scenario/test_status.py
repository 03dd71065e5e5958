"""`/dagster status` and `/dagster agents`: a person looks, pages, filters, and goes on."""

from typing import Any

from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.slack.seen import SeenMessage
from tests.scenario.world import World


def document(location: str, **more: Any) -> dict[str, Any]:
    return {"location_name": location, "code_source": {"package_name": location}, **more}


def somebody_deploys(world: World, *documents: dict[str, Any], at: str = "prod") -> None:
    """A change that doesn't come from the bot."""
    world.dagster.plane.apply(world.dagster.plane.deployment(at), documents)


async def answer(world: World, text: str, says: str) -> SeenMessage:
    """Ask until the answer says this: an agent's report is a moment later than the change."""

    async def look() -> SeenMessage | None:
        found = await world.asks("ada", text)
        return found if says in found.shown else None

    return await world.workspace.wait_for(look, what=f"“{says}” in the answer to {text}")


async def test_what_the_bot_put_there_and_what_it_did_not(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    somebody_deploys(world, document("core", image="registry.example/core:2026.11"))
    found = await answer(world, "/dagster status", "`core:2026.11`")
    quickstart = next(line for line in found.shown.split("\n") if "*quickstart*" in line)
    assert "loaded since" in quickstart
    assert "deployed by <@U0ADA000001> with deploy 1" in quickstart
    core = next(line for line in found.shown.split("\n") if "*core*" in line)
    assert "put there outside the bot" in core
    await answer(world, "/dagster status --state behind", "behind `main`")
    somebody_deploys(world, document("quickstart", image="registry.example/q:other"))
    found = await answer(world, "/dagster status quickstart", "`q:other`")
    assert "put there outside the bot" in found.shown


async def test_one_location_is_shown_in_detail_and_deployed_from_there(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    await world.ended(1)
    found = await world.asks("ada", "/dagster status quickstart in prod")
    for said in (
        "quickstart on prod: loaded",
        "*Contains:*",
        "served by instant",
        "*Last deploys*",
    ):
        assert said in found.shown
    await world.person("ada").click(found, "command.run:deploy")
    await world.card("quickstart is live on prod", number=1)


async def test_a_broken_location_comes_first_and_is_explained(world: World) -> None:
    world.break_code(location="marts")
    somebody_deploys(world, document("marts"), document("core"))
    found = await answer(world, "/dagster status", "ModuleNotFoundError: No module named 'rates'")
    lines = [line for line in found.shown.split("\n") if line.startswith(":")]
    assert "*marts*: failed to load" in lines[0]
    found = await world.asks("ada", "/dagster status marts")
    assert "revenue.py:3" in found.shown
    assert "*Likely cause:*" in found.shown


async def test_three_hundred_locations_are_paged_in_place(world: World) -> None:
    somebody_deploys(world, *(document(f"team{n % 7}_{n:03}") for n in range(300)))
    first = await answer(world, "/dagster status", "300 loaded")
    assert "Page 1 of" in first.shown
    before = len(await world.person("ada").ephemerals("#deploys"))
    await world.person("ada").click(first, "command.show:next")

    async def second() -> SeenMessage | None:
        found = await world.person("ada").ephemerals("#deploys")
        return next((each for each in found if "Page 2 of" in each.shown), None)

    await world.workspace.wait_for(second, what="the second page")
    assert len(await world.person("ada").ephemerals("#deploys")) == before
    narrowed = await world.asks("ada", "/dagster status team3_* --state loaded")
    assert "Only `team3_*` and state `loaded`: 43 loaded" in narrowed.shown


async def test_everybody_sees_what_is_shown_here(world: World) -> None:
    somebody_deploys(world, document("core"))
    await world.types("ada", "/dagster status --here")
    await world.card("prod:")
    await world.types("linus", "/dagster agents --here")
    await world.card("prod: 1 of 1 agents running", number=1)
    await world.workspace.control("channel", name="elsewhere", with_bot=False)
    await world.types("ada", "/dagster status --here", "#elsewhere")
    await world.card("prod:", channel="#elsewhere")


async def test_when_dagster_is_away_the_last_answer_is_shown_with_its_age(world: World) -> None:
    somebody_deploys(world, document("core"))
    await answer(world, "/dagster status", "1 loaded")
    away = RequestFault(operation="query", kind="status", status=503, times=None)
    world.dagster.plane.faults.add(Faults(requests=[away]))
    found = await answer(world, "/dagster status", " ago.")
    assert "1 loaded" in found.shown
    assert "As Dagster+ said" in found.shown or "Dagster+ can't be asked now" in found.shown


async def test_agents_and_what_hangs_on_them(world: World) -> None:
    somebody_deploys(world, document("core"), document("ml", agent_queue="gpu"))
    found = await world.asks("ada", "/dagster agents")
    assert "On the queue `gpu`" in found.shown
    assert "*instant*: running" in found.shown
    world.set_agent(running=False)
    found = await answer(world, "/dagster status", "2 agent down")
    assert "*core*: agent down" in found.shown


async def test_a_name_that_is_not_there_is_answered_with_those_that_are(world: World) -> None:
    somebody_deploys(world, document("core"))
    await answer(world, "/dagster status", "1 loaded")
    found = await world.asks("ada", "/dagster status croe")
    assert "`unknown_location`" in found.shown
    assert "`core`" in found.shown
    found = await world.asks("ada", "/dagster status --state borken")
    assert "There is no state “borken”" in found.shown
