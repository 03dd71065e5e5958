"""The Home tab, drawn: broken things first, within Slack's limits whatever there is."""

from typing import Any

from deploy_core.model.people import Actor
from deploy_core.model.python_error import PythonError
from deploy_core.model.states import TargetState
from deploy_core.store.subscriptions import Kept
from deploy_core.watch.reading import Health
from deploy_core.watch.subscriptions import Event, Subscription
from handlers.cards.home import Page, Side, home_page
from tests.handlers.slack_rules import UGLY, assert_home, read
from tests.handlers.test_status import board, location
from tests.handlers.worlds import ADA, at, deploy, target

OTHER = Actor(kind="slack", id="U0OTHER0001")


def page(*sides: Side, running: Any = (), kept: Any = (), after: float = 1) -> Page:
    found = home_page(sides, running, kept, reader=ADA.key, now=at(after))
    assert_home(found.view)
    return found


def shown(*sides: Side, **more: Any) -> str:
    return read(page(*sides, **more).view["blocks"])


def subscription(number: int, by: Actor = ADA, **more: Any) -> Kept:
    wanted = Subscription(channel="C0DATAPLAT1", events=(Event.RUNS,), **more)
    return Kept(number, wanted, by, at(0))


def test_what_is_broken_comes_first() -> None:
    good = Side("good", board(location()))
    bad = Side("bad", board(location("marts", Health.FAILED), location()))
    away = Side("away", None, "Dagster+ can't be reached.")
    lines = shown(good, bad, away).split("\n")
    order = [line for line in lines if line.startswith(("*good*", "*bad*", ":warning: *away*"))]
    assert order == [
        ":warning: *away*: Dagster+ can't be reached. [Show status]",
        "*bad*: 1 failed to load, 1 loaded [Show status]",
        "*good*: 1 loaded [Show status]",
    ]
    assert any(line.startswith(":x: *marts*: failed to load") for line in lines)
    assert not any("*core*" in line for line in lines)


def test_what_waits_for_its_reader_has_its_buttons() -> None:
    plan = deploy(target(TargetState.PLANNED), id=7)
    others = deploy(target(TargetState.PLANNED), id=8, by=OTHER)
    text = shown(running=[plan, others])
    assert text.count("[Confirm] [Cancel]") == 1
    assert "*Waits for you*\n*7* · quickstart on prod" in text
    assert "*8* · quickstart on prod" in text


def test_subscriptions_are_those_of_its_reader() -> None:
    text = shown(kept=[subscription(1), subscription(2, OTHER)])
    assert "*1* · <#C0DATAPLAT1>: runs that fail, for everything [Unsubscribe]" in text
    assert "*2*" not in text


def test_two_pages_that_say_the_same_are_the_same() -> None:
    side = Side("prod", board(location()))
    assert page(side).same == page(side, after=100).same
    other = Side("prod", board(location("core", Health.FAILED)))
    assert page(side).same != page(other).same


def test_however_much_there_is_it_fits() -> None:
    error = PythonError(message="KeyError: " + UGLY * 20)
    many = [location(f"{UGLY}{n}"[:200], Health.FAILED, error=error) for n in range(300)]
    sides = [Side(f"{n}{UGLY}"[:200], board(*many)) for n in range(30)]
    running = [deploy(target(TargetState.PLANNED), id=number) for number in range(40)]
    names = tuple(f"{UGLY[:150]}{n}" for n in range(50))
    kept = [subscription(number, only=names) for number in range(40)]
    text = shown(*sides, running=running, kept=kept)
    assert "and 10 more" in text
    assert "and 30 more" in text
    assert len(page(*sides, running=running, kept=kept).view["blocks"]) == 100
