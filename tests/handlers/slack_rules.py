"""A judge of messages and modals of its own: Slack's limits, as Slack's reference states them."""

import json
from typing import Any

Json = dict[str, Any]

UGLY = "<!channel> & `*_~|\u202e\U0001f600</" * 12
"""What a name or an error may hold, longer than it may be shown."""


def length(text: str) -> int:
    """Characters as Slack counts them."""
    return len(text.encode("utf-16-le")) // 2


def _text(found: Json, most: int, kind: str | None = None) -> None:
    assert found["type"] in ({kind} if kind else {"mrkdwn", "plain_text"})
    assert 0 < length(found["text"]) <= most, (length(found["text"]), most)
    if found["type"] == "mrkdwn":
        assert_no_broadcast(found["text"])


def assert_no_broadcast(text: str) -> None:
    """No channel-wide mention, no hidden or direction-changing character."""
    for start in ("<!channel", "<!here", "<!everyone", "<!subteam"):
        assert start not in text
    for char in text:
        assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b"


def _element(found: Json) -> None:
    assert length(found["action_id"]) <= 255
    if found["type"] == "button":
        _text(found["text"], 75, "plain_text")
        assert length(found.get("value", "")) <= 2_000
        assert length(found.get("url", "")) <= 3_000
        if "confirm" in found:
            _text(found["confirm"]["title"], 100, "plain_text")
            _text(found["confirm"]["text"], 300)
            _text(found["confirm"]["confirm"], 30, "plain_text")
            _text(found["confirm"]["deny"], 30, "plain_text")


def _block(found: Json) -> None:
    match found["type"]:
        case "header":
            _text(found["text"], 150, "plain_text")
        case "section":
            _text(found["text"], 3_000)
            if "accessory" in found:
                _element(found["accessory"])
        case "context":
            assert 0 < len(found["elements"]) <= 10
            for element in found["elements"]:
                _text(element, 2_000)
        case "actions":
            assert 0 < len(found["elements"]) <= 25
            ids = [element["action_id"] for element in found["elements"]]
            assert len(ids) == len(set(ids))
            for element in found["elements"]:
                _element(element)
        case "data_visualization":
            assert 0 < length(found["title"]) <= 50
            labels = found["chart"]["axis_config"]["categories"]
            assert 0 < len(labels) == len(set(labels)) <= 20
            assert all(0 < length(label) <= 20 for label in labels)
            for series in found["chart"]["series"]:
                assert [point["label"] for point in series["data"]] == labels
                for label in labels:
                    assert_no_broadcast(label)
        case "divider":
            pass
        case other:
            raise AssertionError(f"a block of type {other}")


def assert_message(text: str, blocks: list[Json]) -> None:
    """Everything that Slack would refuse, and what we refuse ourselves."""
    assert 0 < length(text) <= 4_000
    assert_no_broadcast(text)
    assert len(blocks) <= 50
    assert sum(block["type"] == "data_visualization" for block in blocks) <= 2
    for block in blocks:
        _block(block)
    assert length(json.dumps(blocks, ensure_ascii=False)) <= 11_000
    assert sum(length(found) for found in texts(blocks)) <= 10_000
    json.dumps(blocks, ensure_ascii=False).encode()


def assert_home(view: Json) -> None:
    """The same for the Home tab."""
    assert view["type"] == "home"
    assert 0 < len(view["blocks"]) <= 100
    for block in view["blocks"]:
        _block(block)
    assert len(json.dumps(view)) <= 200_000


def texts(found: Any) -> list[str]:
    """All texts of the blocks in reading order."""
    if isinstance(found, dict):
        own = [found["text"]] if isinstance(found.get("text"), str) else []
        return own + [each for value in found.values() for each in texts(value)]
    if isinstance(found, list):
        return [each for value in found for each in texts(value)]
    return []


def read(blocks: list[Json]) -> str:
    """The message as a person reads it, one line a block; buttons in square brackets."""
    lines: list[str] = []
    for block in blocks:
        match block["type"]:
            case "header" | "section":
                accessory = block.get("accessory")
                extra = f" [{accessory['text']['text']}]" if accessory else ""
                lines.append(block["text"]["text"] + extra)
            case "context":
                lines += [element["text"] for element in block["elements"]]
            case "data_visualization":
                points = block["chart"]["series"][0]["data"]
                said = ", ".join(f"{point['label']} {point['value']:g}" for point in points)
                lines.append(f"[chart {block['title']}: {said}]")
            case "actions":
                lines.append(" ".join(f"[{one['text']['text']}]" for one in block["elements"]))
    return "\n".join(lines)
