"""A digest, drawn."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from handlers.blocks import without_charts
from handlers.cards.digest import digest_message
from tests.handlers.slack_rules import assert_message, read
from tests.handlers.worlds import HOSTILE, at

ANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def facts(**changes: JsonValue) -> dict[str, JsonValue]:
    return {
        "deployment": "prod",
        "since": at(-86_400).isoformat(),
        "until": at(0).isoformat(),
        "late": 0.0,
        **changes,
    }


FULL: dict[str, Any] = {
    "deploys": 3,
    "locations": 4,
    "good": 3,
    "put_back": 1,
    "median": 42.0,
    "people": [["U01ADA", 3], ["cli:ci", 1]],
    "slowest": [["dbt", 95.0]],
    "loads": [["dbt", 83.25], ["a_location_with_a_long_name", 9.0], ["ml", 2.0]],
    "down": [["core", 7_200.0]],
    "down_count": 12,
    "silent": [["schedule daily in core", 90_000.0], ["run queue", 3_600.0]],
    "silent_count": 2,
    "recovered": [["ml", 300.0]],
    "recovered_count": 1,
    "failures": [["KeyError: 'EUR'", 8], ["OSError: *gone*", 1]],
    "failures_count": 12,
    "failed_runs": 21,
    "behind": [["core", 4]],
    "behind_count": 1,
}


def test_a_digest_says_what_was_done_what_is_down_and_what_is_behind() -> None:
    message = digest_message(facts(**FULL))
    assert_message(message.text, message.blocks)
    assert read(message.blocks).split("\n")[:-1] == [
        "Digest of prod",
        "*3 deploys of 4 code locations*, 75 % went live, 1 rolled back, 42 s in the middle",
        "By <@U01ADA> (3), `cli:ci` (1)",
        "Slowest: dbt 1 min 35 s",
        "*Slowest loads:* dbt 1 min 23 s, a_location_with_a_long_name 9 s, ml 2 s",
        ":x: *12 down now:* core for 2 h and 11 more",
        ":zzz: *2 silent now:* schedule daily in core for 1 d 1 h, run queue for 1 h",
        ":white_check_mark: *1 recovered:* ml after 5 min",
        ":warning: *21 runs failed of 12 causes:*",
        "• KeyError: 'EUR' (8)",
        "• OSError: ∗gone∗ (1) and 10 more",  # noqa: RUF001
        "*1 code location behind the default branch* (commits): core 4",
        "[chart Slowest loads: dbt 83.2, a_location_with_a_l… 9, ml 2]",
        "[chart Failed runs by cause: KeyError: 'EUR' 8, OSError: *gone* 1]",
    ]


def test_nothing_is_one_line() -> None:
    message = digest_message(facts())
    assert read(message.blocks).split("\n")[1] == (
        "Nothing was deployed, nothing broke, nothing is down or silent."
    )


def test_of_one_thing_there_is_no_chart() -> None:
    few = {**FULL, "loads": [["dbt", 83.0]], "failures": [["KeyError", 8]]}
    blocks = digest_message(facts(**few)).blocks
    assert "[chart" not in read(blocks)
    assert "*Slowest loads:* dbt" in read(blocks)


def test_without_its_charts_it_says_the_same() -> None:
    message = digest_message(facts(**FULL))
    plain = without_charts(message)
    assert plain.text == message.text
    assert read(plain.blocks) == "\n".join(
        line for line in read(message.blocks).split("\n") if not line.startswith("[chart")
    )


def test_what_is_late_says_so() -> None:
    assert "This digest is 6 h late" in read(digest_message(facts(late=21_600.0)).blocks)


@ANY
@given(HOSTILE, st.integers(1, 5_000))
def test_any_digest_fits(name: str, count: int) -> None:
    pairs: JsonValue = [[name, 9.0]] * 10
    full = {**FULL, "people": pairs, "down": pairs, "recovered": pairs, "behind": pairs}
    full["failures"] = full["loads"] = pairs
    message = digest_message(facts(**{**full, "deployment": name, "down_count": count}))
    assert_message(message.text, message.blocks)
