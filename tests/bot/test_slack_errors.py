"""Every exception of Slack's client becomes one of ours."""

import aiohttp
import pytest
from slack_sdk import errors
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.slack_errors import (
    ChannelClosed,
    MessageGone,
    ScopeMissing,
    SlackError,
    SlackRateLimited,
    SlackRefused,
    SlackTokenRefused,
    SlackUnreachable,
    slack_errors_mapped,
)


def _api(name: str, status: int = 200, headers: dict[str, str] | None = None) -> SlackApiError:
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="http://slack",
        req_args={},
        data={"ok": False, "error": name},
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("failed", response)  # type: ignore[no-untyped-call]


def _mapped(error: Exception) -> SlackError:
    with pytest.raises(SlackError) as raised, slack_errors_mapped():
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("channel_not_found", ChannelClosed),
        ("is_archived", ChannelClosed),
        ("not_in_channel", ChannelClosed),
        ("message_not_found", MessageGone),
        ("token_revoked", SlackTokenRefused),
        ("missing_scope", ScopeMissing),
        ("internal_error", SlackUnreachable),
        ("invalid_blocks", SlackRefused),
    ],
)
def test_names_of_errors(name: str, kind: type[SlackError]) -> None:
    assert type(_mapped(_api(name))) is kind


def test_a_rate_limit_says_for_how_long() -> None:
    limited = _mapped(_api("ratelimited", 429, {"Retry-After": "17"}))
    assert isinstance(limited, SlackRateLimited)
    assert limited.retry_after == 17


def test_trouble_of_slack_is_passing() -> None:
    assert _mapped(_api("", 503)).retryable


def test_no_exception_of_the_clients_is_left() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not SlackApiError
    ]
    assert kinds
    for kind in [*kinds, aiohttp.ClientError, aiohttp.ServerTimeoutError, TimeoutError, OSError]:
        _mapped(kind("x"))
