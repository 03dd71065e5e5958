"""The end of the program comes, whatever is going on at that moment."""

import asyncio
from pathlib import Path

from tests.scenario.world import open_world


async def test_a_bot_that_is_told_to_end_in_the_middle_of_things_ends(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    """A cancellation that meets a wake-up must not be lost: the program would never end."""
    for number in range(3):
        async with asyncio.timeout(60), open_world(tmp_path / str(number), projects) as world:
            world.hold_loading("quickstart")
            await world.types("ada", "/dagster deploy quickstart core marts ml")
            await world.card("Deploying")
