"""Failed runs are grouped by what they failed of, and retries are folded into one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.dagster_plus.values import Run, RunError
from deploy_core.model.python_error import ChainedError, PythonError
from deploy_core.watch.failed_runs import (
    CLOCKS_DIFFER,
    OVERLAP,
    Cause,
    FailedRun,
    OpenGroup,
    Sweep,
    cause_of,
    grouped,
    is_after,
    normalised,
    swept,
)
from tests.watch.support import at

USER = '  File "/srv/checkouts/3f2a/marts/load.py", line {line}, in load\n    rows[key]\n'
LIBRARY = '  File "/venv/lib/python3.11/site-packages/dagster/execute.py", line 9, in run\n'
RUN = Run("r1", "FAILURE", "daily", "core", at(0), at(0), at(1), at(1))
ONE, OTHER = Cause("KeyError", "…", "a.py:f", "load"), Cause("OSError", "gone", "a.py:f", "load")


def error(message: str = "KeyError: 'a'\n", line: int = 7, step: str | None = "load") -> RunError:
    """As Dagster reports it: its own error outside, the user's inside."""
    inner = ChainedError(message=message, stack=(LIBRARY, USER.format(line=line)))
    outer = "dagster._core.errors.DagsterExecutionStepExecutionError: Error occurred while\n"
    return RunError(step, PythonError(message=outer, stack=(LIBRARY,), chain=(inner,)))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no row 17 in table 'orders'", "no row … in table …"),
        ("timeout after 30.5s", "timeout after …s"),
        ("run 0c1f6e0a-6d0e-4b0a-8a51-8f5d7f1f2a3b is gone", "run … is gone"),
        ("object <Foo object at 0x7f3a2b> has no x", "object … has no x"),
        ("no such file: /tmp/a1/b.csv", "no such file: …"),
        ("can't read s3://bucket/day=2026-03-01/x.parquet now", "can't read … now"),
        ("can't open \"x\"; it doesn't exist", "can't open …; it doesn't exist"),
        ("at 2026-03-01 12:00:07 UTC", "at … UTC"),
        ("key 3f2a9c81 and key deadbeef", "key … and key deadbeef"),
        ("bad value 'cut off in the mid", "bad value …"),
        ("pod dagster-run-ab12c-x8z9k was evicted", "pod … was evicted"),
        ("database-7 is away", "database… is away"),
        ("division by zero", "division by zero"),
        ("", ""),
    ],
)
def test_what_differs_from_run_to_run_is_left_out(message: str, expected: str) -> None:
    assert normalised(message) == expected


@given(st.text())
def test_a_normalised_message_stays_as_it_is(message: str) -> None:
    once = normalised(message)
    assert len(once) <= 160
    assert not any(char in "0123456789" for char in once)


@given(
    st.integers(),
    st.integers(),
    st.uuids(),
    st.uuids(),
    st.from_regex(r"/[a-z]{1,9}/[a-z]{1,9}", fullmatch=True),
)
def test_numbers_ids_and_paths_make_no_difference(
    first: int, second: int, one: object, other: object, path: str
) -> None:
    said = "row {} of {!r} in {} is missing"
    assert normalised(said.format(first, str(one), path)) == normalised(
        said.format(second, str(other), "/a/b")
    )


def test_the_cause_is_the_users_own() -> None:
    expected = Cause("KeyError", "…", "marts/load.py:load", "load[…]")
    assert cause_of(RUN, error("KeyError: 'a'\n", 7, "load[3]")) == expected
    assert cause_of(RUN, error("KeyError: 'b'\n", 9, "load[4]")) == expected


@pytest.mark.parametrize(
    "other",
    [error("KeyError: 'a' is not 'b'\n"), error("OSError: 'a'\n"), error(step="other")],
)
def test_another_exception_message_or_step_is_another_cause(other: RunError) -> None:
    assert cause_of(RUN, error()).key != cause_of(RUN, other).key


def test_what_nobody_knows_is_one_group_for_each_job() -> None:
    monthly = replace(RUN, job="monthly")
    assert cause_of(RUN, None) == cause_of(replace(RUN, id="r2"), None)
    assert cause_of(RUN, None) != cause_of(monthly, None)


def run(number: int, root: int | None = None, *, automatic: bool = False) -> Run:
    moment = at(number)
    root_id = None if root is None else f"r{root}"
    return Run(
        f"r{number}", "FAILURE", "daily", "core", moment, None, moment, moment, root_id, automatic
    )


def noted(number: int, root: int, group: str) -> FailedRun:
    return FailedRun(f"r{number}", f"r{root}", group, "daily", "core", "load", at(number))


def test_runs_are_grouped_in_the_order_of_their_failures() -> None:
    found = grouped([(run(2), OTHER), (run(1), ONE), (run(3), ONE)], {})
    assert found == (noted(1, 1, ONE.key), noted(2, 2, OTHER.key), noted(3, 3, ONE.key))


def test_a_retry_belongs_to_its_first_failure() -> None:
    found = grouped([(run(2, 1, automatic=True), OTHER), (run(1), ONE)], {})
    assert found == (noted(1, 1, ONE.key), noted(2, 1, ONE.key))
    assert grouped([(run(4, 1, automatic=True), OTHER)], {"r1": "g"}) == (noted(4, 1, "g"),)


def test_a_retry_whose_first_failure_nobody_saw_begins_a_group() -> None:
    assert grouped([(run(2, 1, automatic=True), OTHER)], {}) == (noted(2, 1, OTHER.key),)


def test_what_a_person_executed_again_belongs_to_what_it_failed_of() -> None:
    assert grouped([(run(4, 1), OTHER)], {"r1": "g"}) == (noted(4, 1, OTHER.key),)


def test_a_later_run_of_the_job_shows_that_it_works() -> None:
    job = ("core", "daily")
    group = OpenGroup("g", settling=False, jobs={job: at(5)}, roots=frozenset({"r1"}))
    good = replace(run(6), status="SUCCESS")
    assert is_after(good, group, job)
    assert not is_after(replace(good, created_at=at(4)), group, job)
    assert not is_after(replace(good, job="monthly"), group, job)
    assert not is_after(replace(good, location="marts"), group, job)
    assert not is_after(replace(good, status="FAILURE"), group, job)


def test_of_assets_the_same_run_must_have_succeeded() -> None:
    job = ("core", "__ASSET_JOB")
    group = OpenGroup("g", settling=False, jobs={job: at(5)}, roots=frozenset({"r1"}))
    good = replace(run(6), status="SUCCESS", job="__ASSET_JOB")
    assert not is_after(good, group, job)
    assert is_after(replace(good, root_id="r1"), group, job)


def test_a_sweep_ends_a_little_before_the_last_change() -> None:
    sweep = Sweep(since=at(0))
    assert swept(sweep, at(20), [run(19), run(17)], None) == Sweep(since=at(19) - OVERLAP)
    assert swept(sweep, at(30), [run(5)], None) == Sweep(since=at(30) - CLOCKS_DIFFER)
    assert swept(sweep, at(0.5), [], None) == sweep


def test_a_clock_of_ours_that_is_early_loses_nothing() -> None:
    assert swept(Sweep(since=at(0)), at(30), [], None) == Sweep(since=at(30) - CLOCKS_DIFFER)
    assert swept(Sweep(since=at(0)), at(30), [run(24)], None) == Sweep(since=at(24) - OVERLAP)


def test_a_clock_of_ours_that_is_late_loses_nothing() -> None:
    ahead = swept(Sweep(since=at(0)), at(20), [run(25)], None)
    assert ahead == Sweep(since=at(20) - OVERLAP)


def test_a_sweep_goes_on_where_the_last_look_stopped() -> None:
    first = swept(Sweep(since=at(0)), at(20), [run(19), run(18)], "r18")
    assert first == Sweep(since=at(0), page="r18", began=at(20), newest=at(19))
    # What came during the sweep, and stands on a page that was read already, is read next time.
    second = swept(first, at(22), [run(21), run(3)], None)
    assert second == Sweep(since=at(20) - OVERLAP)
