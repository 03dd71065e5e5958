"""Nothing that looks like a token reaches the log."""

import pytest

from bot.logs import redact

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
