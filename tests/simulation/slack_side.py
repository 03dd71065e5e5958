"""Slack below its client's own code: posts, edits, and everything it may refuse."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from tests.simulation.dagster_side import Caller

SLACK_TOKEN = "xoxb-canary-77d2"
CHANNEL = "C0DEPLOYS"
BOT = "U0BOT"
SlackFault = Literal[
    "ratelimited", "500", "lost_before", "lost_after", "is_archived", "invalid_blocks", "hang"
]


@dataclass
class Posted:
    """One message."""

    channel: str
    ts: str
    body: dict[str, Any]
    at: float
    thread_ts: str | None = None
    deleted: bool = False

    @property
    def deploy(self) -> int | None:
        """The deploy whose card it is."""
        metadata = self.body.get("metadata") or {}
        found: int | None = metadata.get("event_payload", {}).get("deploy")
        return found


@dataclass
class SlackSide:
    """One workspace: its messages by ts, and what happens to the next calls."""

    messages: dict[str, Posted] = field(default_factory=dict)
    faults: deque[SlackFault] = field(default_factory=deque)
    archived: bool = False
    doubts: int = 0
    _number: int = 0

    def cards_of(self, deploy: int) -> list[Posted]:
        """The cards of a deploy that can be seen."""
        return [m for m in self.messages.values() if m.deploy == deploy and not m.deleted]

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do what a method does."""
        channel = str(body.get("channel"))
        if self.archived and channel == CHANNEL:
            return {"ok": False, "error": "is_archived"}
        match method:
            case "conversations.open":
                return {"ok": True, "channel": {"id": "D" + str(body["users"])}}
            case "chat.postMessage" | "chat.update" | "chat.delete":
                return self._message(method, channel, body)
            case "auth.test":
                return {"ok": True, "team_id": "T0", "user_id": BOT}
            case "conversations.history" | "conversations.replies":
                return {"ok": True, "messages": self._read(channel, body.get("ts"))}
        return {"ok": False, "error": "unknown_method"}

    def _message(self, method: str, channel: str, body: dict[str, Any]) -> dict[str, Any]:
        if method != "chat.postMessage":
            return self._change(method, body)
        self._number += 1
        ts = f"1772366400.{self._number:06d}"
        now = asyncio.get_running_loop().time()
        self.messages[ts] = Posted(channel, ts, body, now, body.get("thread_ts"))
        return {"ok": True, "ts": ts, "channel": channel}

    def _read(self, channel: str, thread_ts: Any) -> list[dict[str, Any]]:
        """The messages of a channel, or those of one thread."""
        there = [m for m in self.messages.values() if m.channel == channel and not m.deleted]
        return [
            {"ts": m.ts, "user": BOT, **m.body}
            for m in reversed(there)
            if thread_ts in (m.thread_ts, m.ts)
        ]

    def _change(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        message = self.messages.get(str(body["ts"]))
        if message is None or message.deleted:
            return {"ok": False, "error": "message_not_found"}
        if method == "chat.delete":
            message.deleted = True
            return {"ok": True}
        message.body = {**message.body, "blocks": None, **body}  # blocks left out are taken away
        message.at = asyncio.get_running_loop().time()
        return {"ok": True, "ts": message.ts}


class SlackWire(AsyncWebClient):
    """What one process has between itself and Slack."""

    def __init__(self, side: SlackSide, caller: Caller) -> None:
        super().__init__(token=SLACK_TOKEN)
        self._side, self._caller = side, caller

    async def _request(self, *, http_verb: str, api_url: str, req_args: Any) -> dict[str, Any]:
        await self._caller.border()
        method = api_url.rsplit("/", 1)[-1]
        body = req_args.get("json") or req_args.get("data") or req_args.get("params") or {}
        fault = self._side.faults.popleft() if self._side.faults else None
        if fault == "ratelimited":
            return _answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "7"})
        if fault == "500":
            return _answer({"ok": False, "error": "internal_error"}, 500)
        if fault in {"is_archived", "invalid_blocks"}:
            return _answer({"ok": False, "error": fault})
        if fault == "lost_before":
            raise aiohttp.ServerDisconnectedError
        answer = self._side.answer(method, body)
        if fault == "lost_after":
            self._side.doubts += 1
            raise aiohttp.ServerDisconnectedError
        if fault == "hang":
            await asyncio.sleep(10)
        await self._caller.border()
        return _answer(answer)


def _answer(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return {"data": data, "status_code": status, "headers": headers or {}}
