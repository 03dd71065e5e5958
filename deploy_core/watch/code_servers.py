"""Code servers that can't be reached while their location counts as loaded. Pure.

Dagster+ shows the state of code servers to its own pages only. But its daemon asks a code server
for each tick of a schedule or sensor, and a tick that could not reach it says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from deploy_core.dagster_plus.values import Instigator, Tick
from deploy_core.store.look import Facts
from deploy_core.watch.reading import Health, Reading
from deploy_core.watch.transitions import Happened, Row

SERVERS = "code servers"
"""The kind of a look at code servers, and of the incidents that it finds; their subject is the
location's name."""


class ServersNoted(Row):
    """The locations whose servers no tick has reached `since` then; `down` are those of them for
    which it has been long enough, and `before` those of which it was so at the very first look,
    and is told of nobody."""

    at: datetime
    since: dict[str, datetime]
    down: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unreached:
    """A location's last ticks, none of which reached its server: the first of those that are known,
    and the error of the newest."""

    since: datetime
    error: str


def unreached_servers(instigators: Iterable[Instigator], reading: Reading) -> dict[str, Unreached]:
    """Return the loaded locations whose newest ticks did not reach their servers. What was before
    the location was loaded, or failed for another reason, says nothing about it."""
    ticks: dict[str, list[Tick]] = defaultdict(list)
    for one in instigators:
        seen = reading.locations.get(one.location)
        if one.running and seen is not None and seen.health is Health.LOADED:
            loaded = seen.updated_at
            ticks[one.location] += [
                tick
                for tick in one.ticks
                if tick.status != "STARTED" and (loaded is None or tick.at > loaded)
            ]
    found: dict[str, Unreached] = {}
    for location, its in ticks.items():
        newest_first = sorted(its, key=lambda tick: tick.at, reverse=True)
        last = list(takewhile(lambda tick: tick.unreached, newest_first))
        if last:
            found[location] = Unreached(last[-1].at, last[0].error or "")
    return found


def judge_servers(
    before: ServersNoted | None,
    now: Mapping[str, Unreached],
    reading: Reading,
    listed: Collection[str],
    at: datetime,
    patience: timedelta,
) -> tuple[ServersNoted, list[tuple[str, Happened, Facts]]]:
    """Return what is to be kept, and what happened to which location's server, with what is to be
    told of it: it is down when no tick reached it for as long as `patience`, because one that is
    started anew is back sooner. Only few ticks are asked for, so that the first is remembered from
    look to look. Where a location isn't loaded, or not `listed` with its contents, nothing is known
    of its server: it stays as it was."""
    old = before or ServersNoted(at=at, since={})
    unknown = {
        name
        for name in old.since
        if name in reading.locations
        and (name not in listed or reading.locations[name].health is not Health.LOADED)
    }
    since = {name: old.since[name] for name in unknown}
    since |= {name: _since(name, found, old, reading) for name, found in now.items()}
    down = {name for name in now if at - since[name] >= patience} | (unknown & {*old.down})
    silent = {*since} if before is None else {*before.before} & since.keys()
    moves: list[tuple[str, Happened, Facts]] = [
        (name, Happened.FAILED, _facts(name, since[name], now[name].error))
        for name in sorted(down - {*old.down} - silent)
    ]
    moves += [
        (name, Happened.RECOVERED if name in reading.locations else Happened.REMOVED, {})
        for name in old.down
        if name not in down and name not in old.before
    ]
    noted = ServersNoted(at=at, since=since, down=tuple(sorted(down)), before=tuple(sorted(silent)))
    return noted, moves


def _since(name: str, found: Unreached, old: ServersNoted, reading: Reading) -> datetime:
    """Return since when no tick reached a server, which was started anew when its location was."""
    earlier, loaded = old.since.get(name), reading.locations[name].updated_at
    if earlier is None or (loaded is not None and earlier <= loaded):
        return found.since
    return min(earlier, found.since)


def _facts(location: str, since: datetime, error: str) -> Facts:
    return {"location": location, "since": since.isoformat(), "error": error}
