"""An alarm about an agent needs two witnesses: its heartbeat, and the work."""

from dataclasses import replace
from datetime import timedelta

from deploy_core.dagster_plus.values import AgentStatus, Run, RunStatus
from deploy_core.watch.agents import (
    ALL,
    AgentsMove,
    AgentsNoted,
    Patience,
    judge,
    silences,
)
from deploy_core.watch.reading import LocationSeen, Reading
from deploy_core.watch.transitions import Happened
from tests.watch.support import at, reading, seen

PATIENCE = Patience(work=timedelta(seconds=60), silence=timedelta(minutes=10))
UP = AgentStatus("a1", "k8s", True, at(0), ("gpu",), "1.13.27", "K8s", ())
DOWN = replace(UP, running=False, last_heartbeat=at(0))


def look(minutes: float, agent: AgentStatus, *locations: LocationSeen) -> Reading:
    return replace(reading(minutes, *(locations or (seen("core"),))), agents=(agent,))


def run(minutes: float, location: str = "core", started: float | None = None) -> Run:
    began = None if started is None else at(started)
    status: RunStatus = "QUEUED" if started is None else "STARTED"
    return Run("9f3c2b1a77", status, "daily", location, at(minutes), began)


def told(
    *looks: tuple[Reading, list[Run]],
) -> list[list[tuple[str, Happened | None, str]]]:
    """Return what is told at each look after the first."""
    before: AgentsNoted | None = None
    found = []
    for each, runs in looks:
        before, moves = judge(before, each, runs, PATIENCE)
        assert AgentsNoted.model_validate_json(before.model_dump_json()) == before
        found.append([(m.subject, m.happened, m.why) for m in moves])
    return found[1:]


def test_a_silent_heartbeat_alone_is_no_alarm() -> None:
    assert told((look(0, UP), []), (look(2, DOWN), []), (look(5, DOWN), [])) == [[], []]


def test_a_location_that_waits_to_be_loaded_is_the_second_witness() -> None:
    waits = seen("core", loading=True)
    assert told(
        (look(0, UP), []),
        (look(2, DOWN, waits), []),
        (look(3, DOWN, waits), []),
        (look(4, DOWN, waits), []),
        (look(9, UP), []),
    ) == [
        [],
        [(ALL, Happened.FAILED, "core waits to be loaded")],
        [],
        [(ALL, Happened.RECOVERED, "")],
    ]


def test_runs_that_stay_queued_are_the_second_witness() -> None:
    fresh, old = run(2.9), run(1)
    assert told(
        (look(0, UP), []),
        (look(1, DOWN), [old]),
        (look(3, DOWN), [old, fresh, run(0, "another")]),
    ) == [[], [(ALL, Happened.FAILED, "1 run waits to be started")]]


def test_runs_that_begin_speak_against_it_and_that_is_noted_once() -> None:
    waits = seen("core", loading=True)
    begun = run(1, started=2)
    assert told(
        (look(0, UP, waits), []),
        (look(3, DOWN, waits), [begun]),
        (look(30, DOWN, waits), [begun, run(1)]),
        (look(31, UP), []),
    ) == [
        [(ALL, None, "the run 9f3c2b1a of daily began after the last heartbeat")],
        [],
        [],
    ]


def test_a_run_that_began_just_after_the_heartbeat_proves_nothing() -> None:
    begun = run(0, started=0.5)
    assert told((look(0, UP), []), (look(1, DOWN), [begun]), (look(12, DOWN), [begun])) == [
        [],
        [(ALL, Happened.FAILED, "nothing has moved for a long time")],
    ]


def test_a_queue_without_an_agent_is_named() -> None:
    ml = seen("ml", queue="eu", loading=True)
    assert told(
        (look(0, UP, seen("core"), seen("ml", queue="gpu")), []),
        (look(1, UP, seen("core"), ml), []),
        (look(2, UP, seen("core"), ml), []),
    ) == [[], [("queue eu", Happened.FAILED, "ml waits to be loaded")]]


def test_an_old_agent_that_was_replaced_is_no_news() -> None:
    old = replace(DOWN, id="a0")
    both = replace(look(5, UP), agents=(old, UP))
    assert silences(both) == {}


def test_a_silence_from_before_anybody_watched_is_no_alarm() -> None:
    waits = seen("core", loading=True)
    assert told((look(0, DOWN, waits), []), (look(60, DOWN, waits), []), (look(61, UP), [])) == [
        [],
        [],
    ]


def test_a_move_carries_what_hangs_on_the_agent() -> None:
    first, _ = judge(None, look(0, UP), [], PATIENCE)
    second, _ = judge(first, look(1, DOWN), [], PATIENCE)
    _, moves = judge(second, look(20, DOWN, seen("b"), seen("a")), [], PATIENCE)
    (move,) = moves
    assert isinstance(move, AgentsMove)
    assert move.silence is not None
    assert [each.name for each in move.silence.locations] == ["a", "b"]
    assert move.silence.last_heartbeat == at(0)
