"""A deployment's digest."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from handlers import limits
from handlers.blocks import Block, Message, bar_chart, context, header, section, weight
from handlers.mrkdwn import code, date, duration, person, words
from handlers.text.names import name

Facts = Mapping[str, JsonValue]

MOST_LOADS = 5

MOST_JSON = limits.MESSAGE_BLOCKS_JSON - 1_000
"""So long the blocks may be before the last line."""


def digest_message(data: Facts) -> Message:
    """Return the digest: what was deployed, what loaded slowest, what is down, what has recovered,
    what runs failed of, what is behind; with charts of what there is more than one of."""
    deployment, only = str(data.get("deployment")), data.get("only")
    said = (
        _deploys(data),
        _loads(data),
        _down(data),
        _silent(data),
        _recovered(data),
        _failures(data),
        _behind(data),
    )
    lines = [line for line in said if line]
    if not lines or lines == [_behind(data)]:
        lines.insert(0, "Nothing was deployed, nothing broke, nothing is down or silent.")
    since, until = (_moment(data, key) for key in ("since", "until"))
    foot = f"From {date(since)} to {date(until)}."
    late = _number(data, "late")
    if late:
        foot += f" This digest is {duration(late)} late: the bot wasn't running at its time."
    blocks = [header(f"Digest of {deployment}")]
    if isinstance(only, list) and only:
        blocks.append(context(f"Only {', '.join(code(str(each), 80) for each in only[:20])}"))
    blocks += [section(line[: limits.SECTION_TEXT]) for line in _fitting(lines, data)]
    for chart in _charts(data):
        if weight([*blocks, chart, context(foot)]) <= MOST_JSON:
            blocks.append(chart)
    blocks.append(context(foot))
    first = " ".join(line.split("\n")[0].replace("*", "") for line in lines)
    return Message(
        text=f"Digest of {name(deployment)}: {first}"[: limits.MESSAGE_TEXT], blocks=blocks
    )


def _deploys(data: Facts) -> str:
    deploys, locations, good = (int(_number(data, key)) for key in ("deploys", "locations", "good"))
    if not deploys:
        return ""
    what = f"{deploys} deploy{'s' if deploys > 1 else ''} of {_locations(locations)}"
    line = f"*{what}*, {round(100 * good / locations)} % went live"
    back = int(_number(data, "put_back"))
    line += f", {back} rolled back" if back else ""
    median = data.get("median")
    line += f", {duration(float(median))} in the middle" if isinstance(median, int | float) else ""
    by = ", ".join(f"{_who(key)} ({int(count)})" for key, count in _pairs(data, "people"))
    slow = ", ".join(f"{name(key)} {duration(took)}" for key, took in _pairs(data, "slowest"))
    return f"{line}\nBy {by}" + (f"\nSlowest: {slow}" if slow else "")


def _fitting(lines: list[str], data: Facts) -> list[str]:
    """Return the lines that a message can hold; the last ones to go are those of what is broken."""
    kept = list(lines)
    for less in (_loads(data), _behind(data), _recovered(data)):
        if (
            less in kept
            and weight([section(line[: limits.SECTION_TEXT]) for line in kept]) > MOST_JSON
        ):
            kept.remove(less)
    return kept


def _loads(data: Facts) -> str:
    listed = _pairs(data, "loads")[:MOST_LOADS]
    said = ", ".join(f"{name(key)} {duration(took)}" for key, took in listed)
    return f"*Slowest loads:* {said}" if said else ""


def _charts(data: Facts) -> list[Block]:
    """Return the charts of what there is more than one of."""
    charts = []
    loads, failures = _pairs(data, "loads"), _pairs(data, "failures")
    if len(loads) > 1:
        charts.append(bar_chart("Slowest loads", "Code locations", "Seconds", loads))
    if len(failures) > 1:
        charts.append(bar_chart("Failed runs by cause", "Causes", "Runs", failures))
    return charts[: limits.CHARTS]


def _down(data: Facts) -> str:
    return _list(data, "down", ":x: *{count} down now:*", "{name} for {time}")


def _silent(data: Facts) -> str:
    """What doesn't do what it should is not down: its code location may be well."""
    return _list(data, "silent", ":zzz: *{count} silent now:*", "{name} for {time}")


def _recovered(data: Facts) -> str:
    return _list(
        data, "recovered", ":white_check_mark: *{count} recovered:*", "{name} after {time}"
    )


def _failures(data: Facts) -> str:
    listed = _pairs(data, "failures")
    if not listed:
        return ""
    runs, kinds = int(_number(data, "failed_runs")), int(_number(data, "failures_count"))
    of = "of one cause" if kinds == 1 else f"of {kinds} causes"
    said = "\n".join(f"• {words(headline, 150)} ({int(count)})" for headline, count in listed)
    title = f":warning: *{'1 run' if runs == 1 else f'{runs} runs'} failed {of}:*"
    return f"{title}\n{said}{_more(kinds, listed)}"


def _behind(data: Facts) -> str:
    listed = _pairs(data, "behind")
    if not listed:
        return ""
    count = int(_number(data, "behind_count"))
    said = ", ".join(f"{name(key)} {int(commits)}" for key, commits in listed)
    return (
        f"*{_locations(count)} behind the default branch* (commits): {said}{_more(count, listed)}"
    )


def _list(data: Facts, key: str, title: str, each: str) -> str:
    listed = _pairs(data, key)
    if not listed:
        return ""
    count = int(_number(data, f"{key}_count"))
    said = ", ".join(each.format(name=name(one), time=duration(took)) for one, took in listed)
    return f"{title.format(count=count)} {said}{_more(count, listed)}"


def _more(count: int, listed: list[tuple[str, float]]) -> str:
    return f" and {count - len(listed)} more" if count > len(listed) else ""


def _locations(count: int) -> str:
    return "1 code location" if count == 1 else f"{count} code locations"


def _who(key: str) -> str:
    return code(key, 60) if ":" in key else person(key)


def _number(data: Facts, key: str) -> float:
    found = data.get(key)
    return float(found) if isinstance(found, int | float) else 0.0


def _moment(data: Facts, key: str) -> datetime:
    return datetime.fromisoformat(str(data[key]))


def _pairs(data: Facts, key: str) -> list[tuple[str, float]]:
    found = data.get(key)
    return [
        (str(pair[0]), float(pair[1]))
        for pair in (found if isinstance(found, list) else [])
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], int | float)
    ]
