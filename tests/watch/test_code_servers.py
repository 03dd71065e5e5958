"""Code servers that can't be reached while their location counts as loaded."""

from datetime import datetime, timedelta
from typing import Any

from deploy_core.dagster_plus.values import Instigator, Tick
from deploy_core.model.plan import Version
from deploy_core.watch.code_servers import (
    ServersNoted,
    Unreached,
    judge_servers,
    unreached_servers,
)
from deploy_core.watch.reading import Health, LocationSeen, Reading
from deploy_core.watch.transitions import Happened
from tests.watch.support import at
from tests.watch.test_schedules import judged, moves, sensor


def tick(minutes: float, *, unreached: bool = True, status: Any = "FAILURE") -> Tick:
    return Tick(at(minutes), status, "no route" if unreached else "away", unreached)


def one(*ticks: Tick, name: str = "bucket", running: bool = True) -> Instigator:
    return Instigator("core", name, "sensor", running, ticks)


def reading(health: Health = Health.LOADED, loaded: datetime | None = None) -> Reading:
    seen = LocationSeen("core", health, Version(), "r1", updated_at=loaded or at(-60))
    return Reading("prod", at(10), {"core": seen}, ())


def found(*instigators: Instigator, now: float = 10, seen: Reading | None = None) -> Any:
    return unreached_servers(instigators, seen or reading(), at(now), timedelta(minutes=5))


def judge(
    before: ServersNoted | None, now: Any, seen: Reading, minutes: float, *listed: str
) -> tuple[ServersNoted, Any]:
    return judge_servers(before, now, seen, listed or {"core"}, at(minutes))


def test_no_tick_could_reach_it_for_five_minutes() -> None:
    three = (tick(9), tick(6), tick(5))
    assert found(one(*three)) == {"core": Unreached(at(5), 3, "no route")}
    assert found(one(*three[:2])) == {}, "a server that starts anew"
    assert found(one(tick(5), tick(4.8, unreached=False))) == {
        "core": Unreached(at(5), 1, "no route")
    }
    across = (one(tick(9), tick(5)), one(tick(6), name="other"))
    assert found(*across) == {"core": Unreached(at(5), 3, "no route")}


def test_what_says_nothing_about_the_server() -> None:
    three = (tick(9), tick(6), tick(5))
    assert found(one(*three, running=False)) == {}, "off"
    assert found(one(tick(9.95, status="SKIPPED", unreached=False), *three)) == {}, "it answered"
    other = one(tick(9.95, unreached=False), name="other")
    assert found(one(*three), other) == {}, "it answered another one"
    begun = tick(9.95, status="STARTED", unreached=False)
    assert found(one(begun, *three)) != {}, "one that has begun says nothing yet"
    assert found(one(*three), seen=reading(loaded=at(9.95))) == {}, "it was loaded since"
    for health in (Health.FAILED, Health.LOADING, Health.AGENT_DOWN):
        assert found(one(*three), seen=reading(health)) == {}
    assert found(one(*three), seen=Reading("prod", at(10), {}, ())) == {}


DEAD = {"core": Unreached(at(0), 3, "no route")}
FACTS = {"location": "core", "since": at(0).isoformat(), "ticks": 3, "error": "no route"}


def test_it_is_told_once_and_its_return_too() -> None:
    noted, told = judge(None, {}, reading(), 0)
    assert told == []
    noted, told = judge(noted, DEAD, reading(), 1)
    assert told == [("core", Happened.FAILED, FACTS)]
    noted, told = judge(noted, DEAD, reading(), 2)
    assert (noted.unreached, told) == (("core",), [])
    noted, told = judge(noted, {}, reading(Health.LOADING), 3)
    assert (noted.unreached, told) == (("core",), []), "nobody knows while it is loaded anew"
    noted, told = judge(noted, {}, reading(), 4, "other")
    assert (noted.unreached, told) == (("core",), []), "its contents aren't known"
    noted, told = judge(noted, {}, reading(), 4)
    assert (noted.unreached, told) == ((), [("core", Happened.RECOVERED, {})])
    gone = Reading("prod", at(5), {}, ())
    _, told = judge(ServersNoted(at=at(4), unreached=("core",)), {}, gone, 5)
    assert told == [("core", Happened.REMOVED, {})]


def test_what_was_so_before_anybody_watched_is_told_of_nobody() -> None:
    noted, told = judge(None, DEAD, reading(), 0)
    assert told == []
    noted, told = judge(noted, {}, reading(), 1)
    assert told == []
    _, told = judge(noted, DEAD, reading(), 2)
    assert told == [("core", Happened.FAILED, FACTS)]


def test_the_ticks_that_fail_for_it_are_not_told_of_by_themselves() -> None:
    noted, _ = judged(None, 0, sensor("SKIPPED"))
    failing = one(tick(3), tick(2), tick(1))
    after, told = judged(noted, 4, failing)
    assert told == ()
    own = one(tick(7, unreached=False), tick(6, unreached=False), tick(5, unreached=False))
    _, told = judged(after, 8, own)
    assert [each[1] for each in moves(*told)] == [Happened.FAILED], "its own error is news"
