"""The Web API over HTTP: tokens, scopes, arguments, faults, rate limits, records."""

import asyncio
import json
import math
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.slack import api_chat, api_files, api_lookup, api_views, limits
from sandbox.slack.api_chat import Handler
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import ApiFault, Faults
from sandbox.slack.model import Call, Json
from sandbox.slack.sockets import Sockets
from sandbox.slack.state import State

METHODS: dict[str, Handler] = {
    **api_chat.METHODS,
    **api_files.METHODS,
    **api_lookup.METHODS,
    **api_views.METHODS,
}
_MINUTE = 60.0


@dataclass
class RateLimits:
    """Slack's tiers, counted over the last minute; and one post a second and channel."""

    state: State
    _seen: dict[str, deque[float]] = field(default_factory=dict)
    _posts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def check(self, method: str, args: Json) -> None:
        """Count this call; SlackError ratelimited with Retry-After."""
        now = self.state.clock.now()
        if method == "chat.postMessage":
            self._check_post(str(args.get("channel")), now)
        tier = limits.METHOD_TIERS.get(method)
        if tier is None:
            return
        seen = self._seen.setdefault(method, deque())
        while seen and seen[0] <= now - _MINUTE:
            seen.popleft()
        if len(seen) >= limits.TIER_CALLS_PER_MINUTE[tier]:
            wait = math.ceil(seen[0] + _MINUTE - now)
            raise SlackError("ratelimited", status=429, retry_after=max(1, wait))
        seen.append(now)

    def _check_post(self, channel: str, now: float) -> None:
        tokens, last = self._posts.get(channel, (float(limits.POST_BURST), now))
        tokens = min(float(limits.POST_BURST), tokens + (now - last) * limits.POST_PER_SECOND)
        if tokens < 1:
            self._posts[channel] = (tokens, now)
            raise SlackError("ratelimited", status=429, retry_after=1)
        self._posts[channel] = (tokens - 1, now)


class WebApi:
    """`/api/{method}`, `/upload/{id}` and `/response/{token}`."""

    def __init__(self, state: State, faults: Faults, sockets: Sockets) -> None:
        self._state = state
        self._faults = faults
        self._sockets = sockets
        self._rates = RateLimits(state)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, with whatever fault is due, and record it."""
        method = request.match_info["method"]
        args = await read_arguments(request)
        token = _token(request, args)
        known = {key: value for key, value in args.items() if key != "token"}
        state = self._state
        call = Call(state.number(), method, known, state.clock.now())
        state.calls.append(call)
        fault = self._faults.take_api(method, args) or ApiFault(times=0)
        await self._delay(fault)
        if fault.drop == "before":
            return _cut(request)
        try:
            if "_broken" in args:
                raise SlackError(str(args["_broken"]))
            answer = self._run(method, args, token, fault)
            status, headers = fault.status or 200, {}
        except SlackError as error:
            answer, status = error.answer(), error.status
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if state.manifest.scopes:
            headers["X-OAuth-Scopes"] = ",".join(sorted(state.manifest.scopes))
        call.answer, call.status = answer, status
        call.seconds = state.clock.now() - call.at
        state.touch()
        if fault.drop == "after":
            return _cut(request)
        return web.json_response(answer, status=status, headers=headers)

    async def _delay(self, fault: ApiFault) -> None:
        if fault.hold:
            await self._faults.released()
        if fault.delay:
            await asyncio.sleep(fault.delay)

    def _run(self, method: str, args: Json, token: str, fault: ApiFault) -> Json:
        if fault.retry_after is not None:
            raise SlackError("ratelimited", status=429, retry_after=fault.retry_after)
        if fault.error is not None:
            raise SlackError(fault.error, status=fault.status or 200)
        if fault.status is not None:
            raise SlackError("internal_error", status=fault.status)
        self._authenticate(method, token)
        if self._state.settings.rate_limits:
            self._rates.check(method, args)
        if method == "apps.connections.open":
            return {"ok": True, "url": self._sockets.new_url(self._state.base_url)}
        handler = METHODS.get(method)
        if handler is None:
            raise SlackError("unknown_method")
        self._state.manifest.require(method, self._kind(method, args))
        return {"ok": True, **handler(self._state, args)}

    def _authenticate(self, method: str, token: str) -> None:
        known = self._state.secrets
        if method == "api.test":
            return
        if not token:
            raise SlackError("not_authed")
        if token not in (known.bot_token, known.app_token):
            raise SlackError("invalid_auth")
        wanted = known.app_token if method == "apps.connections.open" else known.bot_token
        if token != wanted:
            raise SlackError("not_allowed_token_type")

    def _kind(self, method: str, args: Json) -> str | None:
        channel = self._state.channels.get(str(args.get("channel", "")))
        return channel.kind if channel and method.startswith("conversations.") else None

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of an announced file."""
        fault = self._faults.take_api("upload", {}) or ApiFault(times=0)
        await self._delay(fault)
        if fault.drop is not None:
            return _cut(request)
        if fault.status is not None:
            return web.Response(status=fault.status, text="upload failed")
        content = await _content(request)
        try:
            got = api_files.receive(self._state, request.match_info["file"], content)
        except SlackError as error:
            return web.json_response(error.answer(), status=400)
        return web.Response(text=f"OK - {got.length}")

    async def read_file(self, request: web.Request) -> web.StreamResponse:
        """Give a shared file back, as text."""
        upload = self._state.uploads.get(request.match_info["file"])
        if upload is None or upload.content is None or not upload.shared:
            raise web.HTTPNotFound
        headers = {"X-Content-Type-Options": "nosniff"}
        return web.Response(
            body=upload.content, content_type="text/plain", charset="utf-8", headers=headers
        )


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""


async def read_arguments(request: web.Request) -> Json:
    """The arguments of a call: query, then form or JSON body; `_broken` names what is wrong."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        try:
            body = json.loads(text) if text else {}
        except json.JSONDecodeError:
            return {**args, "_broken": "invalid_json"}
        return (
            {**args, **body} if isinstance(body, dict) else {**args, "_broken": "json_not_object"}
        )
    form = await request.post()
    return {**args, **{key: value for key, value in form.items() if isinstance(value, str)}}


def _token(request: web.Request, args: Json) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() or str(args.get("token") or "")


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
