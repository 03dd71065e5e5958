"""Failed runs are executed again by a button: counted first, each started once, and told."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.dagster_plus.faults import Faults, LaunchFault, RequestFault
from sandbox.dagster_plus.runs import Run
from sandbox.slack.seen import SeenMessage, SeenView
from tests.scenario.test_failed_runs import begun, fails, looked, watched, works
from tests.scenario.test_watch import CONFIG
from tests.scenario.world import World, open_world

__all__ = ["watched"]
BUTTON = "incident.reexecute"


async def form(world: World, card: SeenMessage, who: str = "ada") -> SeenView:
    await world.clicks(who, card, BUTTON)
    return await world.person(who).wait_for_view(lambda view: "Looking up" not in view.shown)


def children(world: World, *parents: Run) -> list[Run]:
    runs = world.dagster.plane.deployment("prod").runs
    return [run for run in runs if run.parent in parents]


def parents(runs: list[Run]) -> list[str]:
    return sorted(run.parent.run_id for run in runs if run.parent is not None)


async def says(world: World, card: SeenMessage, words: str) -> SeenMessage:
    async def look() -> SeenMessage | None:
        now = await world.workspace.message(card)
        return now if now is not None and words in now.shown else None

    return await world.workspace.wait_for(look, what=f"a message with “{words}”")


async def asked(world: World) -> int:
    async with httpx.AsyncClient(timeout=60) as http:
        state = (await http.get(f"{world.dagster.url}/sandbox/state")).json()
    return sum(each["operation"] == "ChatopsReexecuteRun" for each in state["requests"])


async def test_all_of_a_group_are_counted_and_then_started_once(watched: World) -> None:
    failed = [fails(watched), fails(watched), fails(watched, job="hourly")]
    card = await watched.card("3 runs of 2 jobs", button=BUTTON)
    view = await form(watched, card)
    assert "3 runs on prod can be executed again." in view.shown.replace("*", "")
    assert "daily in core: 2 runs" in view.shown
    assert children(watched, *failed) == []
    assert (await watched.person("ada").submit({"which": "all"})).errors == {}
    reply = await watched.reply(card, "re-executed 3 runs from failure.")
    started = children(watched, *failed)
    assert parents(started) == sorted(run.run_id for run in failed)
    assert all(f"/prod/runs/{run.run_id}" in str(reply.raw) for run in started)
    await says(watched, card, "<@U0ADA000001> re-executed 3 from failure")
    assert len({run.tags["dagster-chatops/order"] for run in started}) == 1
    await form(watched, card)
    view = await watched.person("ada").wait_for_view(lambda view: "already" in view.shown)
    assert "All of these runs were executed again already." in view.shown
    for run in started:
        run.set_status("SUCCESS")
    await watched.card("fixed after")


async def test_only_the_newest_is_the_first_choice(watched: World) -> None:
    early = fails(watched)
    await watched.card("1 run of daily")
    late = fails(watched)
    card = await watched.card("2 runs of daily", button=BUTTON)
    await form(watched, card)
    await watched.person("ada").submit({})
    await watched.reply(card, "re-executed 1 run from failure.")
    assert parents(children(watched, early, late)) == [late.run_id]


async def test_only_who_may_deploy_may_start_runs(watched: World) -> None:
    failed = fails(watched)
    card = await watched.card("1 run of daily", button=BUTTON)
    await watched.clicks("linus", card, BUTTON)
    await watched.private("linus", "You may not deploy to prod.")
    assert children(watched, failed) == []


@pytest.mark.parametrize(
    ("kind", "says_so"),
    [
        ("PipelineNotFoundError", "Dagster+ doesn't find the run's job any more. `job_missing`"),
        ("RunConfigValidationInvalid", "no longer fits the job. `run_config_refused`"),
        ("UnauthorizedError", "may not execute this run again. `dagster_permission_refused`"),
        ("PythonError", "`dagster_server_error`"),
    ],
)
async def test_a_run_that_is_not_started_says_why(watched: World, kind: Any, says_so: str) -> None:
    failed = fails(watched)
    card = await watched.card("1 run of daily", button=BUTTON)
    watched.dagster.plane.faults.add(Faults(launches=[LaunchFault(kind=kind)]))
    await form(watched, card)
    await watched.person("ada").submit({})
    reply = await watched.reply(card, "1 run not started: ")
    assert says_so in reply.shown
    await says(watched, card, "none started.")
    await form(watched, card)  # the button works again
    await watched.person("ada").submit({})
    await watched.reply(card, "re-executed 1 run from failure.")
    assert len(children(watched, failed)) == 1


async def test_a_run_whose_answer_is_lost_is_found_and_not_sent_again(watched: World) -> None:
    failed = fails(watched)
    card = await watched.card("1 run of daily", button=BUTTON)
    fault = RequestFault(operation="launchRunReexecution", kind="drop_after_change")
    watched.dagster.plane.faults.add(Faults(requests=[fault]))
    await form(watched, card)
    await watched.person("ada").submit({})
    await watched.reply(card, "re-executed 1 run from failure.")
    assert len(children(watched, failed)) == 1
    assert await asked(watched) == 1


async def test_a_run_that_nobody_can_find_is_not_sent_again_either(watched: World) -> None:
    failed = fails(watched)
    card = await watched.card("1 run of daily", button=BUTTON)
    fault = RequestFault(operation="launchRunReexecution", kind="drop_before_change")
    watched.dagster.plane.faults.add(Faults(requests=[fault]))
    await form(watched, card)
    await watched.person("ada").submit({})
    reply = await watched.reply(card, "nobody can say whether it was started")
    assert "`dagster_answer_lost`" in reply.shown
    assert await asked(watched) == 1
    await form(watched, card)
    await watched.person("ada").submit({})
    await watched.reply(card, "re-executed 1 run from failure.")
    assert len(children(watched, failed)) == 1


async def test_what_somebody_else_has_executed_again_is_left_alone(watched: World) -> None:
    first, second = fails(watched), fails(watched)
    card = await watched.card("2 runs of daily", button=BUTTON)
    await form(watched, card)
    by_hand = Run("core", "daily", parent=first)
    watched.dagster.plane.deployment("prod").runs.append(by_hand)
    await watched.person("ada").submit({"which": "all"})
    reply = await watched.reply(card, "re-executed 1 run from failure.")
    assert "1 run had been executed again meanwhile, and was left alone." in reply.shown
    assert len(children(watched, first)) == 1
    assert len(children(watched, second)) == 1


async def test_two_people_who_press_at_once_start_each_run_once(watched: World) -> None:
    failed = [fails(watched) for _ in range(6)]
    card = await watched.card("6 runs of daily", button=BUTTON)
    slow = RequestFault(operation="launchRunReexecution", kind="slow", seconds=0.2, times=None)
    watched.dagster.plane.faults.add(Faults(requests=[slow]))
    config = watched.settings.core.deployments["prod"]
    assert config.may_deploy == ("U0ADA000001",)
    await form(watched, card)
    await watched.person("ada").submit({"which": "all"})
    await watched.clicks("ada", card, BUTTON)
    view = await watched.person("ada").wait_for_view(lambda view: "Looking up" not in view.shown)
    if "Which runs" in view.shown:
        await watched.person("ada").submit({"which": "all"})

    async def all_started() -> bool | None:
        return len(children(watched, *failed)) >= len(failed) or None

    await watched.workspace.wait_for(all_started, 60.0, "a new run for each")
    await looked(watched, 2)
    assert parents(children(watched, *failed)) == sorted(run.run_id for run in failed)


async def test_a_restart_in_the_middle_goes_on_and_starts_nothing_twice(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        await begun(world)
        failed = [fails(world) for _ in range(3)]
        card = await world.card("3 runs of daily", button=BUTTON)
        slow = RequestFault(operation="launchRunReexecution", kind="slow", seconds=1.0)
        world.dagster.plane.faults.add(Faults(requests=[slow]))
        await form(world, card)
        await world.person("ada").submit({"which": "all"})

        async def sending() -> bool | None:
            return await asked(world) >= 1 or None

        await world.workspace.wait_for(sending, 60.0, "the first request")
        await world.stop_bot()
        await world.start_bot()
        await world.reply(card, "re-executed 3 runs from failure.")
        assert len(children(world, *failed)) == 3
        assert len(await world.workspace.messages(card.channel, thread_ts=card.ts)) == 2


async def test_what_dagster_tries_again_by_itself_is_told_with_the_last_try(
    watched: World,
) -> None:
    first = fails(watched, "OSError: held back\n", tags={"dagster/will_retry": "true"})
    other = fails(watched)
    await watched.card("1 run of daily in core on prod failed alike")
    await looked(watched, 3)
    assert len(await watched.cards()) == 1
    good = Run("core", parent=first, tags={"dagster/retry_number": "1"})
    watched.dagster.plane.deployment("prod").runs.append(good)
    first.tags["dagster/auto_retry_run_id"] = good.run_id
    good.set_status("SUCCESS")
    await looked(watched, 3)
    assert len(await watched.cards()) == 1, "the retry succeeded: nothing was ever said"
    held = fails(watched, "ValueError: told in the end\n", tags={"dagster/will_retry": "true"})
    await looked(watched, 3)
    last = fails(watched, parent=held, tags={"dagster/retry_number": "1"})
    held.tags["dagster/auto_retry_run_id"] = last.run_id
    card = await watched.card("1 run of daily in core on prod failed alike, with their", number=1)
    assert "ValueError: told in the end" in card.text
    assert other.run_id != last.run_id
    works(watched)
