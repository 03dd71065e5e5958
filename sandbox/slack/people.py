"""What a person can do, and what Slack then tells the app and the person."""

import re
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.api_chat import parent_of, place, under
from sandbox.slack.delivery import Ack, Dispatcher
from sandbox.slack.errors import SlackError
from sandbox.slack.model import BOT_USER_ID, Channel, Json, Message, Person
from sandbox.slack.responses import apply_answer
from sandbox.slack.state import State
from sandbox.slack.typed_text import as_slack_sends


class RefusedError(Exception):
    """Slack's own client would not let a person do this; `name` says why in one word."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


def outcome(ack: Ack, **more: Any) -> Json:
    """What a control call answers: whether the app acked, why not, and what followed."""
    answered = {"acked": ack.ok, "reason": ack.reason, "answer": ack.payload}
    return {**answered, "ack_seconds": ack.seconds, **more}


def failure_sentence(what: str, reason: str) -> str:
    """How Slack tells a person that the app failed."""
    if reason == "operation_timeout":
        return f"{what} failed: the app did not answer in time (operation_timeout)."
    if reason == "dispatch_failed":
        return f"{what} failed: the app is not connected (dispatch_failed)."
    return f"{what} failed: the app answered with an error ({reason})."


def shared_links(text: str, domains: tuple[str, ...]) -> list[Json]:
    """The addresses in a message's text that an app with these domains is told of."""
    return [
        {"url": url, "domain": domain}
        for url in re.findall(r"<(https?://[^>|]+)(?:\|[^>]*)?>", text)
        for domain in domains
        if under(url, domain)
    ]


def _link_shared(message: Message, channel: Channel, links: list[Json]) -> Json:
    shared: Json = {
        "type": "link_shared",
        "user": message.user,
        "channel": channel.id,
        "message_ts": message.ts,
        "unfurl_id": f"{channel.id}.{message.ts}",
        "source": "conversations_history",
        "links": links,
        "is_bot_user_member": True,
        "event_ts": message.ts,
    }
    if message.thread_ts is not None:
        shared["thread_ts"] = message.thread_ts
    return shared


class People:
    """The hands of everybody in the workspace: commands, messages, the Home tab."""

    def __init__(self, state: State, dispatcher: Dispatcher) -> None:
        self._state = state
        self._dispatcher = dispatcher

    def place_of(self, person: Person, key: str) -> Channel:
        """A channel this person is in, by id or name; "dm" is the one with the bot."""
        if key == "dm":
            return self._state.direct_message(person.id)
        try:
            channel = self._state.channel(key)
        except SlackError as error:
            raise RefusedError(error.name, f"There is no channel {key}.") from error
        if person.id not in channel.members:
            raise RefusedError("not_in_channel", f"{person.name} is not in #{channel.name}.")
        if channel.is_archived:
            raise RefusedError("is_archived", f"#{channel.name} is archived.")
        return channel

    async def command(self, who: str, where: str, typed: str, thread_ts: str | None) -> Json:
        """Type a slash command. Threads refuse it, as do names that no app has declared."""
        person = self._state.person(who)
        channel = self.place_of(person, where)
        name, _, text = typed.strip().partition(" ")
        if thread_ts is not None:
            raise RefusedError("slash_in_thread", f"{name} can't be used in a thread.")
        if name == "/invite":
            return self._invite(channel, text)
        declared = self._state.manifest.command(
            name, should_escape=self._state.settings.should_escape
        )
        if declared is None:
            raise RefusedError("unknown_command", f"{name} is not a command of any app here.")
        if declared.should_escape:
            text = as_slack_sends(self._state, text)
        payload = payloads.command(self._state, person, channel, name, text.strip())
        ack = await self._dispatcher.request("slash_commands", payload)
        if not ack.ok:
            sentence = failure_sentence(name, ack.reason)
            self._state.notice(person.id, sentence, ack.reason, channel=channel.id)
        elif ack.payload:
            self._answer(name, person, channel, ack)
        return outcome(ack, trigger_id=payload["trigger_id"], response_url=payload["response_url"])

    def _invite(self, channel: Channel, text: str) -> Json:
        """Slack's own `/invite @somebody`."""
        try:
            guest = self._state.person(text.strip())
        except SlackError as error:
            raise RefusedError(error.name, f"There is nobody called {text.strip()}.") from error
        channel.members.add(guest.id)
        self._state.touch()
        return outcome(Ack({}))

    def _answer(self, name: str, person: Person, channel: Channel, ack: Ack) -> None:
        right = self._state.response_urls[
            self._state.new_response_url(channel.id, person.id).rsplit("/", 1)[1]
        ]
        try:
            apply_answer(self._state, right, ack.payload)
        except SlackError as error:
            sentence = failure_sentence(name, error.name)
            self._state.notice(person.id, sentence, error.name, channel=channel.id)

    async def say(self, who: str, where: str, typed: str, thread_ts: str | None) -> Json:
        """Write a message; mentions of the bot and direct messages reach the app as events."""
        person = self._state.person(who)
        channel = self.place_of(person, where)
        thread = parent_of(self._state, channel, thread_ts)
        text = as_slack_sends(self._state, typed)
        message = Message(ts="", channel="", user=person.id, text=text)
        place(self._state, message, channel, thread)
        if f"<@{BOT_USER_ID}>" in text and BOT_USER_ID not in channel.members:
            bot = self._state.people[BOT_USER_ID].name
            sentence = f"@{bot} is not in #{channel.name}. Type /invite @{bot} to add it."
            self._state.notice(person.id, sentence, "not_in_channel", channel=channel.id)
        for each in self._events_of(message, channel):
            self._dispatcher.event(payloads.event(self._state, each))
        return {"ts": message.ts, "channel": channel.id}

    def _events_of(self, message: Message, channel: Channel) -> list[Json]:
        base: Json = {
            "user": message.user,
            "text": message.text,
            "ts": message.ts,
            "team": self._state.people[message.user].team_id,
            "channel": channel.id,
            "event_ts": message.ts,
        }
        if message.thread_ts is not None:
            base["thread_ts"] = message.thread_ts
        found = []
        declared = self._state.manifest.events
        here = BOT_USER_ID in channel.members
        mentioned = f"<@{BOT_USER_ID}>" in message.text
        if mentioned and here and channel.im_with is None and "app_mention" in declared:
            found.append({"type": "app_mention", **base})
        links = shared_links(message.text, self._state.manifest.unfurl_domains)
        if links and here and "link_shared" in declared:
            found.append(_link_shared(message, channel, links))
        kind = {"im": "im", "groups": "group", "channels": "channel"}[channel.kind]
        if here and f"message.{channel.kind}" in declared:
            found.append({"type": "message", "channel_type": kind, **base})
        return found

    async def open_home(self, who: str, tab: str = "home") -> Json:
        """Open the app's Home (or Messages) tab."""
        person = self._state.person(who)
        if "app_home_opened" in self._state.manifest.events:
            inner: Json = {
                "type": "app_home_opened",
                "user": person.id,
                "channel": self._state.direct_message(person.id).id,
                "tab": tab,
                "event_ts": self._state.new_ts(),
            }
            home = self._state.homes.get(person.id)
            if home is not None:
                inner["view"] = home.to_slack()
            self._dispatcher.event(payloads.event(self._state, inner))
        return {}
