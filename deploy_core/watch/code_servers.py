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
    """The locations whose servers could not be reached at the last look; `before` are those of
    which that was so at the very first one, and is told of nobody."""

    at: datetime
    unreached: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unreached:
    """A location's ticks that could not reach its server, one after the other, to the newest."""

    since: datetime
    ticks: int
    error: str


def unreached_servers(
    instigators: Iterable[Instigator], reading: Reading, at: datetime, patience: timedelta
) -> dict[str, Unreached]:
    """Return the loaded locations whose servers no tick could reach for as long as `patience`: one
    that is started anew is back sooner. What was before the location was loaded, or failed for
    another reason, says nothing about it."""
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
        if last and at - last[-1].at >= patience:
            found[location] = Unreached(last[-1].at, len(last), last[0].error or "")
    return found


def judge_servers(
    before: ServersNoted | None,
    now: Mapping[str, Unreached],
    reading: Reading,
    listed: Collection[str],
    at: datetime,
) -> tuple[ServersNoted, list[tuple[str, Happened, Facts]]]:
    """Return what is to be kept, and what happened to which location's server, with what is to be
    told of it. Where a location isn't loaded, or not `listed` with its contents, nothing is known
    of its server: it stays as it was."""
    if before is None:
        first = tuple(sorted(now))
        return ServersNoted(at=at, unreached=first, before=first), []
    unknown = {
        name
        for name in before.unreached
        if name in reading.locations
        and (name not in listed or reading.locations[name].health is not Health.LOADED)
    }
    unreached = {*now, *unknown}
    ended = [name for name in before.unreached if name not in unreached]
    moves: list[tuple[str, Happened, Facts]] = [
        (name, Happened.FAILED, _facts(name, now[name]))
        for name in sorted(now.keys() - {*before.unreached})
    ]
    moves += [
        (name, Happened.RECOVERED if name in reading.locations else Happened.REMOVED, {})
        for name in ended
        if name not in before.before
    ]
    noted = ServersNoted(
        at=at,
        unreached=tuple(sorted(unreached)),
        before=tuple(name for name in before.before if name in unreached),
    )
    return noted, moves


def _facts(location: str, found: Unreached) -> Facts:
    return {
        "location": location,
        "since": found.since.isoformat(),
        "ticks": found.ticks,
        "error": found.error,
    }
