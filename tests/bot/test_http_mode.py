"""Signed HTTP requests: the real server, a real Bolt app, and what an attacker would try."""

import asyncio
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

from bot import http_mode
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
        self,
        body: bytes,
        *,
        at: str | None = None,
        signature: str | None = None,
        content_type: str = "application/x-www-form-urlencoded",
    ) -> int:
        """Post a body; it is rightly signed unless something else is said."""
        timestamp = at if at is not None else str(int(self.clock.now().timestamp()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(body, timestamp) if signature is None else signature,
        }
        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
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


async def test_a_body_in_pieces_is_counted_all_the_same(world: World) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2 * LARGEST_BODY // 10_000):
            sent += 10_000
            yield b"x" * 10_000

    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        try:
            status = (await http.post(world.url, content=pieces())).status_code
        except httpx.WriteError:
            status = 413  # it closed the connection before all was sent
    assert status == 413
    assert world.heard == []


async def test_a_body_that_dawdles_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_mode, "BODY_SECONDS", 0.05)
    address = httpx.URL(world.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na")
        async with asyncio.timeout(30):
            answer = await reader.readline()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert world.heard == []
    finally:
        writer.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_slack_only_posts(world: World, method: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.request(method, world.url)).status_code == 405


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b"payload=%7B"),
        ("application/x-www-form-urlencoded", b"\xff=1"),
        ("text/plain", b"hello"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b""),
    ],
)
async def test_signed_nonsense_is_refused_and_not_logged(
    world: World, content_type: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    status = await world.post(body, content_type=content_type)
    assert 400 <= status < 500
    assert world.heard == []
    assert "Traceback" not in caplog.text


async def test_slacks_own_checks_are_answered_when_they_are_signed(world: World) -> None:
    challenge = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    assert await world.post(challenge, content_type="application/json") == 200
    assert await world.post(b"ssl_check=1&token=x") == 200
    assert (
        await world.post(challenge + b" ", content_type="application/json", signature="v0=") == 401
    )
    assert await world.post(b"ssl_check=1&token=y", signature="v0=") == 401


async def test_a_retry_of_slack_is_signed_anew_and_reaches_the_listener(world: World) -> None:
    """Bolt's listener decides by the event's id whether it was dealt with; see the inbox."""
    now = int(world.clock.now().timestamp())
    assert await world.post(command("status"), at=str(now)) == 200
    assert await world.post(command("status"), at=str(now + 1)) == 200
    assert world.heard == ["status", "status"]


async def test_what_one_replica_has_taken_is_a_replay_for_the_other(
    world: World, tmp_path: Path
) -> None:
    store = await Store.open(str(tmp_path / "store.sqlite"), world.clock)
    try:
        now = str(int(world.clock.now().timestamp()))
        assert await store.inbox.take(f"signature:{sign(command('once'), now)}")
        assert await world.post(command("once"), at=now) == 401
        assert world.heard == []
    finally:
        await store.close()


async def test_a_refused_body_is_not_logged(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for body, signature in (
        (command("canary-text"), "v0=" + "0" * 64),
        (command("canary-2"), None),
    ):
        await world.post(body, signature=signature)
    event = {"type": "event_callback", "event": {"type": "message", "text": "canary-3"}}
    await world.post(json.dumps(event).encode(), content_type="application/json")
    said = capfd.readouterr()
    assert "canary" not in caplog.text + said.out + said.err


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
