"""Many people at once. An acknowledgement is in time when Slack's three seconds say so; how long it
took is printed (`-s`), not asserted: the machine has other work."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from sandbox.slack.client import SlackPerson
from sandbox.slack.seen import Outcome, SeenMessage
from tests.e2e.world import CHANNEL, World
from tests.load.conftest import Crowd

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

QUESTIONS = ("help", "status", "deploys", "deplyo core", "help deploy", "logs 1")
LOCATIONS = ("quickstart", "core", "marts", "ml")
SLOW_SECONDS = 6.0


def in_time(what: str, outcomes: Sequence[Outcome]) -> None:
    """Every one of them was acknowledged in time."""
    late = [each.reason for each in outcomes if not each.acked]
    assert not late, f"{len(late)} of {len(outcomes)}: {set(late)}"
    times = sorted(each.ack_seconds * 1000 for each in outcomes)
    middle, most = times[len(times) // 2], times[-1]
    said = f"{len(times)} acks, p50 {middle:.0f} ms, longest {most:.0f} ms"
    print(f"\n{what}: {said}")  # noqa: T201


async def nobody_was_failed(people: Iterable[SlackPerson]) -> None:
    """Slack told nobody that the app failed."""
    assert [notice for person in people for notice in await person.notices()] == []


async def answers(people: Iterable[SlackPerson]) -> int:
    """How many private answers there are; that a slow plan goes on isn't one."""
    private = [each for person in people for each in await person.ephemerals(CHANNEL)]
    return sum("The plan is being made" not in each.shown for each in private)


async def mutations(world: World) -> list[str]:
    """The locations of all changes that Dagster+ was sent, in order."""
    state = (await world.dagster.get("/sandbox/state")).json()
    return [
        str(each["variables"]["document"]["location_name"])
        for each in state["requests"]
        if each["kind"] == "mutation"
    ]


async def cards_since(world: World, before: set[str]) -> list[SeenMessage]:
    """The channel's new messages that are in no thread."""
    found = await world.workspace.messages(CHANNEL)
    return [m for m in found if m.ts not in before and m.thread_ts in (None, m.ts)]


async def known(world: World) -> set[str]:
    """What is in the channel now."""
    return {message.ts for message in await world.workspace.messages(CHANNEL)}


async def test_fifty_commands_at_once(crowd: Crowd) -> None:
    """Deploys of every location among questions: all acknowledged, answered, done once."""
    world, people = crowd.world, crowd.people
    await world.dagster.delete("/sandbox/requests")
    seen, answered = await known(world), await answers(people)
    deploys = [f'deploy {location} --why "{world.unique()}"' for location in LOCATIONS]
    asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(50 - len(deploys))]
    commands = [*deploys, *asked]
    outcomes = await asyncio.gather(
        *(
            people[number % len(people)].command(CHANNEL, f"/dagster {words}")
            for number, words in enumerate(commands)
        )
    )
    in_time("50 commands at once", outcomes)

    async def all_done() -> bool | None:
        cards = await cards_since(world, seen)
        live = [card for card in cards if "verified" in card.text]
        private = await answers(people) - answered
        return (len(live) == len(deploys) and private == len(asked)) or None

    await world.workspace.wait_for(
        all_done, 300, "a card for each deploy and an answer to each question"
    )
    assert len(await cards_since(world, seen)) == len(deploys)
    assert sorted(await mutations(world)) == sorted(LOCATIONS)
    await nobody_was_failed(people)


async def test_sixteen_people_press_the_same_button(crowd: Crowd) -> None:
    """One goes back; the fifteen others are told who it was; it is done once."""
    world, people = crowd.world, crowd.people
    await people[0].command(CHANNEL, f'/dagster deploy quickstart@v1 --why "{world.unique()}"')
    first = await world.workspace.wait_for_message(
        CHANNEL, lambda message: "v1" in message.shown and "verified" in message.text, 60
    )
    await world.dagster.delete("/sandbox/requests")
    await world.faults(loads=[{"location": "quickstart", "kind": "never_loaded"}])
    try:
        seen = await known(world)
        await people[1].command(CHANNEL, f'/dagster deploy quickstart@v2 --why "{world.unique()}"')
        card = await world.workspace.wait_for_message(
            CHANNEL,
            lambda m: m.ts not in seen and "deploy.go_back" in m.action_ids,
            60,
        )
        outcomes = await asyncio.gather(
            *(person.click(card, "deploy.go_back") for person in people)
        )
        in_time("16 clicks at once", outcomes)

        async def told() -> list[str] | None:
            said = [
                message.text
                for person in people
                for message in await person.ephemerals(CHANNEL)
                if "was pressed already" in message.text
            ]
            return said if len(said) == len(people) - 1 else None

        said = await world.workspace.wait_for(told, what="fifteen answers")
        assert len(set(said)) == 1, "all name the same winner"
    finally:
        await world.no_faults()
    await world.end(card)
    assert await mutations(world) == ["quickstart", "quickstart"], "the change, and back"
    assert first.ts != card.ts
    await nobody_was_failed(people)


async def test_slow_answers_of_dagster_plus_and_slack_hold_no_ack_up(crowd: Crowd) -> None:
    """Deploys and questions wait for Dagster+, their cards for Slack; thirty more people ask for
    help meanwhile."""
    world, people = crowd.world, crowd.people
    seen, answered = await known(world), await answers(people)
    slow = {"operation": "query", "kind": "slow", "seconds": SLOW_SECONDS, "times": None}
    await world.faults(requests=[slow])
    await world.workspace.fault("chat.postMessage", delay=SLOW_SECONDS, times=5)
    try:
        deploys = [f'deploy {location} --why "{world.unique()}"' for location in LOCATIONS]
        asked = [*deploys, *(["status"] * len(deploys))]
        waiting = await asyncio.gather(
            *(people[n].command(CHANNEL, f"/dagster {words}") for n, words in enumerate(asked))
        )
        in_time(f"{len(asked)} that wait for Dagster+", waiting)
        for _ in range(3):
            more = await asyncio.gather(*(p.command(CHANNEL, "/dagster help") for p in people[:10]))
            in_time("10 more while they wait", more)
        assert not [card for card in await cards_since(world, seen) if "verified" in card.text], (
            "else nothing was slow"
        )
    finally:
        await world.no_faults()

    async def all_done() -> bool | None:
        live = [card for card in await cards_since(world, seen) if "verified" in card.text]
        # Those whose plan took long were also told that it goes on.
        private = await answers(people) - answered
        questions = len(asked) - len(deploys) + 30
        return (len(live) == len(deploys) and private >= questions) or None

    await world.workspace.wait_for(all_done, 300, "a card for each deploy and all answers")
    await nobody_was_failed(people)
