"""Slack over signed HTTP requests, as an alternative to Socket Mode; the same listeners.

Bolt verifies signatures too. Ours comes first because Bolt answers 500 to a malformed one, logs
the body of a refused request, and takes the same signed request twice.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from deploy_core.clock import Clock
from deploy_core.model.errors import StoreError
from deploy_core.store.inbox import Inbox

PATH = "/slack/events"

WINDOW_SECONDS = 300
"""How old a signed request may be (Slack's own advice), and how long a signature is remembered."""

BODY_SECONDS = 5.0
"""How long a body may take to arrive; Slack itself gives up after three seconds."""

_log = structlog.get_logger()


class SlackRequests:
    """Handles `POST /slack/events`."""

    def __init__(self, app: AsyncApp, signing_secret: str, inbox: Inbox, clock: Clock) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._inbox = inbox
        self._clock = clock

    async def handle(self, request: web.Request) -> web.Response:
        """Answer 401 to anything that Slack did not just sign, 400 to what can't be read, 408 to a
        body that dawdles, 503 when the store is away."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            answer = web.Response(status=408)
            answer.force_close()
            return answer
        problem = problem_of(request.headers, body, self._secret, self._clock.now().timestamp())
        if problem is not None:
            return _refused(problem)
        try:
            signature = request.headers["X-Slack-Signature"]
            if not await self._inbox.take(f"signature:{signature}"):
                return _refused("replayed")
        except StoreError as error:
            _log.error("request_not_taken", reason=error.reason)
            return web.Response(status=503)
        try:
            asked = await to_bolt_request(request)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # Signed, but not what Slack sends. The body stays out of the log.
            _log.warning("request_unreadable", error=type(error).__name__)
            return web.Response(status=400)
        return await to_aiohttp_response(await self._app.async_dispatch(asked))


def problem_of(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> str | None:
    """Return in one word what is wrong with a request's signature, or None.

    `missing`, `malformed`, `stale` (more than five minutes from `now`, in seconds) or `wrong`.
    The rule is Slack's: HMAC-SHA256 over `v0:TIMESTAMP:BODY`.
    """
    timestamp = headers.get("X-Slack-Request-Timestamp")
    signature = headers.get("X-Slack-Signature")
    if not timestamp or not signature:
        return "missing"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return "malformed"
    if not (signature.isascii() and signature.startswith("v0=")):
        return "malformed"
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        return "stale"
    signed = b"v0:" + timestamp.encode() + b":" + body
    right = "v0=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(right, signature) else "wrong"


def _refused(problem: str) -> web.Response:
    _log.warning("request_refused", problem=problem)
    return web.Response(status=401)
