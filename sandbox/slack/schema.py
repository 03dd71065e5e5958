"""Small checks out of which Block Kit's rules are put together.

A check looks at one value at one JSON pointer and adds what is wrong to a report; it never raises.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """What was found wrong, in Slack's form `sentence [json-pointer:/blocks/0]`."""

    problems: list[str] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        self.problems.append(f"{sentence} [json-pointer:{path}]")


Check = Callable[[Any, str, Report], None]


def string(maximum: int, minimum: int = 0) -> Check:
    """A string of so many characters."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str):
            report.add(path, "must be a string")
        elif len(value) < minimum:
            report.add(path, f"must be more than {minimum - 1} characters")
        elif len(value) > maximum:
            report.add(path, f"must be less than {maximum + 1} characters")

    return check


def url(maximum: int) -> Check:
    """An absolute http(s) address."""
    length = string(maximum, 1)

    def check(value: Any, path: str, report: Report) -> None:
        length(value, path, report)
        if isinstance(value, str) and value and not value.startswith(("http://", "https://")):
            report.add(path, "invalid url")

    return check


def boolean(value: Any, path: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.add(path, "must be a boolean")


def integer(minimum: int, maximum: int | None = None) -> Check:
    """A whole number in a range."""

    def check(value: Any, path: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            report.add(path, "must be an integer")
        elif value < minimum or (maximum is not None and value > maximum):
            report.add(path, f"must be between {minimum} and {maximum}")

    return check


def one_of(*allowed: str) -> Check:
    """One of these strings."""

    def check(value: Any, path: str, report: Report) -> None:
        if value not in allowed:
            report.add(path, f"must be one of {', '.join(allowed)}")

    return check


def array(item: Check, minimum: int, maximum: int) -> Check:
    """A list of so many items, each checked."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, list):
            report.add(path, "must be an array")
            return
        if len(value) < minimum:
            report.add(path, f"no fewer than {minimum} items allowed")
        if len(value) > maximum:
            report.add(path, f"no more than {maximum} items allowed")
        for index, each in enumerate(value):
            item(each, f"{path}/{index}", report)

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these keys and no other."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(path, "must be an object")
            return
        for key in required:
            if key not in value:
                report.add(path, f"missing required field: {key}")
        for key, each in value.items():
            if key not in known:
                report.add(path, f"invalid additional property: {key}")
            else:
                known[key](each, f"{path}/{key}", report)

    return check


def either(*keys: str) -> Check:
    """At least one of these keys is there."""

    def check(value: Any, path: str, report: Report) -> None:
        if isinstance(value, dict) and not any(key in value for key in keys):
            report.add(path, f"needs one of {', '.join(keys)}")

    return check


def every(*checks: Check) -> Check:
    """All of these checks on the same value."""

    def check(value: Any, path: str, report: Report) -> None:
        for each in checks:
            each(value, path, report)

    return check


def typed(table: Mapping[str, Check], what: str) -> Check:
    """An object whose `type` picks its check from `table`; another type is refused."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(path, "must be an object")
            return
        kind = value.get("type")
        rule = table.get(kind) if isinstance(kind, str) else None
        if rule is None:
            report.add(f"{path}/type", f"unsupported type of {what}: {kind}")
        else:
            rule(value, path, report)

    return check


def anything(value: Any, path: str, report: Report) -> None:
    """No rule."""


def tagged(
    kind: str, required: Mapping[str, Check], optional: Mapping[str, Check] | None = None
) -> Check:
    """A record with a `type` of its own."""
    return record({"type": one_of(kind), **required}, optional)
