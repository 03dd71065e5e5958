"""Outside strings in mrkdwn: nothing gets out of its place."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.actions import ButtonValue, button_value, read_button_value
from handlers.limits import size
from handlers.mrkdwn import (
    code,
    date,
    duration,
    escape,
    link,
    person,
    plain,
    pre,
    safe_url,
    sentence,
    words,
)
from tests.handlers.slack_rules import assert_no_broadcast, length
from tests.handlers.worlds import HOSTILE


def test_entities_and_hidden_characters() -> None:
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert escape("pr\u202eod\u200b") == "pr\\u202eod\\u200b"
    assert escape("größe 表 😀") == "größe 表 😀"


def test_cut_never_splits_an_entity() -> None:
    assert escape("<<<<", 10) == "&lt;&lt;…"
    assert escape("abcdef", 4) == "abc…"


def test_code_and_blocks_cannot_be_closed_from_inside() -> None:
    assert code("a`b\nc") == "`a'b c`"
    assert code("") == "_empty_"
    assert pre("a```b", 100) == "```\na'''b\n```"
    assert words("`x` *y*\nz", 50) == "'x' ∗y∗ z"  # noqa: RUF001


def test_our_sentences_keep_their_code_unless_something_broke_it() -> None:
    assert sentence("Type `help` & go", 50) == "Type `help` &amp; go"
    assert sentence("Type `help and go", 50) == "Type 'help and go"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://acme.dagster.cloud/prod?a=1&b=2", True),
        ("http://127.0.0.1:3000/x", True),
        ("javascript:alert(1)", False),
        ("https://x|y", False),
        ("https://x>y", False),
        ("https://", False),
        ("https://[x", False),
        ("https://x/\u202e", False),
        ("https://x/" + "y" * 3_000, False),
        ("", False),
        (None, False),
    ],
)
def test_addresses(url: str | None, safe: bool) -> None:
    assert safe_url(url) is safe
    assert link(url, "label").startswith("<") is safe


def test_link() -> None:
    assert link("https://x/?a=1&b=2", "3 commits") == "<https://x/?a=1&amp;b=2|3 commits>"


def test_person() -> None:
    assert person("U01ADA") == "<@U01ADA>"
    assert person("!channel") == "`!channel`"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "under 1 s"),
        (12.9, "12 s"),
        (60, "1 min"),
        (72, "1 min 12 s"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_dates_are_shown_in_the_readers_zone() -> None:
    at = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    assert date(at) == "<!date^1795424400^{date_short_pretty} at {time}|2026-11-23 09:00 UTC>"


@given(HOSTILE, st.integers(2, 300))
def test_no_outside_string_gets_out(text: str, most: int) -> None:
    for shown in (escape(text, most), words(text, most), sentence(text, most), plain(text, most)):
        assert length(shown) <= most
        assert size(shown) == length(shown)
    for shown in (
        escape(text, most),
        words(text, most),
        code(text, most + 10),
        pre(text, most + 20),
    ):
        assert_no_broadcast(shown)
        assert "<" not in shown
        assert ">" not in shown
    assert code(text, most + 10).count("`") in {0, 2}
    assert pre(text, most + 20).count("```") == 2


@given(st.integers(0, 10**9), st.none() | st.integers(0, 299))
def test_button_values_read_back(deploy: int, position: int | None) -> None:
    assert read_button_value(button_value(deploy, position)) == ButtonValue(deploy, position)


@given(st.text())
def test_foreign_button_values_are_refused(text: str) -> None:
    found = read_button_value(text)
    assert found is None or button_value(found.deploy, found.position).isascii()
