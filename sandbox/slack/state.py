"""The workspace's state, its clock, and the signal that something changed."""

import asyncio
import json
import secrets
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.slack import limits
from sandbox.slack.errors import SlackError
from sandbox.slack.manifest import Manifest
from sandbox.slack.model import (
    BOT_USER_ID,
    Call,
    Channel,
    Message,
    Notice,
    Person,
    ResponseUrl,
    Trigger,
    Upload,
    View,
)

_CALLS_KEPT = 20_000


class Clock:
    """Wall time that a test can move forward."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move on, for expiry of triggers and response URLs and for rate limits."""
        self._offset += seconds


@dataclass
class Settings:
    """What a test or a person may change while the workspace runs."""

    ack_seconds: float = limits.ACK_SECONDS
    trigger_seconds: float = limits.TRIGGER_SECONDS
    event_retry_seconds: tuple[float, ...] = limits.EVENT_RETRY_SECONDS
    rate_limits: bool = False
    should_escape: bool = True
    request_url: str | None = None


@dataclass(frozen=True)
class Secrets:
    """Tokens of this workspace; kept in its home so that a restarted bot still fits."""

    bot_token: str
    app_token: str
    signing_secret: str


def load_secrets(home: Path) -> Secrets:
    """Read the tokens of this home, or make them. Blocking: small file."""
    path = home / "slack-secrets.json"
    if path.exists():
        return Secrets(**json.loads(path.read_text()))
    made = Secrets(
        bot_token=f"xoxb-sandbox-{secrets.token_hex(12)}",
        app_token=f"xapp-1-sandbox-{secrets.token_hex(12)}",
        signing_secret=secrets.token_hex(16),
    )
    home.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(vars(made)))
    return made


def _people() -> dict[str, Person]:
    people = [
        Person("U0ADA000001", "ada", "Ada Lovelace", tz="Europe/London"),
        Person("U0GRACE0001", "grace", "Grace Hopper", tz="America/New_York"),
        Person("U0LINUS0001", "linus", "Linus Torvalds", tz="America/Los_Angeles"),
        Person("U0KIT000001", "kit", "Kit Marlowe", is_restricted=True, tz="Europe/Berlin"),
        Person(BOT_USER_ID, "dagster", "Dagster", is_bot=True),
    ]
    return {each.id: each for each in people}


def _channels(people: dict[str, Person]) -> dict[str, Channel]:
    staff = {each.id for each in people.values() if not each.is_restricted}
    humans = {each for each in staff if not people[each].is_bot}
    everyone = set(people)
    channels = [
        Channel("C0DEPLOYS01", "deploys", set(everyone), topic="What goes live, and when"),
        Channel("C0DATAPLAT1", "data-platform", set(staff), topic="Pipelines and platform"),
        Channel("C0GENERAL01", "general", set(everyone), topic="Everything else"),
        Channel("C0RANDOM001", "random", humans, topic="The bot is not in here"),
    ]
    return {each.id: each for each in channels}


@dataclass
class State:
    """Everything the workspace knows. Changes call `touch`, which wakes who waits."""

    secrets: Secrets = field(repr=False)
    manifest: Manifest
    base_url: str = ""
    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    people: dict[str, Person] = field(default_factory=_people)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    views: dict[str, list[View]] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_CALLS_KEPT))
    notices: list[Notice] = field(default_factory=list)
    version: int = 0
    _last_ts: int = 0
    _numbers: int = 0
    _waiters: set[asyncio.Event] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.channels:
            self.channels = _channels(self.people)
        self.use_manifest(self.manifest)

    def use_manifest(self, manifest: Manifest) -> None:
        """Hold the app to this manifest; the bot goes by the name in it."""
        self.manifest = manifest
        bot = self.people[BOT_USER_ID]
        bot.name = manifest.bot_name.lower().replace(" ", "-")
        bot.real_name = manifest.name
        self.touch()

    def touch(self) -> None:
        """Note that something a person could see has changed."""
        self.version += 1
        for each in self._waiters:
            each.set()

    async def changed_since(self, version: int, seconds: float) -> int:
        """Wait until the version passes `version` or so many seconds went by; the version now."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            if self.version <= version:
                async with asyncio.timeout(seconds):
                    await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(event)
        return self.version

    def number(self) -> int:
        """The next of one running number."""
        self._numbers += 1
        return self._numbers

    def new_id(self, prefix: str) -> str:
        """An id that looks like Slack's."""
        return f"{prefix}0{uuid.uuid4().hex[:9].upper()}"

    def new_ts(self) -> str:
        """A message timestamp: unique and rising."""
        self._last_ts = max(int(self.clock.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def person(self, key: str) -> Person:
        """By id or name; SlackError user_not_found."""
        for each in self.people.values():
            if key in (each.id, each.name) or key == f"@{each.name}":
                return each
        raise SlackError("user_not_found")

    def channel(self, key: str) -> Channel:
        """By id or name; SlackError channel_not_found."""
        found = self.channels.get(key)
        if found is not None:
            return found
        for each in self.channels.values():
            if each.im_with is None and key.removeprefix("#") == each.name:
                return each
        raise SlackError("channel_not_found")

    def direct_message(self, user: str) -> Channel:
        """The conversation of this person and the bot, opened if it wasn't."""
        for each in self.channels.values():
            if each.im_with == user:
                return each
        made = Channel(id=f"D0{user[2:]}", name=user, members={user, BOT_USER_ID}, im_with=user)
        self.channels[made.id] = made
        return made

    def message(self, channel: str, ts: str) -> Message | None:
        """The message with this timestamp, ephemeral ones too."""
        for each in reversed(self.messages):
            if each.ts == ts and each.channel == channel:
                return each
        return None

    def thread(self, channel: str, ts: str) -> Iterator[Message]:
        """The parent and its visible replies, oldest first."""
        for each in self.messages:
            if each.channel == channel and ts in (each.ts, each.thread_ts):
                yield each

    def find_view(self, view_id: str) -> View | None:
        """An open modal or a published home by its id."""
        everywhere = [*self.homes.values(), *(v for stack in self.views.values() for v in stack)]
        return next((each for each in everywhere if each.id == view_id), None)

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        """A fresh trigger for what this person just did."""
        trigger = Trigger(
            id=f"{self.number()}.{secrets.randbelow(10**12)}.{uuid.uuid4().hex}",
            user=user,
            expires=self.clock.now() + self.settings.trigger_seconds,
            view_id=view_id,
        )
        self.triggers[trigger.id] = trigger
        return trigger.id

    def use_trigger(self, trigger_id: Any) -> Trigger:
        """Spend a trigger; invalid_trigger_id, exchanged_trigger_id or expired_trigger_id."""
        trigger = self.triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock.now() > trigger.expires:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(
        self,
        channel: str,
        user: str,
        *,
        message_ts: str | None = None,
        thread_ts: str | None = None,
    ) -> str:
        """A fresh address to answer at."""
        right = ResponseUrl(
            token=uuid.uuid4().hex,
            channel=channel,
            user=user,
            expires=self.clock.now() + limits.RESPONSE_URL_SECONDS,
            message_ts=message_ts,
            thread_ts=thread_ts,
        )
        self.response_urls[right.token] = right
        return f"{self.base_url}/response/{right.token}"

    def notice(
        self,
        user: str,
        text: str,
        reason: str,
        *,
        channel: str | None = None,
        view_id: str | None = None,
    ) -> Notice:
        """Tell a person that the app failed, as Slack itself does."""
        made = Notice(self.new_ts(), user, text, reason, channel, view_id)
        self.notices.append(made)
        self.touch()
        return made
