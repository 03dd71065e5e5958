"""Who is told of what, and when: a table of rules, events and times."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from deploy_core.watch.subscriptions import (
    About,
    Event,
    Mute,
    Quiet,
    Rules,
    Subscription,
    Times,
    digest_times,
    fits,
    quiet_hours,
    quiet_until,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
F, A, C, R = Event.FAILURES, Event.AGENTS, Event.CHANGES, Event.RUNS


def sub(channel: str = "C1", *events: Event, **more: Any) -> Subscription:
    return Subscription(channel=channel, events=events, **more)


def about(event: Event = F, location: str | None = "core", **more: Any) -> About:
    project = more.pop("project", "platform" if location == "core" else None)
    return About(event, more.pop("deployment", "prod"), location, project, **more)


@pytest.mark.parametrize(
    ("only", "fits_it"),
    [
        ((), True),
        (("core",), True),
        (("co*",), True),
        (("c?re",), True),
        (("cor",), False),
        (("platform",), True),
        (("platform:core",), True),
        (("platform:*",), True),
        (("other:core",), False),
        (("prod",), True),
        (("pro*",), True),
        (("staging",), False),
        (("staging", "core"), True),
        (("tag:team",), True),
        (("tag:team=data",), True),
        (("tag:team=d*",), True),
        (("tag:t*=ml",), False),
        (("tag:owner",), False),
    ],
)
def test_names_patterns_and_tags(only: tuple[str, ...], fits_it: bool) -> None:
    assert fits(sub(only=only), about(tags=(("team", "data"),))) is fits_it


def test_the_deployment_and_the_event_narrow_it_down() -> None:
    assert fits(sub("C1", F, R, deployment="prod"), about())
    assert not fits(sub("C1", F, deployment="staging"), about())
    assert not fits(sub("C1", R), about(F))


@pytest.mark.parametrize(
    ("rules", "abouts", "now", "told"),
    [
        ({}, [about()], NOON, {}),
        ({"default": "C0"}, [about()], NOON, {"C0": None}),
        ({"default": "C0", "subscriptions": [sub()]}, [about()], NOON, {"C1": None, "C0": None}),
        ({"subscriptions": [sub("C1", R)]}, [about()], NOON, {}),
        ({"subscriptions": [sub(), sub("C1", F), sub("C2", F)]}, [about()], NOON, ["C1", "C2"]),
        ({"subscriptions": [sub(only=("marts",))]}, [about(), about(F, "marts")], NOON, ["C1"]),
        ({"subscriptions": [sub(digest="daily 09:00")]}, [about()], NOON, {}),
        ({"subscriptions": [sub("C1", F, digest="daily 09:00")]}, [about()], NOON, ["C1"]),
        ({"subscriptions": [sub(quiet="22:00-07:00")]}, [about()], NOON, {"C1": None}),
        ({"subscriptions": [sub(quiet="22:00-07:00")]}, [about()], NIGHT, {"C1": MORNING}),
        # The one that is told first decides.
        ({"subscriptions": [sub(quiet="22:00-07:00"), sub("C1", F)]}, [about()], NIGHT, ["C1"]),
        # A subscription of the own channel goes over what it is told as that.
        (
            {"default": "C1", "subscriptions": [sub("C1", F, quiet="22:00-07:00")]},
            [about()],
            NIGHT,
            {"C1": MORNING},
        ),
        (
            {"default": "C1", "subscriptions": [sub("C1", R, quiet="22:00-07:00")]},
            [about()],
            NIGHT,
            {"C1": None},
        ),
    ],
)
def test_who_is_told(rules: Any, abouts: list[About], now: datetime, told: Any) -> None:
    wanted = dict.fromkeys(told) if isinstance(told, list) else told
    assert Rules(**rules).told(abouts, now) == wanted


def test_how_deploys_end_is_told_only_to_those_who_ask() -> None:
    ended = [about(Event.DEPLOYS)]
    assert Rules(default="C0").told(ended, NOON) == {}
    asked = Rules(default="C0", subscriptions=[sub("C1", Event.DEPLOYS), sub("C2")])
    assert asked.told(ended, NOON) == {"C1": None, "C2": None}


def test_a_mute_holds_back_what_it_is_about_until_its_end() -> None:
    until = NOON + timedelta(hours=2)
    mute = Mute(channel="C0", only=("core",), until=until)
    rules = Rules(default="C0", mutes=[mute])
    assert rules.told([about()], NOON) == {"C0": until}
    assert rules.told([about(F, "marts")], NOON) == {"C0": None}
    assert rules.told([about(), about(F, "marts")], NOON) == {"C0": None}
    assert rules.told([about()], until) == {"C0": None}
    other = Rules(default="C1", mutes=[mute])
    assert other.told([about()], NOON) == {"C1": None}


def test_the_later_of_mute_and_quiet_hours_counts() -> None:
    quiet = sub(quiet="22:00-07:00")
    for until in (NIGHT + timedelta(hours=1), MORNING + timedelta(hours=1)):
        rules = Rules(subscriptions=[quiet], mutes=[Mute(channel="C1", until=until)])
        assert rules.told([about()], NIGHT) == {"C1": max(until, MORNING)}


def test_the_project_of_a_location_is_looked_up() -> None:
    rules = Rules(project_of={"core": "platform"}.get)
    assert rules.about(F, "prod", "core") == about()
    assert rules.about(A, "prod") == About(A, "prod")
    assert rules.about(R, "prod", "x", [("a", "b")]) == About(R, "prod", "x", None, (("a", "b"),))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("22:00-07:00", Quiet(time(22), time(7), "UTC")),
        (
            "9:30-17:00 Europe/Berlin",
            Quiet(time(9, 30), time(17), "Europe/Berlin"),
        ),
    ],
)
def test_quiet_hours_are_read(text: str, read: Quiet) -> None:
    assert quiet_hours(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("daily 09:00", Times("0 9 * * *", "UTC")),
        ("weekdays 17:30 Europe/Berlin", Times("30 17 * * 1-5", "Europe/Berlin")),
        ("weekly mon 00:05", Times("5 0 * * mon", "UTC")),
    ],
)
def test_times_of_digests_are_read(text: str, read: Times) -> None:
    assert digest_times(text) == read


@pytest.mark.parametrize("text", ["", "22-7", "22:00-22:00", "25:00-07:00", "22:00-07:00 Mars/X"])
def test_what_are_no_quiet_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"quiet hours|time zone"):
        quiet_hours(text)
    with pytest.raises(ValidationError):
        sub(quiet=text)


@pytest.mark.parametrize("text", ["", "daily", "daily 9", "monthly 09:00", "daily 09:00 Mars/X"])
def test_what_are_no_times_of_a_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a digest is|time zone"):
        digest_times(text)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("hours", ["22:00-07:00", "01:30-02:30", "02:00-03:00", "00:00-23:59"])
def test_quiet_hours_end_in_every_night_of_a_year(zone: str, hours: str) -> None:
    """Also in the nights in which an hour is left out or comes twice."""
    quiet = quiet_hours(f"{hours} {zone}")
    now, ends = datetime(2026, 1, 1, tzinfo=UTC), set()
    while now < datetime(2027, 1, 1, tzinfo=UTC):
        until = quiet_until(quiet, now)
        if until is not None:
            assert now < until <= now + timedelta(hours=25)
            ends.add(until.astimezone(ZoneInfo(zone)).date())
            assert quiet_until(quiet, until) in {None, quiet_until(quiet, until)}
        now += timedelta(minutes=17)
    assert len(ends) >= 360
