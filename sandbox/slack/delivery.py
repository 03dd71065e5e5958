"""Bringing payloads to the app: over Socket Mode or signed HTTP, with Slack's time limits."""

import asyncio
import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from sandbox.slack.errors import SlackError
from sandbox.slack.faults import DeliveryFault, Faults
from sandbox.slack.model import Json
from sandbox.slack.sockets import Sockets
from sandbox.slack.state import State

TIMED_OUT = "operation_timeout"
NOT_SENT = "dispatch_failed"


@dataclass(frozen=True)
class Ack:
    """How the app answered: `reason` is empty if in time, else why it counts as a failure.

    `seconds` is the time from sending to the ack.
    """

    payload: Json
    reason: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the app answered in time."""
        return not self.reason


def signed_headers(secret: str, body: str, now: float) -> dict[str, str]:
    """Slack's v0 request signature (Verifying requests from Slack)."""
    stamp = str(int(now))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest.hexdigest()}",
    }


@dataclass
class Dispatcher:
    """Sends what people do to the app and waits for acks."""

    state: State
    faults: Faults
    sockets: Sockets
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _http: aiohttp.ClientSession | None = None

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def request(self, kind: str, payload: Json, retry: tuple[int, str] | None = None) -> Ack:
        """Deliver one payload and wait for its ack, at most as long as Slack does."""
        fault = self.faults.take_delivery(kind)
        begun = time.monotonic()
        sent = [
            self._spawn(self._attempt(kind, payload, retry, fault)) for _ in range(1 + fault.copies)
        ]
        done, _ = await asyncio.wait(
            sent, timeout=self.state.settings.ack_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return Ack({}, TIMED_OUT)
        ack: Ack = done.pop().result()
        return replace(ack, seconds=time.monotonic() - begun)

    async def _attempt(
        self, kind: str, payload: Json, retry: tuple[int, str] | None, fault: DeliveryFault
    ) -> Ack:
        if fault.lose:
            await asyncio.Event().wait()
        if fault.hold:
            await self.faults.released()
        if self.state.settings.request_url is not None:
            return await self._post(self.state.settings.request_url, kind, payload, retry)
        try:
            return Ack(await self.sockets.send(kind, payload, retry))
        except SlackError as error:
            return Ack({}, error.name)

    def event(self, payload: Json) -> None:
        """Deliver an event in the background, and again while it is not acked."""
        _ = self._spawn(self._event(payload))

    async def _event(self, payload: Json) -> None:
        ack = await self.request("events_api", payload)
        for number, delay in enumerate(self.state.settings.event_retry_seconds, start=1):
            if ack.ok or ack.reason == "no_retry":
                return
            await asyncio.sleep(delay)
            reason = "timeout" if ack.reason == TIMED_OUT else "connection_failed"
            if self.state.settings.request_url is not None:
                reason = "http_timeout" if ack.reason == TIMED_OUT else "http_error"
            ack = await self.request("events_api", payload, (number, reason))

    async def _post(self, url: str, kind: str, payload: Json, retry: tuple[int, str] | None) -> Ack:
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        else:
            fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body = urllib.parse.urlencode(fields)
            content_type = "application/x-www-form-urlencoded"
        secret, now = self.state.secrets.signing_secret, self.state.clock.now()
        headers = {"Content-Type": content_type, **signed_headers(secret, body, now)}
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        if self._http is None:
            self._http = aiohttp.ClientSession()
        limit = aiohttp.ClientTimeout(total=self.state.settings.ack_seconds)
        try:
            async with self._http.post(url, data=body, headers=headers, timeout=limit) as answer:
                return _http_ack(
                    answer.status, await answer.text(), "X-Slack-No-Retry" in answer.headers
                )
        except TimeoutError:
            return Ack({}, TIMED_OUT)
        except aiohttp.ClientError:
            return Ack({}, NOT_SENT)

    async def close(self) -> None:
        """Give up all deliveries and connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.drop("close")
        if self._http is not None:
            await self._http.close()


def _http_ack(status: int, text: str, no_retry: bool) -> Ack:
    if not 200 <= status < 300:
        return Ack({}, "no_retry" if no_retry else f"http_status_{status}")
    if not text:
        return Ack({})
    try:
        payload = json.loads(text)
    except json.JSONDecodeError:
        return Ack({"text": text})
    return Ack(payload if isinstance(payload, dict) else {})
