"""The one message of a deploy, and its thread."""

from pathlib import Path

from sandbox.dagster_plus.faults import Faults, LoadFault
from tests.scenario.world import World, open_world


async def test_a_good_deploy_is_one_message_edited_in_place(world: World) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", '/dagster deploy quickstart --why "the quarter ends"')
    card = await world.card("waiting for the agent to load it")
    assert "“the quarter ends”" in card.shown
    mark = {"deploy": 1, "topic": "card"}
    assert card.metadata == {"event_type": "dagster_deploy", "event_payload": mark}
    world.let_load()
    ended = await world.card("quickstart is live on prod")
    assert ended.ts == card.ts
    assert "verified" in ended.text
    for step in ("checked out", "change sent", "loaded by the agent", "verified"):
        assert step in ended.shown
    reply = await world.reply(card, "live on prod")
    assert "<@U0ADA000001>" in reply.text
    await world.ended(1)
    assert [each.ts for each in await world.cards()] == [card.ts]
    assert not reply.raw["reply_broadcast"]


async def test_an_update_says_from_which_version_to_which(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card("verified", number=1)
    assert "2 commits" in card.shown
    assert "from `" in card.shown
    assert "Roll back" in card.shown


async def test_a_broken_version_is_rolled_back_told_in_the_channel_and_traced(
    world: World,
) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    good = world.commit_of("quickstart")
    world.break_code(location="quickstart", commit_hash=await _sha(world, "v2"))
    await world.types("ada", "/dagster deploy quickstart@v2")
    card = await world.card("Rolled back to", number=1)
    assert card.text.startswith("quickstart didn't load on prod: ModuleNotFoundError")
    assert "revenue.py:3" in card.shown
    assert "Likely cause" in card.shown
    assert world.commit_of("quickstart") == good
    await world.reply(card, "The full error of quickstart")
    told = await world.reply(card, "<@U0ADA000001>")
    assert told.raw["reply_broadcast"]
    assert {"deploy.retry", "deploy.full_error"} <= set(card.action_ids)
    assert "deploy.cancel" not in card.action_ids


async def test_a_long_trace_is_a_file_in_the_thread(world: World) -> None:
    world.dagster.plane.faults.add(Faults(loads=[LoadFault(location="quickstart", kind="error")]))
    await world.types("ada", "/dagster deploy quickstart")
    card = await world.card("this was its first deploy")
    reply = await world.reply(card, "is in the file")
    (file,) = reply.files
    trace = await world.workspace.file_text(file)
    assert "KeyError" in trace
    assert len(trace) > 30_000
    assert "deploy.full_error" in card.action_ids


async def test_a_queued_deploy_says_its_place(world: World) -> None:
    world.hold_loading("quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card("waiting for the agent")
    await world.types("grace", "/dagster deploy quickstart@v1")
    await world.card("queued, number 2 in line, behind deploy 1", number=1)
    world.let_load()
    await world.card("verified", number=1)


async def test_three_locations_of_which_one_breaks(world: World) -> None:
    world.break_code(location="marts")
    await world.types("ada", "/dagster deploy core marts ml")
    card = await world.card("1 failed, 2 live and verified")
    assert "*marts* didn't load" in card.shown
    await world.ended(1)
    assert len(await world.cards()) == 1


async def test_where_the_bot_is_not_the_card_goes_home_and_that_is_said(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects) as world:
        await world.workspace.control("channel", name="elsewhere", with_bot=False)
        await world.types("ada", "/dagster deploy quickstart", "#elsewhere")
        await world.private("ada", "in our direct messages", channel="#elsewhere")
        await world.card("verified", channel="@ada")
        assert await world.cards("#elsewhere") == []


async def test_the_home_channel_comes_before_direct_messages(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    deployments = {"prod": {"may_deploy": ["U0ADA000001"], "home_channel": "C0DEPLOYS01"}}
    async with open_world(tmp_path, projects, deployments=deployments) as world:
        await world.workspace.control("channel", name="elsewhere", with_bot=False)
        await world.types("ada", "/dagster deploy quickstart", "#elsewhere")
        await world.private("ada", "<#C0DEPLOYS01>", channel="#elsewhere")
        await world.card("verified")


async def _sha(world: World, ref: str) -> str:
    settings = world.core.settings.core.projects["quickstart"]
    return (await world.core.services.mirrors.resolve("quickstart", settings, ref)).sha
