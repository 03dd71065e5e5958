"""The Block Kit judge: each bad thing is refused where it is, each good one is taken."""

from typing import Any

import pytest

from sandbox.slack.blocks import check_message_blocks, check_view, normalised, problems
from sandbox.slack.errors import SlackError

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "words", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def option(value: str = "v", text: str = "words") -> Json:
    return {"text": plain(text), "value": value}


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "pick", "options": [option()], **more}


def chart(
    title: str = "Loads", bars: int = 2, label: str = "x{0}", of: str = "", kind: str = "bar"
) -> Json:
    labels = [label.format(number) for number in range(bars)]
    data = [{"label": (of or label).format(number), "value": number} for number in range(bars)]
    return {
        "type": "data_visualization",
        "title": title,
        "chart": {
            "type": kind,
            "series": [{"name": "Seconds", "data": data}],
            "axis_config": {"categories": labels, "x_label": "Locations", "y_label": "Seconds"},
        },
    }


def table(rows: int, cells: int) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * cells] * rows}


def input_block(element: Json | None = None) -> Json:
    typed = element or {"type": "plain_text_input", "action_id": "a"}
    return {"type": "input", "block_id": "b", "label": plain("Name"), "element": typed}


CONFIRM = {
    "title": plain("Sure?"),
    "text": mrkdwn("x"),
    "confirm": plain("Yes"),
    "deny": plain("No"),
}
RICH = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]}
            ],
        },
    ],
}

GOOD: list[Json] = [
    chart(title="x" * 50, bars=20, label="x" * 18 + "{0:02}"),
    section("x" * 3000),
    section(fields=[mrkdwn("x" * 2000)] * 10),
    section(accessory=button(confirm=CONFIRM)),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider"},
    {"type": "context", "elements": [mrkdwn("x")] * 10},
    actions(*(button(action_id=str(n)) for n in range(25))),
    actions(select(options=[option(str(n)) for n in range(100)], initial_option=option("3"))),
    actions({"type": "external_select", "action_id": "e", "min_query_length": 0}),
    actions({"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(5)]}),
    table(100, 20),
    {"type": "table", "rows": [[RICH, {"type": "raw_number", "value": 3.5, "text": "3.5"}]]},
    {"type": "markdown", "text": "x" * 12_000},
    {"type": "image", "image_url": "https://x.dev/a.png", "alt_text": "a"},
    RICH,
]

BAD: list[tuple[str, Any, str]] = [
    ("empty section text", section(""), "/blocks/0/text/text"),
    ("section text too long", section("x" * 3001), "/blocks/0/text/text"),
    ("section without text or fields", {"type": "section"}, "/blocks/0"),
    ("eleven fields", section(fields=[mrkdwn("x")] * 11), "/blocks/0/fields"),
    ("field too long", section(fields=[mrkdwn("x" * 2001)]), "/blocks/0/fields/0/text"),
    ("mrkdwn header", {"type": "header", "text": mrkdwn("x")}, "/blocks/0/text/type"),
    ("header too long", {"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text"),
    ("empty actions", actions(), "/blocks/0/elements"),
    ("26 actions", actions(*(button(action_id=str(n)) for n in range(26))), "/blocks/0/elements"),
    ("mrkdwn button", actions(button(text=mrkdwn("x"))), "/blocks/0/elements/0/text/type"),
    ("button text 76", actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text"),
    ("button value 2001", actions(button(value="x" * 2001)), "/blocks/0/elements/0/value"),
    ("unknown style", actions(button(style="loud")), "/blocks/0/elements/0/style"),
    ("broken url", actions(button(url="ftp://x")), "/blocks/0/elements/0/url"),
    ("unknown key", section(colour="red"), "/blocks/0"),
    ("unknown block", {"type": "sparkle"}, "/blocks/0/type"),
    ("unknown element", actions({"type": "slider"}), "/blocks/0/elements/0/type"),
    (
        "multi select in actions",
        actions({"type": "multi_users_select"}),
        "/blocks/0/elements/0/type",
    ),
    ("alert in a message", {"type": "alert", "text": plain("x")}, "/blocks/0/type"),
    ("101 options", actions(select(options=[option(str(n)) for n in range(101)])), "options"),
    ("option text 76", actions(select(options=[option(text="x" * 76)])), "options/0/text/text"),
    ("option value 151", actions(select(options=[option("x" * 151)])), "options/0/value"),
    ("foreign initial option", actions(select(initial_option=option("w"))), "/blocks/0/elements/0"),
    ("select without options", actions({"type": "static_select"}), "/blocks/0/elements/0"),
    (
        "overflow of 6",
        actions({"type": "overflow", "options": [option(str(n)) for n in range(6)]}),
        "/blocks/0/elements/0/options",
    ),
    (
        "confirm title 101",
        actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
        "/confirm/title/text",
    ),
    ("eleven in context", {"type": "context", "elements": [mrkdwn("x")] * 11}, "/elements"),
    ("image without source", {"type": "image", "alt_text": "a"}, "/blocks/0"),
    ("101 rows", table(101, 2), "/blocks/0/rows"),
    ("21 cells", table(2, 21), "/blocks/0/rows/0"),
    ("markdown 12001", {"type": "markdown", "text": "x" * 12_001}, "/blocks/0/text"),
    ("chart title 51", chart(title="x" * 51), "/blocks/0/title"),
    ("chart without bars", chart(bars=0), "/blocks/0/chart/series/0/data"),
    ("21 bars", chart(bars=21), "/blocks/0/chart/series/0/data"),
    ("chart label 21", chart(label="x" * 19 + "{0:02}"), "/categories/0"),
    ("other labels", chart(of="y{0}"), "/blocks/0/chart/series/0/data"),
    ("same labels", chart(label="x", of="x"), "/blocks/0/chart/axis_config/categories"),
    ("chart of another kind", chart(kind="donut"), "/blocks/0/chart/type"),
    ("long block_id", section(block_id="x" * 256), "/blocks/0/block_id"),
    ("a string", "hello", "/blocks/0"),
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_good_blocks_are_taken(block: Json) -> None:
    assert problems([block], "message") == []


@pytest.mark.parametrize(("block", "where"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_blocks_are_refused_with_the_place(block: Any, where: str) -> None:
    found = problems([block], "message")
    assert any(where in sentence for sentence in found), found


TOGETHER: list[tuple[str, list[Json], str]] = [
    ("51 blocks", [{"type": "divider"}] * 51, "no more than 50 items"),
    ("same block_id", [section(block_id="a"), section(block_id="a")], "duplicate block_id"),
    ("same action_id", [actions(button(), button())], "duplicate action_id"),
    ("three charts", [chart(), chart(), chart()], "at most 2 data_visualization"),
    ("two tables", [table(1, 1), table(1, 1)], "only one table"),
    ("markdown together", [{"type": "markdown", "text": "x" * 6001}] * 2, "markdown must be"),
]


@pytest.mark.parametrize(
    ("blocks", "what"), [row[1:] for row in TOGETHER], ids=[row[0] for row in TOGETHER]
)
def test_blocks_are_judged_together(blocks: list[Json], what: str) -> None:
    assert any(what in sentence for sentence in problems(blocks, "message"))


def test_all_text_of_a_message_is_limited_but_not_at_a_response_url() -> None:
    blocks = [section("x" * 3000)] * 4 + [section("x")]
    check_message_blocks(blocks, total_limit=False)
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_message_blocks(blocks, total_limit=True)


def test_blocks_must_be_a_list() -> None:
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        check_message_blocks({"type": "divider"}, total_limit=True)


VIEW: Json = {"type": "modal", "title": plain("Deploy"), "blocks": [section()]}
BAD_VIEWS: list[tuple[str, Json, str]] = [
    ("title of 25", {**VIEW, "title": plain("x" * 25)}, "/view/title/text"),
    ("no title", {"type": "modal", "blocks": []}, "missing required field: title"),
    ("input without submit", {**VIEW, "blocks": [input_block()]}, "needs submit"),
    ("private_metadata", {**VIEW, "private_metadata": "x" * 3001}, "/view/private_metadata"),
    ("101 blocks", {**VIEW, "blocks": [{"type": "divider"}] * 101}, "no more than 100"),
    ("table in a modal", {**VIEW, "blocks": [table(1, 1)]}, "/view/blocks/0/type"),
    ("button in an input", {**VIEW, "blocks": [input_block(button())]}, "/element/type"),
    ("home with submit", {"type": "home", "blocks": [], "submit": plain("x")}, "submit"),
]


@pytest.mark.parametrize(
    ("view", "what"), [row[1:] for row in BAD_VIEWS], ids=[row[0] for row in BAD_VIEWS]
)
def test_bad_views_are_refused(view: Json, what: str) -> None:
    with pytest.raises(SlackError, match="invalid_arguments") as refused:
        check_view(view)
    assert any(what in sentence for sentence in refused.value.messages), refused.value.messages


def test_good_views_are_taken() -> None:
    check_view({**VIEW, "submit": plain("Go"), "blocks": [input_block()]})
    check_view({**VIEW, "blocks": [{"type": "alert", "text": plain("x"), "level": "warning"}]})
    check_view({"type": "home", "blocks": [table(2, 2)]})


def test_missing_ids_are_given_and_given_ones_kept() -> None:
    made = normalised([actions(button(), {"type": "users_select"}, block_id="mine")])
    assert made[0]["block_id"] == "mine"
    assert made[0]["elements"][0]["action_id"] == "go"
    assert made[0]["elements"][1]["action_id"]
