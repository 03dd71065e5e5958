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

PATIENCE = timedelta(minutes=5)


def tick(minutes: float, *, unreached: bool = True, status: Any = "FAILURE") -> Tick:
    return Tick(at(minutes), status, "no route" if unreached else "away", unreached)


def one(*ticks: Tick, name: str = "bucket", running: bool = True) -> Instigator:
    return Instigator("core", name, "sensor", running, ticks)


def reading(health: Health = Health.LOADED, loaded: datetime | None = None) -> Reading:
    seen = LocationSeen("core", health, Version(), "r1", updated_at=loaded or at(-60))
    return Reading("prod", at(10), {"core": seen}, ())


def found(*instigators: Instigator, seen: Reading | None = None) -> Any:
    return unreached_servers(instigators, seen or reading())


def judge(
    before: ServersNoted | None, now: Any, seen: Reading, minutes: float, *listed: str
) -> tuple[ServersNoted, Any]:
    return judge_servers(before, now, seen, listed or {"core"}, at(minutes), PATIENCE)


def test_the_newest_ticks_of_a_location_did_not_reach_it() -> None:
    three = (tick(9), tick(6), tick(5))
    assert found(one(*three)) == {"core": Unreached(at(5), "no route")}
    assert found(one(tick(5), tick(4.8, unreached=False))) == {"core": Unreached(at(5), "no route")}
    across = (one(tick(9), tick(5)), one(tick(6), name="other"))
    assert found(*across) == {"core": Unreached(at(5), "no route")}


def test_it_is_down_after_five_minutes_however_few_ticks_are_known() -> None:
    noted, told = judge(None, {}, reading(), -1)
    for minutes in (1, 2, 4):  # four ticks of a sensor reach back for a minute and a half
        four = one(*(tick(minutes - back / 2) for back in range(4)))
        noted, told = judge(noted, found(four), reading(), minutes)
        assert told == [], "a server that starts anew is back sooner"
    assert noted.since == {"core": at(-0.5)}
    last = {"core": Unreached(at(5), "no route")}
    _, told = judge(noted, last, reading(), 5)
    assert told == [("core", Happened.FAILED, {**FACTS, "since": at(-0.5).isoformat()})]
    noted, told = judge(noted, last, reading(loaded=at(4)), 6)
    assert (told, noted.since) == ([], {"core": at(5)}), "it was loaded since"


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


DEAD = {"core": Unreached(at(-5), "no route")}
FACTS = {"location": "core", "since": at(-5).isoformat(), "error": "no route"}


def test_it_is_told_once_and_its_return_too() -> None:
    noted, told = judge(None, {}, reading(), 0)
    assert told == []
    noted, told = judge(noted, DEAD, reading(), 1)
    assert told == [("core", Happened.FAILED, FACTS)]
    noted, told = judge(noted, DEAD, reading(), 2)
    assert (noted.down, told) == (("core",), [])
    noted, told = judge(noted, {}, reading(Health.LOADING), 3)
    assert (noted.down, told) == (("core",), []), "nobody knows while it is loaded anew"
    noted, told = judge(noted, {}, reading(), 4, "other")
    assert (noted.down, told) == (("core",), []), "its contents aren't known"
    noted, told = judge(noted, {}, reading(), 4)
    assert (noted.down, told) == ((), [("core", Happened.RECOVERED, {})])
    gone = Reading("prod", at(5), {}, ())
    _, told = judge(ServersNoted(at=at(4), since={"core": at(0)}, down=("core",)), {}, gone, 5)
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
