"""Rules for each type of block, and which surface takes it (Block Kit reference)."""

from collections.abc import Mapping
from typing import Any

from sandbox.slack import limits
from sandbox.slack.elements import (
    ACTIONS_ELEMENT,
    IDENTIFIER,
    IMAGE,
    INPUT_ELEMENT,
    SECTION_ACCESSORY,
    SLACK_FILE,
    any_text,
    plain_text,
)
from sandbox.slack.rich_text import RICH_TEXT
from sandbox.slack.schema import (
    Check,
    Report,
    array,
    boolean,
    either,
    every,
    one_of,
    record,
    string,
    tagged,
    typed,
    url,
)


def _number(value: Any, path: str, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.add(path, "must be a number")


_BLOCK_ID: dict[str, Check] = {"block_id": IDENTIFIER}
_CELL = typed(
    {
        "raw_text": tagged("raw_text", {"text": string(limits.MARKDOWN_CHARS, 1)}),
        "raw_number": tagged("raw_number", {}, {"value": _number, "text": string(200)}),
        "rich_text": RICH_TEXT,
    },
    "table cell",
)
_POINTS = array(
    record({"label": string(limits.CHART_LABEL, 1), "value": _number}), 1, limits.CHART_POINTS
)
_SERIES = array(
    record({"name": string(limits.CHART_LABEL, 1), "data": _POINTS}), 1, limits.CHART_SERIES
)
_AXES = record(
    {"categories": array(string(limits.CHART_LABEL, 1), 1, limits.CHART_POINTS)},
    {"x_label": string(limits.AXIS_LABEL), "y_label": string(limits.AXIS_LABEL)},
)


def _labels(value: Any, path: str, report: Report) -> None:
    """Each series has exactly one point for each category, and a name of its own."""
    if report.problems:
        return
    categories = value["axis_config"]["categories"]
    if len(set(categories)) != len(categories):
        report.add(f"{path}/axis_config/categories", "must be unique")
    for index, series in enumerate(value["series"]):
        if [point["label"] for point in series["data"]] != categories:
            report.add(f"{path}/series/{index}/data", "labels must match the categories")
    names = [series["name"] for series in value["series"]]
    if len(set(names)) != len(names):
        report.add(f"{path}/series", "names must be unique")


def _axes_chart(kind: str) -> Check:
    return every(tagged(kind, {"series": _SERIES, "axis_config": _AXES}), _labels)


_CHART = typed(
    {
        "pie": tagged("pie", {"segments": _POINTS}),
        **{kind: _axes_chart(kind) for kind in ("bar", "area", "line")},
    },
    "chart",
)
_TASK = tagged(
    "task_card",
    {"task_id": IDENTIFIER, "title": string(limits.SECTION_TEXT, 1)},
    {
        **_BLOCK_ID,
        "status": one_of("pending", "in_progress", "complete", "error"),
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": array(
            tagged("url", {"url": url(limits.URL), "text": string(limits.URL, 1)}), 0, 50
        ),
    },
)


SHARED: dict[str, Check] = {
    "section": every(
        tagged(
            "section",
            {},
            {
                **_BLOCK_ID,
                "text": any_text(limits.SECTION_TEXT),
                "fields": array(any_text(limits.SECTION_FIELD_TEXT), 1, limits.SECTION_FIELDS),
                "accessory": typed(SECTION_ACCESSORY, "accessory"),
                "expand": boolean,
            },
        ),
        either("text", "fields"),
    ),
    "header": tagged("header", {"text": plain_text(limits.HEADER_TEXT)}, _BLOCK_ID),
    "divider": tagged("divider", {}, _BLOCK_ID),
    "context": tagged(
        "context",
        {
            "elements": array(
                typed(
                    {
                        "image": IMAGE,
                        "plain_text": any_text(limits.SECTION_FIELD_TEXT),
                        "mrkdwn": any_text(limits.SECTION_FIELD_TEXT),
                    },
                    "context element",
                ),
                1,
                limits.CONTEXT_ELEMENTS,
            )
        },
        _BLOCK_ID,
    ),
    "actions": tagged(
        "actions",
        {"elements": array(typed(ACTIONS_ELEMENT, "actions element"), 1, limits.ACTIONS_ELEMENTS)},
        _BLOCK_ID,
    ),
    "image": every(
        tagged(
            "image",
            {"alt_text": string(limits.IMAGE_ALT, 1)},
            {
                **_BLOCK_ID,
                "image_url": url(limits.IMAGE_URL),
                "slack_file": SLACK_FILE,
                "title": plain_text(limits.IMAGE_TITLE),
            },
        ),
        either("image_url", "slack_file"),
    ),
    "rich_text": RICH_TEXT,
    "input": tagged(
        "input",
        {
            "label": plain_text(limits.INPUT_LABEL),
            "element": typed(INPUT_ELEMENT, "input element"),
        },
        {
            **_BLOCK_ID,
            "hint": plain_text(limits.INPUT_HINT),
            "optional": boolean,
            "dispatch_action": boolean,
        },
    ),
}
MESSAGE_ONLY: dict[str, Check] = {
    "markdown": tagged("markdown", {"text": string(limits.MARKDOWN_CHARS, 1)}, _BLOCK_ID),
    "table": tagged(
        "table",
        {"rows": array(array(_CELL, 1, limits.TABLE_CELLS), 1, limits.TABLE_ROWS)},
        {
            **_BLOCK_ID,
            "column_settings": array(
                record({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean}),
                1,
                limits.TABLE_CELLS,
            ),
        },
    ),
    "data_visualization": tagged(
        "data_visualization",
        {"title": string(limits.CHART_TITLE, 1), "chart": _CHART},
        _BLOCK_ID,
    ),
    "task_card": _TASK,
    "plan": tagged(
        "plan",
        {"title": string(limits.SECTION_TEXT, 1)},
        {**_BLOCK_ID, "tasks": array(_TASK, 1, limits.PLAN_TASKS)},
    ),
}
MODAL_ONLY: dict[str, Check] = {
    "alert": tagged(
        "alert",
        {"text": any_text(limits.ALERT_TEXT)},
        {**_BLOCK_ID, "level": one_of("default", "info", "warning", "error", "success")},
    ),
}
SURFACES: dict[str, Mapping[str, Check]] = {
    "message": {**SHARED, **MESSAGE_ONLY},
    "home": {**SHARED, **MESSAGE_ONLY},
    "modal": {**SHARED, **MODAL_ONLY},
}
