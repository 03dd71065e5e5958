"""Signed HTTP requests: the real server, a real Bolt app, and what an attacker would try."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.http_mode import PATH, WINDOW_SECONDS, SlackRequests, problem_of
from bot.server import LARGEST_BODY, Server
from deploy_core.clock import SystemClock
from deploy_core.store.store import Store
from sandbox.slack.app import start_slack
from tests.support.clock import ManualClock

SECRET = "a-signing-secret"


@dataclass
class World:
    """A server with one command, and who called it."""

    url: str
    heard: list[str]
    clock: ManualClock

    async def post(
        self, body: bytes, *, at: str | None = None, signature: str | None = None
    ) -> int:
        """Post a body; it is rightly signed unless something else is said."""
        timestamp = at if at is not None else str(int(self.clock.now().timestamp()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(body, timestamp) if signature is None else signature,
        }
        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(self.url, content=body, headers=raw)).status_code


def sign(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def command(text: str) -> bytes:
    fields = {"command": "/dagster", "text": text, "user_id": "U1", "team_id": "T1"}
    return urlencode(fields).encode()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    slack = await start_slack(0, tmp_path / "slack")
    clock = ManualClock()
    store = await Store.open(str(tmp_path / "store.sqlite"), clock)
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    app = AsyncApp(client=client, signing_secret=SECRET, process_before_response=True)
    # Bolt compares with the machine's own clock; ours stands still at another time.
    clock.set_wall(SystemClock().now())
    heard: list[str] = []

    @app.command("/dagster")
    async def listen(ack: AsyncAck, body: dict[str, str]) -> None:
        heard.append(body["text"])
        await ack()

    server = Server("127.0.0.1", 0, {})
    server.add("POST", PATH, SlackRequests(app, SECRET, store.inbox, clock).handle)
    port = await server.start()
    yield World(f"http://127.0.0.1:{port}{PATH}", heard, clock)
    await server.close()
    await store.close()
    await slack.close()


async def test_a_signed_request_reaches_the_listener(world: World) -> None:
    assert await world.post(command("status")) == 200
    assert world.heard == ["status"]


@pytest.mark.parametrize(
    ("at", "signature"),
    [
        (None, "v0=" + "0" * 64),
        (None, "v0="),
        (None, ""),
        (None, "nonsense"),
        (None, "v0=ünïcode"),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("0", None),
        ("٣", None),
        ("9" * 40, None),
    ],
)
async def test_wrong_malformed_and_stale_are_401(
    world: World, at: str | None, signature: str | None
) -> None:
    assert await world.post(command("x"), at=at, signature=signature) == 401
    assert world.heard == []


async def test_a_replayed_request_is_401(world: World) -> None:
    assert await world.post(command("once")) == 200
    assert await world.post(command("once")) == 401
    assert world.heard == ["once"]


async def test_a_changed_body_is_401(world: World) -> None:
    now = str(int(world.clock.now().timestamp()))
    signature = sign(command("status"), now)
    assert await world.post(command("deploy core"), at=now, signature=signature) == 401


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    assert await world.post(b"text=" + b"x" * LARGEST_BODY) == 413
    assert world.heard == []


def test_the_window_has_two_sides() -> None:
    body = json.dumps({}).encode()
    for age, problem in (
        (WINDOW_SECONDS, None),
        (-WINDOW_SECONDS, None),
        (WINDOW_SECONDS + 1, "stale"),
        (-WINDOW_SECONDS - 1, "stale"),
    ):
        headers = {
            "X-Slack-Request-Timestamp": "1000000",
            "X-Slack-Signature": sign(body, "1000000"),
        }
        assert problem_of(headers, body, SECRET.encode(), 1_000_000 + age) == problem
    assert problem_of({}, body, SECRET.encode(), 0) == "missing"
