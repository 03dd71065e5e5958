"""Runs of a real `dagster-webserver` that fail, told in Slack by the bot, and executed again; and a
code server that dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from deploy_core.dagster_plus import documents
from sandbox.slack.seen import SeenMessage
from tests.e2e import front, real_dagster
from tests.e2e.front import Front
from tests.e2e.real_dagster import MENDED, RealDagster
from tests.e2e.world import CHANNEL, World, is_card, running_bot, running_sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.proof, pytest.mark.asyncio(loop_scope="session")]

CHANGES = {
    "deployments": {
        "prod": {"may_deploy": ["U0ADA000001"], "watch_channel": "C0DEPLOYS01"},
    },
    "watch": {"seconds": 0.5, "schedules_seconds": 1, "code_server_seconds": 1},
}
REEXECUTE = "incident.reexecute"


@dataclass
class Watched:
    """A bot that watches real Dagster, in which `often` is the task of 200 failures."""

    real: RealDagster
    front: Front
    world: World
    often: asyncio.Task[None]

    async def cards(self, *words: str) -> list[SeenMessage]:
        """Return the messages of the channel that have all these words in their text."""
        found = await self.world.workspace.messages(CHANNEL)
        return [each for each in found if is_card(each) and all(one in each.text for one in words)]

    async def card(self, *words: str, button: str = "") -> SeenMessage:
        """Wait until one message has these words, and the button; return it."""

        async def look() -> SeenMessage | None:
            found = [each for each in await self.cards(*words) if button in ["", *each.action_ids]]
            return found[0] if len(found) == 1 else None

        try:
            return await self.world.workspace.wait_for(look, 120.0, f"a message with {words}")
        except AssertionError as error:
            seen = [each.text for each in await self.cards()]
            raise AssertionError(f"{error}; there were: {seen}") from error

    async def reply(self, card: SeenMessage, words: str) -> SeenMessage:
        """Wait for a reply in a message's thread."""
        return await self.world.workspace.wait_for_message(
            CHANNEL,
            lambda each: each.ts != card.ts and words in each.shown,
            120.0,
            thread_ts=card.ts,
        )

    async def looked(self, times: int = 3) -> None:
        """Wait until the bot has asked for failed runs so many times more."""
        await self.front.has_asked(documents.RUNS, times)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    home = tmp_path_factory.mktemp("real")
    async with AsyncExitStack() as stack:
        real, report = await asyncio.gather(
            stack.enter_async_context(real_dagster.opened()),
            stack.enter_async_context(running_sandbox(home, "--instant-agent", "0")),
        )
        before = await stack.enter_async_context(front.opened(report["dagster_url"], real.url))
        report = {**report, "dagster_url": before.url}
        world = await stack.enter_async_context(running_bot(report, home, CHANGES))
        await before.has_asked(documents.RUNS, 1)  # the look before has noted which runs are news
        await real.launch("revenue")
        await real.launch("nightly")
        often = asyncio.create_task(real.fail_often(200))
        yield Watched(real, before, world, often)
        often.cancel()


async def test_each_is_told_by_what_was_at_its_root(watched: Watched) -> None:
    card = await watched.card("1 run of revenue in core on prod", button="incident.trace")
    assert "KeyError: 'clics'" in card.text
    assert "failing_code.py:" in card.shown
    assert "in rate" in card.shown
    assert "Step `convert` · revenue in core" in card.shown
    await watched.world.press(card, "incident.trace")
    reply = await watched.reply(card, "The error of the run")
    trace = await watched.world.workspace.file_text(reply.files[0])
    for error in ("KeyError: 'clics'", "RatesUnavailable", "DagsterExecutionStepExecutionError"):
        assert error in trace
    card = await watched.card("1 run of nightly in core on prod", button="incident.trace")
    assert "ConnectionError: warehouse.acme.com:5432 refuses connections" in card.text
    assert "in warehouse" in card.shown
    assert "Outside of any step · nightly in core" in card.shown


async def test_what_is_cancelled_is_no_failure(watched: Watched) -> None:
    run = await watched.real.launch("endless")
    await watched.real.until("endless", "STARTED")
    await watched.real.cancel(run)
    await watched.real.until("endless", "CANCELED")
    await watched.looked()
    assert await watched.cards("endless") == []


async def test_retries_are_told_with_their_run_and_only_if_the_last_one_fails(
    watched: Watched,
) -> None:
    await watched.real.launch("patient")
    await watched.real.launch("stubborn")
    again, first = await watched.real.until("patient", "SUCCESS", "FAILURE")
    assert again.parent == first.id
    again, first = await watched.real.until("stubborn", "FAILURE", "FAILURE")
    assert again.parent == first.id
    card = await watched.card("1 run of stubborn in core on prod", "with their retries 2")
    assert "InterruptedError: the connection broke" in card.text
    await watched.looked()
    assert len(await watched.cards("stubborn")) == 1
    assert await watched.cards("patient") == []


async def test_a_failed_run_is_executed_again_by_its_button(watched: Watched) -> None:
    failed = await watched.real.launch("daily")
    card = await watched.card("1 run of daily in core on prod failed alike", button=REEXECUTE)
    assert "PermissionError: the warehouse takes no writes" in card.text
    ada = watched.world.person()
    await watched.world.press(card, REEXECUTE)
    view = await ada.wait_for_view(lambda view: "Looking up" not in view.shown)
    assert "1 run on prod can be executed again." in view.shown.replace("*", "")
    assert [run.id for run in await watched.real.runs("daily")] == [failed], "only counted"
    (watched.real.folder / MENDED).touch()
    assert (await ada.submit({})).errors == {}
    reply = await watched.reply(card, "re-executed 1 run from failure.")
    again, first = await watched.real.until("daily", "SUCCESS", "FAILURE")
    assert (again.parent, first.id) == (failed, failed)
    assert f"/prod/runs/{again.id}" in str(reply.raw)
    assert watched.front.asked[documents.REEXECUTE_RUN.name] == 1
    fixed = await watched.card("1 run of daily in core on prod", "fixed after")
    assert fixed.ts == card.ts
    assert "<@U0ADA000001> re-executed 1 from failure" in fixed.shown


async def test_two_hundred_of_three_kinds_are_three_messages_that_count(watched: Watched) -> None:
    await watched.often
    for kind, count in {"KeyError": 67, "FileNotFoundError": 67, "ValueError": 66}.items():
        card = await watched.card(f"{count} runs of imports on prod failed alike", kind)
        assert card.edits > 0
    await watched.looked()
    assert len(await watched.cards("imports")) == 3


async def test_a_code_server_that_dies_under_a_loaded_location_is_told(watched: Watched) -> None:
    await watched.world.make_live("core")
    await watched.front.has_asked(documents.SCHEDULES, 2)  # that it answered was noted
    await watched.real.end_code_server()
    card = await watched.card("The code server of core on prod can't be reached, though core")
    assert "counts as loaded: no tick of its schedules and sensors has reached it" in card.text
    assert "UNAVAILABLE" in card.shown
    await watched.real.start_code_server()
    ended = await watched.card("The code server of core on prod answers again, after")
    assert ended.ts == card.ts
    assert await watched.cards("sensor files") == []
