"""Who is told of what, and when: pure.

A channel is told of what it subscribes to. A deployment's own channel is told of all that the
watcher sees there, unless a subscription of that channel says otherwise about the same thing. In
quiet hours, and while a channel is muted, what is new waits until their end.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Event(StrEnum):
    """What can be subscribed to."""

    FAILURES = "failures"
    AGENTS = "agents"
    CHANGES = "changes"
    RUNS = "runs"
    SILENCE = "silence"
    DEPLOYS = "deploys"


Channels = Mapping[str, datetime | None]
"""The channels that are told, each with the time until which it isn't; None is at once."""

TAG = "tag:"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)"
_QUIET = re.compile(rf"{_CLOCK}-{_CLOCK}(?: (\S+))?")
_DIGEST = re.compile(rf"(daily|weekdays|weekly (?:{'|'.join(WEEKDAYS)})) {_CLOCK}(?: (\S+))?")


@dataclass(frozen=True)
class Quiet:
    """Hours of the day in which nothing is told, on the clock on the wall of a zone."""

    start: time
    end: time
    zone: str


@dataclass(frozen=True)
class Times:
    """When a digest comes."""

    cron: str
    zone: str


def zone_named(name: str) -> str:
    """Return the name of a time zone. Raises `ValueError`."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name[:60]}") from None
    return name


@lru_cache(maxsize=1_000)
def quiet_hours(text: str) -> Quiet:
    """Read quiet hours, such as `22:00-07:00 Europe/Berlin`. Raises `ValueError`."""
    found = _QUIET.fullmatch(text)
    if found is None:
        raise ValueError("quiet hours are written as 22:00-07:00 Europe/Berlin")
    start, end = (time(int(found[at]), int(found[at + 1])) for at in (1, 3))
    if start == end:
        raise ValueError("quiet hours end at another time than they begin")
    return Quiet(start, end, zone_named(found[5] or "UTC"))


@lru_cache(maxsize=1_000)
def digest_times(text: str) -> Times:
    """Read the times of a digest, such as `daily 09:00 Europe/Berlin`, `weekdays 09:00` or
    `weekly mon 09:00`. Raises `ValueError`."""
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise ValueError("a digest is daily 09:00, weekdays 09:00 or weekly mon 09:00, with a zone")
    days = {"daily": "*", "weekdays": "1-5"}.get(found[1]) or found[1].removeprefix("weekly ")
    return Times(f"{int(found[3])} {int(found[2])} * * {days}", zone_named(found[4] or "UTC"))


def _is_quiet(text: str | None) -> str | None:
    if text is not None:
        quiet_hours(text)
    return text


def _is_digest(text: str | None) -> str | None:
    if text is not None:
        digest_times(text)
    return text


class Scope(BaseModel):
    """What something is about: `only` are names, patterns (`*`, `?`) or `tag:KEY=VALUE`, of which
    one must fit: the code location, its project (`project:location` is both), the deployment or a
    tag of the run. `events` is empty for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: tuple[Event, ...] = ()
    only: tuple[str, ...] = ()
    deployment: str | None = None


class Subscription(Scope):
    """What a channel is told of. With `digest` and no `events` it is only the digest."""

    channel: Annotated[str, Field(min_length=1)]
    quiet: Annotated[str | None, AfterValidator(_is_quiet)] = None
    digest: Annotated[str | None, AfterValidator(_is_digest)] = None

    def wants(self, event: Event) -> bool:
        """Tell whether it is about this kind of event: where none is named about all of them,
        unless it is only a digest."""
        return event in self.events or (not self.events and self.digest is None)


class Mute(Scope):
    """What a channel isn't told of for a while."""

    channel: str
    until: datetime


@dataclass(frozen=True)
class About:
    """One thing that can be told. `tags` are those of a run."""

    event: Event
    deployment: str
    location: str | None = None
    project: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Rules:
    """All that decides who is told. `default` is the deployment's own channel."""

    default: str | None = None
    subscriptions: Sequence[Subscription] = ()
    mutes: Sequence[Mute] = ()
    project_of: Callable[[str], str | None] = lambda _location: None

    def about(
        self,
        event: Event,
        deployment: str,
        location: str | None = None,
        tags: Iterable[tuple[str, str]] = (),
    ) -> About:
        """Return what something is about, with the project of the location."""
        project = None if location is None else self.project_of(location)
        return About(event, deployment, location, project, tuple(tags))

    def told(self, abouts: Sequence[About], now: datetime) -> Channels:
        """Return who is told of something that is about all of these."""
        holds: dict[str, list[datetime | None]] = {}
        for each in self.subscriptions:
            if any(_is_told(each, about) for about in abouts):
                until = None if each.quiet is None else quiet_until(quiet_hours(each.quiet), now)
                holds.setdefault(each.channel, []).append(until)
        # How a deploy has ended is told by its own message; others must ask for it.
        if self.default is not None and any(each.event is not Event.DEPLOYS for each in abouts):
            holds.setdefault(self.default, [None])
        return {
            channel: self._muted(channel, abouts, _earliest(until), now)
            for channel, until in holds.items()
        }

    def _muted(
        self, channel: str, abouts: Sequence[About], until: datetime | None, now: datetime
    ) -> datetime | None:
        for mute in self.mutes:
            ours = mute.channel == channel and mute.until > now
            if ours and all(fits(mute, about) for about in abouts):
                until = mute.until if until is None else max(until, mute.until)
        return until


def fits(scope: Scope, about: About) -> bool:
    """Tell whether a scope holds something."""
    if scope.events and about.event not in scope.events:
        return False
    return in_scope(scope, about)


def in_scope(scope: Scope, about: About) -> bool:
    """Tell whether a scope holds something, whatever kind of event it is."""
    if scope.deployment not in {None, about.deployment}:
        return False
    return not scope.only or any(_pattern_fits(each, about) for each in scope.only)


def _is_told(subscription: Subscription, about: About) -> bool:
    return subscription.wants(about.event) and in_scope(subscription, about)


def _pattern_fits(pattern: str, about: About) -> bool:
    if pattern.startswith(TAG):
        key, equals, value = pattern.removeprefix(TAG).partition("=")
        return any(
            fnmatchcase(name, key) and (not equals or fnmatchcase(known, value))
            for name, known in about.tags
        )
    project, location = about.project, about.location
    names = [location, project, about.deployment]
    if project is not None and location is not None:
        names.append(f"{project}:{location}")
    return any(name is not None and fnmatchcase(name, pattern) for name in names)


def _earliest(until: Iterable[datetime | None]) -> datetime | None:
    """Return when the first of several subscriptions may be told; None is at once."""
    known = list(until)
    return None if None in known else min(each for each in known if each is not None)


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """Return when the quiet hours end that are now, None outside of them."""
    zone = ZoneInfo(quiet.zone)
    wall = now.astimezone(zone).replace(tzinfo=None)
    over_midnight = quiet.end < quiet.start
    if over_midnight:
        inside = wall.time() >= quiet.start or wall.time() < quiet.end
    else:
        inside = quiet.start <= wall.time() < quiet.end
    if not inside:
        return None
    tomorrow = over_midnight and wall.time() >= quiet.start
    end = datetime.combine(wall.date() + timedelta(days=tomorrow), quiet.end)
    ends = end.replace(tzinfo=zone).astimezone(UTC)
    if ends <= now:  # an hour that comes twice
        ends = end.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return ends
