"""Nothing that looks like a token reaches the log, and a log that is gone stops nothing."""

import contextlib
import json
import os
import sys

import pytest
import structlog

from bot.logs import redact, set_up_logs

# Put together here, so that no scanner takes the test for a leak.
SECRETS = [
    "xoxb-" + "123456789012-abcdef",
    "xapp-" + "1-A012-345-abcdef",
    "user:acme:" + "2f1e7c52a3d94b08",
    "agent:acme:" + "eu-2f1e7c52",
    "ghp_" + "abcdef0123456789",
    "glpat-" + "abcdef_0123",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_tokens_are_taken_out(secret: str) -> None:
    assert secret not in redact(f"calling with {secret}, then more")
    assert redact(f"a {secret} b") == "a [redacted] b"


def test_passwords_in_addresses_are_taken_out() -> None:
    line = redact("cloning https://bob:hunter2@git.example/x.git")
    assert line == "cloning https://[redacted]@git.example/x.git"


def test_plain_words_stay() -> None:
    plain = "deploy 12 of core to prod: user asked again at 12:30:15"
    assert redact(plain) == plain


@pytest.mark.usefixtures("own_logs")
def test_a_log_whose_reader_has_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stderr", stream)
    set_up_logs(as_json=True)
    log = structlog.get_logger()
    log.error("slack_send_failed", about="deploy 1")
    with os.fdopen(reader) as read:
        assert json.loads(read.readline())["about"] == "deploy 1"
    log.error("slack_send_failed", about="deploy 2")  # a broken pipe
    with contextlib.suppress(BrokenPipeError):
        stream.close()
    log.error("slack_send_failed", about="deploy 3")  # a closed stream
