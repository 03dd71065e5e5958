"""Fault 1 for what belongs to no deploy: `kill -9` of the real bot between Slack's answer to a post
of the watcher, or to an answer in its thread, and the note of it."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_core.store.tables import outbox, posts
from sandbox.slack.seen import SeenMessage
from tests.crash.forks import Bot
from tests.crash.killing import WATCHER_PLACES
from tests.crash.world import BROKEN, World, eventually, killed, open_world
from tests.e2e.world import CHANNEL, is_card

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

CONFIG: dict[str, Any] = {
    "deployments": {"prod": {"may_deploy": ["U0ADA000001"], "watch_channel": "C0DEPLOYS01"}},
    "watch": {"seconds": 0.3},
}
BAD, GOOD = "registry.example/shop:bad", "registry.example/shop:good"


@dataclass
class Story:
    """What happens to one location while its bot is killed somewhere; another one then goes on."""

    world: World
    bot: Bot
    location: str

    async def somebody_deploys(self, image: str, says: str) -> None:
        """A change that doesn't come from the bot; wait until it is told."""
        document = {
            "location_name": self.location,
            "code_source": {"package_name": self.location},
            "image": image,
        }
        body = {"deployment": "prod", "document": document}
        answer = await self.world.dagster.post("/sandbox/change_location", json=body)
        answer.raise_for_status()
        if not await self._told(says):
            await killed(self.bot)
            self.bot = await self.world.start()
            assert await self._told(says)

    async def _told(self, says: str) -> bool:
        """Wait until this is said and nothing waits to be; False when the bot was killed before."""

        async def look() -> bool:
            if self.bot.dead:
                return True
            said = [f"{each.text}\n{each.shown}" for each in await everything(self.world)]
            return any(says in each for each in said) and not await self.world.unsent()

        await eventually(look, 60, f"“{says}”")
        return not self.bot.dead


async def everything(world: World) -> list[SeenMessage]:
    """What the bot has said in the channel and in its threads."""
    cards = [each for each in await world.workspace.messages(CHANNEL) if is_card(each)]
    return [*cards, *[reply for card in cards for reply in await world.replies(card)]]


async def wanted(world: World) -> int:
    """How many posts and replies the store says there are."""
    async with world.store.database.read() as connection:
        written = (await connection.execute(posts.select())).all()
        asked = outbox.select().where(outbox.c.topic != "card")
        replies = (await connection.execute(asked)).all()
    return len(written) + len(replies)


async def looked(world: World, bot: Bot) -> None:
    """Wait until the watcher knows what was there before: only then something is news."""

    async def look() -> bool:
        return bot.dead or await world.store.watching.last("prod", "locations") is not None

    await eventually(look, 60, "the first look")


async def test_killed_anywhere_each_post_of_the_watcher_is_there_once(tmp_path: Path) -> None:
    async with open_world(tmp_path, **CONFIG) as world:
        await world.configure_agent(broken=[{"image": BAD, "error": BROKEN}])
        for number, place in enumerate(WATCHER_PLACES):
            crashing = await world.start(crash_at=place)
            await looked(world, crashing)
            name = f"shop{number}"
            story = Story(world, crashing, name)
            await story.somebody_deploys(GOOD, f"{name} was added")
            await story.somebody_deploys(BAD, f"{name} on prod fails to load")
            await story.somebody_deploys(GOOD, f"{name} loads again. It was down for")
            assert crashing.dead, f"{place} was never reached"
            await story.bot.stop()

        await world.start()
        said: Counter[str] = Counter()

        async def all_said() -> bool:
            said.clear()
            said.update(json.dumps(each.metadata) for each in await everything(world))
            return not await world.unsent() and said.total() >= await wanted(world)

        await eventually(all_said, 60, "all posts and replies")
        assert set(said.values()) == {1}, said
        assert said.total() == await wanted(world)
