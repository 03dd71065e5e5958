"""A typed client of the sandbox for tests: people who act, and a workspace to look at.

>>> async with Workspace(page_url) as workspace:
...     ada = workspace.person("ada")
...     await ada.command("#deploys", "/dagster deploy core")
...     card = await workspace.wait_for_message("#deploys", lambda m: "core" in m.shown)
...     await ada.click(card, "cancel")
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from sandbox.slack.model import BOT_USER_ID
from sandbox.slack.seen import Json, Outcome, SeenMessage, SeenView, as_view

T = TypeVar("T")


class RefusedActionError(Exception):
    """Slack's client would not let a person do this; `name` is the reason in one word."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.name = name


class NotSeenError(AssertionError):
    """What a test waited for did not come in time; the text holds what was there instead."""


class SlackPerson:
    """One person of the workspace, with hands."""

    def __init__(self, workspace: "Workspace", name: str) -> None:
        self._workspace = workspace
        self.name = name

    async def _act(self, what: str, **asked: Any) -> Outcome:
        answer = await self._workspace.control(what, user=self.name, **asked)
        known = {key: answer[key] for key in Outcome.__dataclass_fields__ if key in answer}
        return Outcome(**{"acked": True, "reason": "", "answer": {}, **known})

    async def command(self, channel: str, text: str, thread_ts: str | None = None) -> Outcome:
        """Type a slash command and wait for the app's ack; RefusedActionError."""
        return await self._act("command", channel=channel, text=text, thread_ts=thread_ts)

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Write a message ("dm" is the direct message with the bot); its ts."""
        asked = {"user": self.name, "channel": channel, "text": text, "thread_ts": thread_ts}
        return str((await self._workspace.control("say", **asked))["ts"])

    async def mention(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Write a message that begins with the bot's mention; its ts."""
        return await self.say(channel, f"<@{BOT_USER_ID}> {text}", thread_ts)

    async def click(
        self,
        where: SeenMessage | SeenView,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        filled: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Press a button, pick from an overflow menu or a select (`value`: the option's value).
        `filled` has what is typed in the modal's other fields before."""
        return await self._act(
            "act",
            action_id=action_id,
            block_id=block_id,
            value=value,
            values=dict(filled or {}),
            **_place(where),
        )

    async def type_into(
        self,
        where: SeenMessage | SeenView,
        action_id: str,
        typed: str,
        *,
        block_id: str | None = None,
        filled: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Type into an external select; the options are in the outcome. `filled` has what is
        chosen in the modal's other fields before."""
        return await self._act(
            "suggest",
            action_id=action_id,
            block_id=block_id,
            typed=typed,
            values=dict(filled or {}),
            **_place(where),
        )

    async def submit(self, values: Mapping[str, Any] | None = None) -> Outcome:
        """Fill the topmost modal by block_id (or block_id and action_id), and submit it."""
        return await self._act("submit", values=dict(values or {}))

    async def close(self, *, everything: bool = False) -> Outcome:
        """Close the topmost modal, or all of them."""
        return await self._act("close", all=everything)

    async def open_home(self) -> None:
        """Open the app's Home tab."""
        await self._act("home")

    async def view(self) -> SeenView | None:
        """The topmost modal."""
        stack = (await self._workspace.state())["views"].get(await self.id(), [])
        return as_view(stack[-1]) if stack else None

    async def home(self) -> SeenView | None:
        """The Home tab as it was last published."""
        found = (await self._workspace.state())["homes"].get(await self.id())
        return as_view(found) if found else None

    async def id(self) -> str:
        """The user id."""
        people = (await self._workspace.state())["directory"]["people"]
        return str(next(each["id"] for each in people if each["name"] == self.name))

    async def ephemerals(self, channel: str) -> list[SeenMessage]:
        """What only this person sees in a channel."""
        found = await self._workspace.messages(channel, user=self.name)
        return [each for each in found if each.is_ephemeral]

    async def notices(self) -> list[Json]:
        """What Slack itself told this person: failures of the app."""
        mine = await self.id()
        return [n for n in (await self._workspace.state())["notices"] if n["user"] == mine]

    async def wait_for_view(
        self, predicate: Callable[[SeenView], bool] = lambda view: True, within: float = 120.0
    ) -> SeenView:
        """Wait until a modal is on top for which `predicate` holds; NotSeenError."""

        async def look() -> SeenView | None:
            found = await self.view()
            return found if found is not None and predicate(found) else None

        return await self._workspace.wait_for(look, within, "a modal")

    async def wait_for_home(
        self, predicate: Callable[[SeenView], bool] = lambda view: True, within: float = 120.0
    ) -> SeenView:
        """Wait until the Home tab is as wanted; NotSeenError."""

        async def look() -> SeenView | None:
            found = await self.home()
            return found if found is not None and predicate(found) else None

        return await self._workspace.wait_for(look, within, "a Home tab")

    async def wait_for_ephemeral(
        self,
        channel: str,
        predicate: Callable[[SeenMessage], bool] = lambda message: True,
        within: float = 120.0,
    ) -> SeenMessage:
        """Wait for a message that only this person sees; NotSeenError."""

        async def look() -> SeenMessage | None:
            found = [each for each in await self.ephemerals(channel) if predicate(each)]
            return found[-1] if found else None

        return await self._workspace.wait_for(look, within, f"a private note in {channel}")


def _place(where: SeenMessage | SeenView) -> Json:
    if isinstance(where, SeenView):
        return {"view_id": where.id}
    return {"channel": where.channel, "ts": where.ts}


class Workspace:
    """The whole workspace, seen from outside over its control endpoints."""

    def __init__(self, page_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=page_url, timeout=90.0, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    def person(self, name: str) -> SlackPerson:
        """Somebody by name: ada, grace, linus, or kit, who is a guest."""
        return SlackPerson(self, name)

    async def control(self, what: str, **asked: Any) -> Json:
        """POST to a control endpoint; RefusedActionError if it says no."""
        answer = await self._http.post(f"/sandbox/{what}", json=asked)
        body: Json = answer.json()
        if not body.get("ok"):
            raise RefusedActionError(str(body.get("error")), str(body.get("message", "")))
        return body

    async def _get(self, what: str, **query: str | None) -> Json:
        asked = {key: value for key, value in query.items() if value is not None}
        answer = await self._http.get(f"/sandbox/{what}", params=asked)
        body: Json = answer.json()
        if answer.is_error:
            raise RefusedActionError(str(body.get("error")), what)
        return body

    async def state(self) -> Json:
        """Directory, views, homes, notices, settings, sockets."""
        return await self._get("state")

    async def messages(
        self, channel: str, thread_ts: str | None = None, user: str | None = None
    ) -> list[SeenMessage]:
        """Messages of a channel ("#name", an id, "@ada" for her direct messages) or one thread."""
        found = await self._get("messages", channel=channel, thread_ts=thread_ts, user=user)
        return [
            SeenMessage(each["channel"], each["ts"], each["user"], each["text"], each)
            for each in found["messages"]
        ]

    async def message(self, known: SeenMessage) -> SeenMessage | None:
        """The same message as it is now; None if it was deleted."""
        found = await self.messages(known.channel, known.ts, known.raw.get("ephemeral_to"))
        return next((each for each in found if each.ts == known.ts), None)

    async def calls(self, method: str | None = None) -> list[Json]:
        """The recorded Web API calls: number, method, args, at, answer, status, seconds."""
        found = await self._get("calls", method=method)
        return list(found["calls"])

    async def file_text(self, file: Json) -> str:
        """The content of a shared file."""
        return (await self._http.get(file["url_private"])).text

    async def wait_for(
        self, look: Callable[[], Awaitable[T | None]], within: float = 120.0, what: str = "this"
    ) -> T:
        """Look again at every change, and ten times a second for what changes elsewhere (a store,
        a control plane), until `look` gives something; NotSeenError."""
        end = time.monotonic() + within
        while True:
            version = (await self._get("wait", since="-1"))["version"]
            found = await look()
            if found is not None:
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise NotSeenError(f"{what} did not come in {within} s")
            await self._get("wait", since=str(version), timeout=str(min(left, 0.1)))

    async def wait_for_message(
        self,
        channel: str,
        predicate: Callable[[SeenMessage], bool] = lambda message: True,
        within: float = 120.0,
        *,
        thread_ts: str | None = None,
    ) -> SeenMessage:
        """Wait for a message for which `predicate` holds (the newest such); NotSeenError."""
        seen: list[str] = []

        async def look() -> SeenMessage | None:
            found = await self.messages(channel, thread_ts)
            seen[:] = [each.shown for each in found]
            fitting = [each for each in found if predicate(each)]
            return fitting[-1] if fitting else None

        try:
            return await self.wait_for(look, within, f"a message in {channel}")
        except NotSeenError as error:
            raise NotSeenError(f"{error}; there were: {seen}") from error

    async def wait_for_calls(
        self, method: str, count: int = 1, within: float = 120.0
    ) -> list[Json]:
        """Wait until a method was called so often; NotSeenError."""

        async def look() -> list[Json] | None:
            found = [each for each in await self.calls(method) if each["status"]]
            return found if len(found) >= count else None

        return await self.wait_for(look, within, f"{count} calls of {method}")

    async def wait_for_sockets(self, count: int = 1, within: float = 120.0) -> None:
        """Wait until the app has so many connections open; NotSeenError."""

        async def look() -> bool | None:
            return (await self.state())["sockets"]["open"] >= count or None

        await self.wait_for(look, within, f"{count} sockets")

    async def fault(self, method: str = "*", **what: Any) -> None:
        """Make the next calls of a method go wrong: see faults.ApiFault for the names."""
        await self.control("fault", method=method, **what)

    async def delivery_fault(self, kind: str = "*", **what: Any) -> None:
        """Make the next payloads go wrong: see faults.DeliveryFault for the names."""
        await self.control("fault", kind=kind, **what)

    async def release(self) -> None:
        """Let go what faults with `hold` keep."""
        await self.control("release")

    async def settings(self, **changed: Any) -> Json:
        """Change settings: ack_seconds, trigger_seconds, event_retry_seconds, rate_limits…"""
        return await self.control("settings", **changed)

    async def advance(self, seconds: float) -> None:
        """Move the workspace's clock on."""
        await self.control("clock", advance=seconds)


async def all_of(*actions: Awaitable[Outcome]) -> list[Outcome]:
    """Several people at once."""
    return list(await asyncio.gather(*actions))


__all__ = [
    "NotSeenError",
    "Outcome",
    "RefusedActionError",
    "SeenMessage",
    "SeenView",
    "SlackPerson",
    "Workspace",
    "all_of",
]
