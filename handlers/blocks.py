"""Builders for the few blocks that we use, each within Slack's limits, and the message itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers import limits
from handlers.mrkdwn import plain, safe_url

Block = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """What is posted: blocks, and the text that says the whole result where blocks aren't shown."""

    text: str
    blocks: list[Block] = field(default_factory=list)


def weight(blocks: list[Block]) -> int:
    """Return the length of the blocks as JSON, which we keep below `MESSAGE_BLOCKS_JSON`."""
    return limits.size(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def mrkdwn(text: str) -> Block:
    """Return a text object; `verbatim` keeps plain words from becoming links."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain_text(text: str, most: int) -> Block:
    """Return a plain text object; it shows the text as it is, emoji names too."""
    return {"type": "plain_text", "text": plain(text, most) or "…", "emoji": False}


def header(text: str) -> Block:
    """Return a header; outside strings need no escape here."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_TEXT)}


def divider() -> Block:
    """Return a line across."""
    return {"type": "divider"}


def section(text: str, accessory: Block | None = None) -> Block:
    """Return a section of escaped mrkdwn. Raises ValueError above Slack's limit."""
    if not text or limits.size(text) > limits.SECTION_TEXT:
        raise ValueError(f"a section of {limits.size(text)} characters")
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def context(*texts: str) -> Block:
    """Return a line of small text. Raises ValueError above Slack's limits."""
    if not 0 < len(texts) <= limits.CONTEXT_ELEMENTS:
        raise ValueError(f"a context of {len(texts)} elements")
    if any(not text or limits.size(text) > limits.CONTEXT_TEXT for text in texts):
        raise ValueError("a context element is empty or too long")
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def fitting(lines: Sequence[str], most: int) -> list[str]:
    """Return as many of the first lines as a section of so many characters holds."""
    held: list[str] = []
    for line in lines:
        if limits.size("\n".join([*held, line])) > most:
            break
        held.append(line)
    return held


def listed(held: Sequence[str], count: int) -> list[Block]:
    """Return the section of the lines that are shown of `count`, and how many are left out."""
    blocks = [section("\n".join(held))] if held else []
    if len(held) < count:
        blocks.append(context(f"and {count - len(held)} more"))
    return blocks


def actions(*buttons: Block) -> Block:
    """Return a row of buttons. Raises ValueError above Slack's limit, or for none."""
    if not 0 < len(buttons) <= limits.ACTIONS_ELEMENTS:
        raise ValueError(f"{len(buttons)} buttons in a row")
    return {"type": "actions", "elements": list(buttons)}


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: str | None = None,
    confirm: Block | None = None,
) -> Block:
    """Return a button."""
    made: Block = {
        "type": "button",
        "text": plain_text(label, limits.BUTTON_TEXT),
        "action_id": action_id,
        "value": value,
    }
    if style is not None:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = confirm
    return made


def command_button(
    label: str, action_id: str, command: str, *, confirm: Block | None = None
) -> list[Block]:
    """Return a button that carries a command's text; none where Slack couldn't carry it."""
    if limits.size(command) > limits.BUTTON_VALUE or not command.isprintable():
        return []
    return [button(label, action_id, command, confirm=confirm)]


def url_button(label: str, action_id: str, url: str | None) -> Block | None:
    """Return a button that opens an address, or None where the address isn't usable."""
    if url is None or not safe_url(url):
        return None
    return {
        "type": "button",
        "text": plain_text(label, limits.BUTTON_TEXT),
        "action_id": action_id,
        "url": url,
    }


def bar_chart(title: str, of: str, unit: str, points: list[tuple[str, float]]) -> Block:
    """Return a chart with a bar for each point; `of` is what the bars are, `unit` what they count.

    Its numbers must stand in words beside it: not every client draws it, and nobody can read it
    aloud. Labels that are cut to the same one get a number. Raises ValueError above Slack's limits.
    """
    if not 0 < len(points) <= limits.CHART_POINTS:
        raise ValueError(f"a chart of {len(points)} bars")
    labels: list[str] = []
    for given, _ in points:
        # Slack doesn't say whether it looks for mentions here.
        name = given.replace("<", "‹").replace(">", "›")  # noqa: RUF001
        label, number = plain(name, limits.CHART_LABEL) or "…", 1
        while label in labels:
            number += 1
            label = f"{plain(name, limits.CHART_LABEL - 4)} {number}"
        labels.append(label)
    data = [
        {"label": label, "value": round(value, 1)}
        for label, (_, value) in zip(labels, points, strict=True)
    ]
    return {
        "type": "data_visualization",
        "title": plain(title, limits.CHART_TITLE),
        "chart": {
            "type": "bar",
            "series": [{"name": plain(unit, limits.CHART_LABEL), "data": data}],
            "axis_config": {
                "categories": labels,
                "x_label": plain(of, limits.AXIS_LABEL),
                "y_label": plain(unit, limits.AXIS_LABEL),
            },
        },
    }


def without_charts(message: Message) -> Message:
    """Return the message without its charts, which say nothing that isn't in its words."""
    kept = [each for each in message.blocks if each["type"] != "data_visualization"]
    return Message(message.text, kept)


def input_block(
    field: str, label: str, element: Block, *, hint: str | None = None, optional: bool = False
) -> Block:
    """Return a field of a form; `field` is its block_id and its action_id."""
    block: Block = {
        "type": "input",
        "block_id": field,
        "label": plain_text(label, limits.INPUT_LABEL),
        "element": {"action_id": field, **element},
        "optional": optional,
    }
    if hint is not None:
        block["hint"] = plain_text(hint, limits.INPUT_HINT)
    return block


def confirm(title: str, text: str, yes: str, no: str, *, danger: bool = False) -> Block:
    """Return the question that Slack asks before a button counts as pressed."""
    return {
        "title": plain_text(title, limits.CONFIRM_TITLE),
        "text": plain_text(text, limits.CONFIRM_TEXT),
        "confirm": plain_text(yes, limits.CONFIRM_BUTTON),
        "deny": plain_text(no, limits.CONFIRM_BUTTON),
        **({"style": "danger"} if danger else {}),
    }
