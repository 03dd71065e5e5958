"""Deploys from Slack to a real agent, told by the card and checked with the control plane."""

import pytest

from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_first_deploy_that_breaks_has_nothing_to_go_back_to(world: World) -> None:
    assert await world.location("marts", "staging") is None
    card = await world.deploy("marts@marts-broken to staging")
    assert "waits for Confirm" in card.text, "staging is protected"
    assert await world.location("marts", "staging") is None, "nothing before the Confirm"
    await world.press(card, "deploy.confirm")
    ended = await world.end(card)
    assert "KeyError: 'clics'" in ended.text
    assert "There is nothing to go back to: this was its first deploy." in ended.text
    assert "Confirm pressed by <@U0ADA000001>" in ended.shown
    found = await world.location("marts", "staging")
    assert found is not None
    assert found["load_error"] is not None


async def test_a_good_deploy_is_live_and_verified(world: World) -> None:
    v1 = await world.commit("quickstart", "v1")
    ended = await world.end(await world.deploy('quickstart@v1 to prod --why "the first"'))
    assert f"quickstart is live on prod at {v1[:7]}, verified" in ended.text
    assert "by <@U0ADA000001>" in ended.shown
    assert "“the first”" in ended.shown
    assert f"Live on prod now: quickstart at `{v1[:7]}`" in ended.shown
    for step in ("checked out", "change sent", "loaded by the agent", "verified"):
        assert step in ended.shown
    (told,) = await world.replies(ended)
    assert told.text.startswith("<@U0ADA000001> quickstart is live on prod")
    await world.is_live("quickstart", v1)


async def test_an_update_says_from_which_commit_to_which(world: World) -> None:
    v1, main = [await world.commit("quickstart", ref) for ref in ("v1", "main")]
    await world.end(await world.deploy('quickstart@v1 --why "the old one"'))
    await world.is_live("quickstart", v1)
    ended = await world.end(await world.deploy("quickstart@main", by="grace"))
    assert f"from `{v1[:7]}` to `{main[:7]}`" in ended.shown
    assert "2 commits" in ended.shown
    assert "verified" in ended.text
    await world.is_live("quickstart", main)


async def test_a_version_that_does_not_load_is_explained_and_put_back(world: World) -> None:
    main = await world.make_live("quickstart")
    card = await world.deploy("quickstart@broken")
    ended = await world.end(card)
    assert "No module named 'forex_feed' (quickstart/pricing/rates.py:6)" in ended.text
    assert f"Rolled back to `{main[:7]}`: live and verified" in ended.text
    assert "Likely cause:" in ended.shown
    assert "Next step:" in ended.shown
    assert "earlier version verified" in ended.shown
    assert {"deploy.retry", "deploy.full_error", "deploy.open_dagster"} <= set(ended.action_ids)
    await world.is_live("quickstart", main)

    replies = await world.replies(card)
    (told,) = [reply for reply in replies if reply.text.startswith("<@U0ADA000001>")]
    assert told.raw["reply_broadcast"], "a failure is shown in the channel too"
    trace = [await world.workspace.file_text(file) for each in replies for file in each.files]
    whole = "\n".join([*trace, *[reply.text for reply in replies]])
    assert 'quickstart/assets/revenue.py", line' in whole, "all frames, not only the innermost"
    assert "exchange rates could not be set up" in whole, "the whole chain"

    await world.press(card, "deploy.full_error", by="grace")
    view = await world.person("grace").wait_for_view()
    assert "RatesUnavailable" in view.shown
    await world.person("grace").close(everything=True)


async def test_three_locations_of_which_one_breaks(world: World) -> None:
    main = await world.make_live("marts")
    broken = await world.commit("monorepo", "marts-broken")
    ended = await world.end(await world.deploy("core marts ml@marts-broken"))
    assert "1 rolled back, 2 live and verified" in ended.text
    assert "Failed: marts: KeyError: 'clics' (marts/marts/columns.py:5)" in ended.text
    assert f"Rolled back to `{main[:7]}`: live and verified" in ended.shown
    await world.is_live("core", broken)
    await world.is_live("ml", broken)
    await world.is_live("marts", main)
