"""Kills one bot after the other, each at a place of its own; each takes up what the one before it
left. What was promised is looked at when a deploy that was cut off has ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from tests.crash.forks import Bot
from tests.crash.world import World, eventually, finished_once, killed

END_SECONDS = 300.0

ARTIFACT_STEPS = {StepName.BUILD, StepName.PUSH, StepName.BUILD_PEX, StepName.UPLOAD_PEX}
"""They need a Docker engine, or a store for PEX files: see `test_artifact_steps`."""

WATCHER_PLACES = ("post:posted", "post:placed", "post:edited", "reply:posted")
"""A deploy never gets there: see `test_watcher_posts`."""

PROPOSAL = "proposal"
"""A deploy never gets there either: see `test_pull_requests`."""


@dataclass(frozen=True)
class Kind:
    """A sort of deploy: what is typed (in turns), how it must end, and how many changes it sends.

    `details`: whether the reason is told in the thread.
    """

    words: tuple[str, ...]
    ends: TargetState
    says: str
    mutations: int
    details: bool = False


@dataclass(frozen=True)
class Left:
    """A deploy whose bot was killed at a place."""

    deploy_id: int
    kind: Kind
    place: str


@dataclass
class Killing:
    """`before` is done before each deploy, `after` with the place when it has ended."""

    world: World
    scopes: bool = True
    before: Callable[[], Awaitable[None]] | None = None
    at_kill: Callable[[str], Awaitable[None]] | None = None
    after: Callable[[str], Awaitable[None]] | None = None

    async def begin(self, words: str) -> None:
        """Let a first deploy go well: what is there afterwards is what is put back."""
        first = await self.world.start()
        await self.world.connected(first)
        await self.world.types(words)
        await eventually(lambda: self._told(1), END_SECONDS, "the first deploy")
        await first.stop()
        await self.world.forget_mutations()

    async def play(self, places: list[tuple[str, Kind]]) -> None:
        """Kill at each place, in this order: that of a later step comes first, since what is taken
        up must be behind the place at which the next bot is to be killed itself."""
        left: Left | None = None
        for number, (place, kind) in enumerate(places):
            bot = await self.world.start(crash_at=place)
            if left is not None and not await self._settled(bot, left):
                continue  # what was left has brought this one to its place: killed once more
            left = await self._kill_in_a_deploy(bot, place, kind, number)
        last = await self.world.start()
        if left is not None:
            assert await self._settled(last, left)

    async def _kill_in_a_deploy(self, bot: Bot, place: str, kind: Kind, number: int) -> Left:
        """Start a deploy of that kind, which kills the bot; return it."""
        world = self.world
        await world.connected(bot)
        assert not bot.dead, f"{place}: killed before the deploy, by what was left"
        before = await world.newest()
        await world.forget_mutations()
        if self.before is not None:
            await self.before()
        await world.types(kind.words[number // 2 % len(kind.words)])
        try:
            await killed(bot)
        except TimeoutError:
            raise AssertionError(f"{place} was never reached") from None
        if self.at_kill is not None:
            await self.at_kill(place)
        deploy = await world.newest()
        known = 0 if before is None else before.id
        made = deploy is not None and deploy.id > known
        return Left(known + 1 if not made or deploy is None else deploy.id, kind, place)

    async def _settled(self, bot: Bot, left: Left) -> bool:
        """Wait until the deploy that was cut off has ended and was told; check what was promised.

        Returns False if the bot was killed before.
        """
        world, kind, place = self.world, left.kind, left.place

        async def look() -> bool:
            return bot.dead or await self._told(left.deploy_id)

        await eventually(look, END_SECONDS, f"{place}: the end of {left.deploy_id}")
        if bot.dead:
            await killed(bot)
            return False
        deploy = await world.store.deploys.get(left.deploy_id)
        assert deploy.targets[0].state is kind.ends, (place, deploy.targets[0])
        finished_once(await world.step_events(left.deploy_id))
        # (An address for an upload is asked for by a mutation, which changes nothing.)
        sent = [one for one in await world.mutations() if one["operation"] == "ChatopsPutLocation"]
        assert len(sent) == kind.mutations, place
        cards = await world.cards(left.deploy_id)
        most = 1 if self.scopes else 2
        assert 1 <= len(cards) <= most, (place, [card.text for card in cards])
        assert deploy.place is not None
        (card,) = [each for each in cards if each.ts == deploy.place.ts]
        assert kind.says in card.text, (place, card.text)
        told = [each for each in await world.replies(card) if "<@U0ADA000001>" in each.text]
        assert 1 <= len(told) <= most, (place, [each.text for each in told])
        if kind.details and self.scopes:
            details = [each for each in await world.replies(card) if each not in told]
            assert len(details) == 1, (place, [each.text for each in details])
        if self.after is not None:
            await self.after(place)
        return True

    async def _told(self, deploy_id: int) -> bool:
        newest = await self.world.newest()
        return newest is not None and newest.id >= deploy_id and await self.world.told(deploy_id)
