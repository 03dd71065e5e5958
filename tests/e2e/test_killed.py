"""The bot killed between the ack and what was asked for: the next process does it, once."""

import asyncio

import pytest

from handlers import modals
from sandbox.bot_process import start_bot
from tests.e2e.world import BOT_CHANGES, CHANNEL, World

pytestmark = [pytest.mark.e2e, pytest.mark.proof, pytest.mark.asyncio(loop_scope="session")]

PLAN_SECONDS = 60.0
LEASE_SECONDS = 45.0


async def test_a_click_and_a_form_survive_a_kill_between_ack_and_effect(world: World) -> None:
    """No plan can be made while Dagster+ is slow to answer, and in that time the bot is killed."""
    main = await world.make_live("core")
    waiting = await world.deploy(f'core to staging --why "{world.unique()}"')
    await world.until(waiting, "waits for Confirm")
    ada = world.person()
    assert (await ada.command(CHANNEL, "/dagster deploy")).acked
    await ada.wait_for_view()
    before = {message.ts for message in await world.workspace.messages(CHANNEL)}

    await world.faults(
        requests=[{"operation": "query", "kind": "slow", "seconds": PLAN_SECONDS, "times": None}]
    )
    try:
        await world.press(waiting, "deploy.confirm")
        filled = {modals.LOCATIONS: ["marts"], modals.WHY: "across a crash"}
        outcome = await ada.submit(filled)
        assert outcome.acked
        assert outcome.errors == {}
        world.bot.process.kill()
        await world.bot.process.wait()
        log = await asyncio.to_thread(world.bot.log.read_text)
        assert "ask_resumed" not in log
    finally:
        await world.no_faults()
        world.bot = await start_bot(world.report, world.bot.config.parent, BOT_CHANGES)

    ended = await world.end(waiting, within=LEASE_SECONDS + 30)
    assert "core is live on staging" in ended.text
    assert "Confirm pressed by <@U0ADA000001>" in ended.shown
    assert await world.location("core", "staging") is not None

    def formed(text: str) -> bool:
        return "across a crash" in text

    card = await world.workspace.wait_for_message(
        CHANNEL, lambda message: message.ts not in before and formed(message.shown)
    )
    ended = await world.end(card)
    assert f"marts is live on prod at {main[:7]}" in ended.text
    after = await world.workspace.messages(CHANNEL)
    cards = [m for m in after if m.ts not in before and m.thread_ts in (None, m.ts)]
    assert len([m for m in cards if formed(m.shown)]) == 1
    log = await asyncio.to_thread(world.bot.log.read_text)
    assert log.count("ask_resumed") == 2
    await world.workspace.wait_for_sockets(1)
