"""Runs that fail are told by their cause, counted in one message, and followed until they work."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy_core.watch.failed_runs import RUNS
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.dagster_plus.load_errors import LoadError
from sandbox.dagster_plus.runs import Run
from sandbox.slack.seen import SeenMessage
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.test_watch import CONFIG
from tests.scenario.test_watch import looked as looked_at_locations
from tests.scenario.world import CHANNEL, World, open_world

LIBRARY = (
    '  File "/venv/lib/python3.11/site-packages/dagster/execute.py", line 9, in run\n    go()\n'
)


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, **CONFIG) as opened:
        await begun(opened)
        yield opened


async def begun(world: World) -> None:
    """Wait until the watcher knows where the runs that are news begin."""

    async def look() -> bool | None:
        return await world.core.store.watching.last("prod", RUNS) is not None or None

    await world.workspace.wait_for(look, what="the first look at the runs")


async def looked(world: World, times: int = 2) -> None:
    """Wait until the watcher has looked for failed runs so many times more."""

    async def looks() -> int:
        async with httpx.AsyncClient(timeout=60) as http:
            state = (await http.get(f"{world.dagster.url}/sandbox/state")).json()
        asked = [
            each["variables"] for each in state["requests"] if each["operation"] == "ChatopsRuns"
        ]
        return sum(each["filter"].get("statuses") == ["FAILURE"] for each in asked)

    wanted = await looks() + times + 1

    async def look() -> bool | None:
        return await looks() >= wanted or None

    await world.workspace.wait_for(look, what=f"{times} looks at the runs")


def error(message: str, function: str = "load_rates", line: int = 12) -> LoadError:
    """As Dagster reports it: its own error outside, the user's inside."""
    frame = f'  File "/srv/marts/rates.py", line {line}, in {function}\n    rates[key]\n'
    inner = LoadError(message, (LIBRARY, frame), message.partition(":")[0])
    outside = "dagster._core.errors.DagsterExecutionStepExecutionError: Error while executing\n"
    return LoadError(outside, (LIBRARY,), "DagsterExecutionStepExecutionError", cause=inner)


def run(world: World, job: str = "daily", location: str = "core", **more: Any) -> Run:
    """A run that is about to begin."""
    made = Run(location, job, **more)
    world.dagster.plane.deployment("prod").runs.append(made)
    made.set_status("STARTED")
    return made


def fails(world: World, message: str = "KeyError: 'EUR'\n", **more: Any) -> Run:
    """A run fails."""
    failed = run(world, **more)
    failed.fail(error(message))
    return failed


def works(world: World, **more: Any) -> Run:
    good = run(world, **more)
    good.set_status("SUCCESS")
    return good


def buttons(card: SeenMessage) -> set[str]:
    return {each for each in card.action_ids if each.startswith("incident.")}


async def test_a_failure_is_told_with_its_error_and_counted(watched: World) -> None:
    first = fails(watched, log=1_500)
    card = await watched.card("1 run of daily in core on prod failed alike")
    assert "KeyError: 'EUR'" in card.text
    assert "marts/rates.py:12 in load_rates" in card.shown
    assert "Step `load` · daily in core" in card.shown
    assert "New: not seen in the last 7 days." in card.shown
    (row,) = [each for each in card.blocks if each["type"] == "actions"]
    assert row["elements"][0]["url"].endswith(f"/prod/runs/{first.run_id}")
    fails(watched, "KeyError: 'USD'\n", job="hourly")
    card = await watched.card("2 runs of 2 jobs on prod failed alike, since")
    assert "daily in core (1), hourly in core (1)" in card.shown
    await looked(watched, 3)
    assert len(await watched.cards()) == 1


async def test_two_hundred_failures_of_three_kinds_are_three_messages(watched: World) -> None:
    kinds = ("KeyError: 'EUR'\n", "OSError: no file /tmp/{0}.csv\n", "ValueError: row {0}\n")
    for number in range(200):
        fails(watched, kinds[number % 3].format(number))
    for kind, count in (("KeyError", 67), ("OSError", 67), ("ValueError", 66)):
        await watched.workspace.wait_for_message(
            CHANNEL,
            lambda card, kind=kind, count=count: (  # type: ignore[misc]
                kind in card.text and f"{count} runs of daily in core on prod" in card.text
            ),
        )
    await looked(watched, 3)
    assert len(await watched.cards()) == 3


async def test_retries_are_folded_into_their_run(watched: World) -> None:
    first = fails(watched)
    await watched.card("1 run of daily")
    tags = {"dagster/retry_number": "1"}
    fails(watched, "OSError: something else\n", parent=first, tags=tags)
    await watched.card("1 run of daily in core on prod failed alike, with their retries 2")
    fails(watched, "OSError: something else\n", parent=first)
    await watched.card("OSError: something else", number=1)
    await looked(watched, 3)
    assert len(await watched.cards()) == 2


async def test_a_later_run_shows_that_it_is_fixed(watched: World) -> None:
    early = run(watched)
    fails(watched)
    fails(watched, job="hourly")
    card = await watched.card("2 runs of 2 jobs")
    early.set_status("SUCCESS")  # it had begun before the failure, and shows nothing
    works(watched, location="marts")
    works(watched, job="hourly")
    await looked(watched, 3)
    card = await watched.card("2 runs of 2 jobs")
    assert "fixed" not in card.shown
    good = works(watched)
    card = await watched.card("failed alike; fixed after")
    await watched.reply(card, f"the later run `{good.run_id[:8]}` of daily succeeded.")
    assert buttons(card) == {"incident.trace"}
    fails(watched)
    card = await watched.card("3 runs of 2 jobs")
    await watched.reply(card, "It fails again, ")
    assert len(await watched.cards()) == 1


async def test_of_assets_the_same_run_must_succeed(watched: World) -> None:
    first = fails(watched, job="__ASSET_JOB")
    await watched.card("1 run of")
    works(watched, job="__ASSET_JOB")
    await looked(watched, 3)
    assert "fixed" not in (await watched.card("1 run of")).shown
    works(watched, job="__ASSET_JOB", parent=first)
    await watched.card("fixed after")


async def test_what_was_changed_just_before_is_named(watched: World) -> None:
    await watched.types("ada", "/dagster deploy quickstart@v1")
    await watched.ended(1)
    fails(watched, location="quickstart")
    card = await watched.card("failed alike", number=1)
    assert "Deploy 1 by <@U0ADA000001> changed quickstart" in card.shown
    await looked(watched)
    somebody_deploys(watched, document("marts", image="registry.example/marts:7"))
    await watched.card("added", number=2)
    fails(watched, "OSError: gone\n", location="marts")
    card = await watched.card("OSError: gone", number=3)
    assert "marts was loaded anew with `marts:7` " in card.shown
    assert "before the first failure, not by the bot." in card.shown


async def test_a_person_looks_at_it_and_looks_after_it(watched: World) -> None:
    fails(watched)
    card = await watched.card("failed alike", button="incident.trace")
    await watched.clicks("linus", card, "incident.trace")
    trace = await watched.reply(card, "Traceback (most recent call last)")
    assert "DagsterExecutionStepExecutionError" in trace.shown
    await watched.clicks("linus", card, "incident.acknowledge")

    async def acknowledged() -> SeenMessage | None:
        now = await watched.workspace.message(card)
        return now if now is not None and "has acknowledged this" in now.shown else None

    now = await watched.workspace.wait_for(acknowledged, what="the acknowledgement")
    assert "<@U0LINUS0001>" in now.shown or "linus" in now.shown.lower()
    assert buttons(now) == {"incident.mute", "incident.reexecute"}


async def test_what_is_muted_is_not_told_again(watched: World) -> None:
    fails(watched)
    card = await watched.card("failed alike", button="incident.mute")
    await watched.clicks("linus", card, "incident.mute")
    await watched.private("linus", "You may not deploy to prod.")
    await watched.clicks("ada", card, "incident.mute")

    async def muted() -> SeenMessage | None:
        now = await watched.workspace.message(card)
        return now if now is not None and "Muted by <@U0ADA000001>" in now.shown else None

    await watched.workspace.wait_for(muted, what="the mute")
    fails(watched)
    await watched.card("2 runs of daily")
    works(watched)
    await watched.card("fixed after")
    fails(watched)
    await watched.card("3 runs of daily")
    assert len(await watched.cards()) == 1
    assert len(await watched.workspace.messages(CHANNEL, thread_ts=card.ts)) == 1


async def test_a_restart_tells_nothing_twice_and_loses_nothing(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        await begun(world)
        fails(world)
        await world.card("1 run of daily")
        await world.stop_bot()
        fails(world)
        fails(world, "OSError: gone\n")
        await world.start_bot()
        await world.card("2 runs of daily")
        await world.card("OSError: gone", number=1)
        await looked(world, 3)
        assert len(await world.cards()) == 2


async def test_many_kinds_at_once_are_one_message(watched: World) -> None:
    watched.dagster.plane.faults.add(
        Faults(requests=[RequestFault(operation="runsOrError", kind="status", times=None)])
    )
    for number in range(7):
        letter = chr(ord("a") + number)
        fails(watched, f"KeyError: kind {letter * 3}\n")
    watched.dagster.plane.faults.clear()
    card = await watched.card("began to fail in 7 ways at once; 7 are not over")
    assert "KeyError: kind aaa" in card.shown
    works(watched)
    card = await watched.card("all are over")
    await watched.reply(card, "None of the 7 kinds of failure is left.")
    assert len(await watched.cards()) == 1


async def test_a_log_that_cannot_be_read_does_not_hide_the_failure(watched: World) -> None:
    fault = RequestFault(operation="logsForRun", kind="unknown_typename", times=None)
    watched.dagster.plane.faults.add(Faults(requests=[fault]))
    fails(watched)
    card = await watched.card("1 run of daily in core on prod failed alike")
    assert buttons(card) == {"incident.acknowledge", "incident.mute", "incident.reexecute"}


async def test_it_can_be_switched_off(tmp_path: Path, projects: dict[str, Path]) -> None:
    off = {**CONFIG, "watch": {**CONFIG["watch"], "failed_runs": False}}
    async with open_world(tmp_path, projects, **off) as world:
        await looked_at_locations(world)
        fails(world)
        await looked_at_locations(world, 3)
        assert await world.cards() == []
