"""A digest has charts, and comes without them where Slack doesn't take them."""

from pathlib import Path

from handlers.limits import CHARTS
from sandbox.slack.seen import SeenMessage
from tests.handlers.test_digest import FULL, facts
from tests.scenario.test_watch import CHANNEL_ID, CONFIG
from tests.scenario.world import World, open_world


async def digest(world: World, slot: str) -> None:
    watching = world.core.store.watching
    data = facts(**FULL)
    assert await watching.claim_slot("digest:prod", slot, channel=CHANNEL_ID, data=data)


def charts(message: SeenMessage) -> int:
    return sum(block["type"] == "data_visualization" for block in message.blocks)


async def test_a_digest_comes_with_its_charts_or_without(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        await digest(world, "2026-05-04T09:00")
        card = await world.card("Digest of prod")
        assert charts(card) == CHARTS
        await world.workspace.control("fault", method="chat.postMessage", error="invalid_blocks")
        await digest(world, "2026-05-05T09:00")
        card = await world.card("Digest of prod", number=1)
        assert charts(card) == 0
        assert "*Slowest loads:* dbt" in card.shown
