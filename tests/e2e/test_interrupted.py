"""Deploys that are cancelled, that wait for another, and that somebody else gets in the way of."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.world import CHANNEL, World, open_world

pytestmark = [pytest.mark.e2e, pytest.mark.proof, pytest.mark.asyncio(loop_scope="session")]

CANCEL_SECONDS = 5.0


async def test_a_plan_is_cancelled_before_its_confirm_and_tried_again(world: World) -> None:
    card = await world.deploy("core to staging")
    assert "waits for Confirm" in card.text
    await world.press(card, "deploy.cancel", by="grace")
    cancelled = await world.until(card, "cancelled", CANCEL_SECONDS)
    assert "Cancel pressed by <@U0GRACE0001>" in cancelled.shown
    assert "deploy.confirm" not in cancelled.action_ids

    before = {message.ts for message in await world.workspace.messages(CHANNEL)}
    await world.press(card, "deploy.retry")
    again = await world.workspace.wait_for_message(
        CHANNEL, lambda message: message.ts not in before and "waits for Confirm" in message.text
    )
    await world.press(again, "deploy.cancel")
    await world.until(again, "cancelled", CANCEL_SECONDS)
    assert await world.location("core", "staging") is None


async def test_cancel_before_the_change_is_sent_changes_nothing(world: World) -> None:
    main = await world.make_live("ml")
    await world.faults(agents="stale")
    try:
        card = await world.deploy('ml@v1 --why "nobody would load it"')
        await world.until(card, "reading what is live")
        began = time.monotonic()
        await world.press(card, "deploy.cancel")
        ended = await world.until(card, "cancelled", CANCEL_SECONDS)
        assert time.monotonic() - began < CANCEL_SECONDS
    finally:
        await world.no_faults()
    assert f"nothing was changed, `{main[:7]}` is still live" in ended.text
    await world.is_live("ml", main)


async def test_cancel_in_the_wait_says_that_it_was_sent_and_offers_to_go_back(
    world: World,
) -> None:
    main = await world.make_live("quickstart")
    card = await world.deploy('quickstart@slow-import --why "to be taken back"')
    await world.until(card, "waiting for the agent to load it")
    ada = world.person()
    assert (await ada.command(CHANNEL, "/dagster cancel quickstart")).acked
    offer = await ada.wait_for_ephemeral(
        CHANNEL, lambda message: "already with Dagster+" in message.text
    )
    assert "deploy.go_back" in offer.action_ids
    assert "deploy.cancel" not in (await world.now(card)).action_ids
    outcome = await ada.click(offer, "deploy.go_back")
    assert outcome.acked
    began = time.monotonic()
    await world.until(card, "earlier version", CANCEL_SECONDS)
    assert time.monotonic() - began < CANCEL_SECONDS
    ended = await world.end(card)
    assert f"rolled back to `{main[:7]}`: live and verified" in ended.text
    assert "as <@U0ADA000001> asked" in ended.text
    await world.is_live("quickstart", main)


async def test_the_second_waits_its_turn_and_a_third_is_cancelled_in_the_queue(
    world: World,
) -> None:
    main = await world.make_live("quickstart")
    v1 = await world.commit("quickstart", "v1")
    first = await world.deploy('quickstart@slow-import --why "the first of three"')
    await world.until(first, "waiting for the agent to load it")
    number = _number(first.shown)
    second = await world.deploy("quickstart@v1", by="grace")
    queued = await world.until(second, "queued")
    assert f"number 2 in line, behind deploy {number}" in queued.text
    third = await world.deploy("quickstart@v2", by="grace")
    queued = await world.until(third, "queued")
    assert f"number 3 in line, behind deploys {number}, {_number(second.shown)}" in queued.text

    await world.press(third, "deploy.cancel", by="grace")
    cancelled = await world.until(third, "cancelled", CANCEL_SECONDS)
    assert "nothing was changed" in cancelled.text
    await world.press(first, "deploy.go_back")
    ended = await world.end(first)
    assert f"rolled back to `{main[:7]}`" in ended.text
    ended = await world.end(second)
    assert f"quickstart is live on prod at {v1[:7]}, verified" in ended.text
    await world.is_live("quickstart", v1)


async def test_changed_by_somebody_else_meanwhile_is_never_rolled_back_over(world: World) -> None:
    await world.make_live("quickstart")
    card = await world.deploy('quickstart@slow-import --why "to be overtaken"')
    await world.until(card, "waiting for the agent to load it")
    found = await world.location("quickstart")
    assert found is not None
    theirs = {**found["document"], "git": {"commit_hash": "f" * 40, "url": "https://example.com"}}
    theirs["working_directory"] = str(Path(theirs["working_directory"]).parent / "elsewhere")
    change = {"deployment": "prod", "document": theirs}
    (await world.dagster.post("/sandbox/change_location", json=change)).raise_for_status()
    ended = await world.end(card, within=120)
    assert "was changed by somebody else meanwhile" in ended.text
    assert "superseded" in ended.text
    now = await world.location("quickstart")
    assert now is not None
    assert now["document"] == theirs, "what somebody else wanted stays"


async def test_no_agent_is_named_after_the_grace(tmp_path: Path) -> None:
    """The grace is 15 s by default: with the look at agents that makes less than 20 s."""
    async with open_world(tmp_path, changes={"no_agent_grace": 4.0}) as world:
        os.killpg(world.report["agent_pid"], signal.SIGKILL)
        await world.faults(agents="stale")  # as after the heartbeats that the agent doesn't send
        began = time.monotonic()
        card = await world.deploy("quickstart")
        ended = await world.end(card, within=120)
        assert time.monotonic() - began >= 4.0
        assert "No agent of this deployment is running" in ended.text
        assert "Start the agent, then retry." in ended.shown
        assert await world.location("quickstart") is None, "nothing was sent"


def _number(shown: str) -> str:
    return shown.partition("Deploy ")[2].partition(" ")[0]
