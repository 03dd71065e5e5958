"""Slack's verdict over the blocks of a message, a modal or an App Home.

`check_message_blocks` and `check_view` raise the error that Slack would answer; `normalised`
gives blocks the ids that Slack gives to those that have none.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from sandbox.slack import limits
from sandbox.slack.block_rules import SURFACES
from sandbox.slack.elements import plain_text
from sandbox.slack.errors import SlackError
from sandbox.slack.schema import Check, Report, anything, array, boolean, string, tagged, typed

Json = dict[str, Any]


def walk(value: Any) -> Iterator[Json]:
    """All objects inside `value`, outermost first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from walk(each)


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one block, in reading order."""
    found = [block[key] for key in ("accessory", "element") if isinstance(block.get(key), dict)]
    if block.get("type") == "actions":
        found.extend(each for each in block.get("elements", []) if isinstance(each, dict))
    return [each for each in found if each.get("type") != "image"]


def text_length(blocks: list[Json]) -> int:
    """Characters of all text in these blocks, as Slack seems to count them (observed)."""
    return sum(
        len(each["text"])
        for each in walk(blocks)
        if isinstance(each.get("text"), str) and each.get("type") != "url"
    )


def _unique(blocks: list[Json], report: Report, root: str) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                report.add(f"{root}/{index}/block_id", f"duplicate block_id: {block_id}")
            seen.add(block_id)
        actions: set[str] = set()
        for element in elements_of(block):
            action_id = element.get("action_id")
            if isinstance(action_id, str):
                if action_id in actions:
                    report.add(f"{root}/{index}", f"duplicate action_id: {action_id}")
                actions.add(action_id)


def problems(blocks: Any, surface: str) -> list[str]:
    """What is wrong with these blocks on this surface (message, modal or home); empty if good."""
    report = Report()
    most = limits.MESSAGE_BLOCKS if surface == "message" else limits.VIEW_BLOCKS
    array(typed(SURFACES[surface], "block"), 0, most)(blocks, "/blocks", report)
    if report.problems or not isinstance(blocks, list):
        return report.problems
    _unique(blocks, report, "/blocks")
    tables = [index for index, block in enumerate(blocks) if block["type"] == "table"]
    for index in tables[limits.TABLES :]:
        report.add(f"/blocks/{index}", "only one table is allowed")
    charts = [index for index, each in enumerate(blocks) if each["type"] == "data_visualization"]
    for index in charts[limits.CHARTS :]:
        report.add(f"/blocks/{index}", f"at most {limits.CHARTS} data_visualization blocks")
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_CHARS:
        report.add("/blocks", f"markdown must be less than {limits.MARKDOWN_CHARS + 1} characters")
    return report.problems


def check_message_blocks(blocks: Any, *, total_limit: bool) -> None:
    """Refuse blocks that Slack would refuse in a message.

    `total_limit` is for chat.postMessage and chat.update; a response_url does not apply it.
    Raises SlackError `invalid_blocks_format`, `invalid_blocks` or `msg_blocks_too_long`.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    found = problems(blocks, "message")
    if found:
        raise SlackError("invalid_blocks", messages=found)
    if total_limit and text_length(blocks) > limits.MESSAGE_BLOCK_CHARS:
        raise SlackError("msg_blocks_too_long")


_VIEW_FIELDS: dict[str, Check] = {
    "blocks": anything,
    "private_metadata": string(limits.PRIVATE_METADATA),
    "callback_id": string(limits.IDENTIFIER),
    "external_id": string(limits.IDENTIFIER),
}
_MODAL = tagged(
    "modal",
    {"title": plain_text(limits.VIEW_TITLE), "blocks": _VIEW_FIELDS["blocks"]},
    {
        **_VIEW_FIELDS,
        "submit": plain_text(limits.VIEW_TITLE),
        "close": plain_text(limits.VIEW_TITLE),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_HOME = tagged("home", {"blocks": _VIEW_FIELDS["blocks"]}, _VIEW_FIELDS)


def check_view(view: Any) -> None:
    """Refuse a view that Slack would refuse: SlackError `invalid_arguments` or `view_too_large`."""
    report = Report()
    typed({"modal": _MODAL, "home": _HOME}, "view")(view, "/view", report)
    if not report.problems:
        for sentence in problems(view["blocks"], view["type"]):
            report.problems.append(sentence.replace("[json-pointer:", "[json-pointer:/view"))
        _view_as_a_whole(view, report)
    if report.problems:
        raise SlackError("invalid_arguments", messages=report.problems)
    if len(json.dumps(view)) > limits.VIEW_BYTES:
        raise SlackError("view_too_large")


def _view_as_a_whole(view: Json, report: Report) -> None:
    blocks = view["blocks"] if isinstance(view["blocks"], list) else []
    inputs = [block for block in blocks if isinstance(block, dict) and block.get("type") == "input"]
    if view["type"] == "modal" and inputs and "submit" not in view:
        report.add("/view/submit", "a view with an input block needs submit")
    if sum(each.get("focus_on_load") is True for each in walk(blocks)) > 1:
        report.add("/view/blocks", "only one element may have focus_on_load")


def normalised(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id and every element an action_id."""
    copy: list[Json] = json.loads(json.dumps(blocks))
    for block in copy:
        block.setdefault("block_id", uuid.uuid4().hex[:5])
        for element in elements_of(block):
            element.setdefault("action_id", uuid.uuid4().hex[:5])
    return copy
