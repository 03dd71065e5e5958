"""Failures after which Dagster tries again by itself are held back, and never for ever."""

from datetime import datetime
from typing import Any

import pytest

from deploy_core.dagster_plus.values import Run
from deploy_core.watch.retries import LAUNCHED_WITHIN, LONGEST, MOST_HELD, sorted_out
from tests.watch.support import at

NOW = at(5)


def run(name: str = "r1", status: Any = "FAILURE", **more: Any) -> Run:
    return Run(name, status, "daily", "core", at(0), at(0), ended_at=at(1), **more)


def outcome(
    *failed: Run, tries: tuple[Run, ...] = (), since: dict[str, datetime] | None = None
) -> tuple[list[str], list[str]]:
    told, held = sorted_out(failed, {each.id: each for each in tries}, since or {}, NOW)
    return [each.id for each in told], sorted(held)


def test_a_failure_that_nobody_tries_again_is_told() -> None:
    assert outcome(run()) == (["r1"], [])


def test_one_that_will_be_tried_again_waits_with_its_first_moment() -> None:
    will = run(will_retry=True)
    assert sorted_out([will], {}, {}, NOW) == ([], {"r1": NOW})
    assert sorted_out([will], {}, {"r1": at(4)}, NOW) == ([], {"r1": at(4)})


@pytest.mark.parametrize(
    ("status", "retries", "expected"),
    [
        ("QUEUED", False, ([], ["r1"])),
        ("STARTED", False, ([], ["r1"])),
        ("SUCCESS", False, ([], [])),
        ("CANCELED", False, (["r1"], [])),
        ("FAILURE", True, ([], ["r1"])),
        ("FAILURE", False, (["r1"], [])),
    ],
)
def test_its_next_try_decides(
    status: str, retries: bool, expected: tuple[list[str], list[str]]
) -> None:
    again = run("r2", status, will_retry=retries, root_id="r1")
    assert outcome(run(will_retry=True, retried_by="r2"), tries=(again,)) == expected


def test_the_tries_of_one_run_are_told_or_forgotten_together() -> None:
    first = run("r1", will_retry=True, retried_by="r2")
    second = run("r2", root_id="r1", will_retry=True, retried_by="r3")
    failed, good = run("r3", root_id="r1"), run("r3", "SUCCESS", root_id="r1")
    assert outcome(first, second, failed, tries=(second, failed)) == (["r1", "r2", "r3"], [])
    assert outcome(first, second, tries=(second, good)) == ([], [])
    assert outcome(first, second, tries=(second, run("r3", "QUEUED"))) == ([], ["r1", "r2"])


def test_nothing_is_held_back_for_ever() -> None:
    will = run(will_retry=True)
    assert outcome(will, since={"r1": NOW - LAUNCHED_WITHIN}) == ([], ["r1"])
    assert outcome(will, since={"r1": NOW - LAUNCHED_WITHIN * 1.01}) == (["r1"], [])
    long = run(will_retry=True, retried_by="r2")
    assert outcome(long, tries=(run("r2", "STARTED"),), since={"r1": NOW - LONGEST * 1.01}) == (
        ["r1"],
        [],
    )


def test_very_many_are_news_all_the_same() -> None:
    many = [run(f"r{number:03}", will_retry=True) for number in range(MOST_HELD + 20)]
    told, held = outcome(*many)
    assert (len(told), len(held)) == (20, MOST_HELD)
