"""What Slack refuses, as typed errors; the only place that maps the exceptions of its client.

DeployError
└── SlackError
    ├── SlackUnreachable      slack_unreachable      no connection, time-out, 5xx
    ├── SlackRateLimited      slack_rate_limited     429; `retry_after` in seconds
    ├── ChannelClosed         slack_channel_closed   not there, archived, or the bot isn't in it
    ├── MessageGone           slack_message_gone     deleted, or too old to be edited
    ├── SlackTokenRefused     slack_token_refused
    │   └── ScopeMissing      slack_scope_missing    some scopes are optional
    └── SlackRefused          slack_refused          any other error name
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from deploy_core.model.errors import DeployError

_CHANNEL_CLOSED = {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "is_inactive",
    "restricted_action",
    "messages_tab_disabled",
    "user_not_found",
}
_MESSAGE_GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
_TOKEN = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
}
_PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}


class SlackError(DeployError):
    """Slack did not do what it was asked."""

    reason = "slack"


class SlackUnreachable(SlackError):
    """Slack can't be reached, or has a trouble of its own."""

    reason = "slack_unreachable"
    default_next_step = "Nothing: it is tried again."
    retryable = True


class SlackRateLimited(SlackError):
    """Slack wants us to be slower."""

    reason = "slack_rate_limited"
    default_next_step = "Nothing: it is tried again when Slack allows it."
    retryable = True

    def __init__(self, summary: str, *, retry_after: float = 1.0, detail: str = "") -> None:
        super().__init__(summary, detail=detail)
        self.retry_after = retry_after


class ChannelClosed(SlackError):
    """The bot can't post in the channel."""

    reason = "slack_channel_closed"
    default_next_step = "Invite the bot to the channel."


class MessageGone(SlackError):
    """The message isn't there any more."""

    reason = "slack_message_gone"
    default_next_step = "Nothing: a new message is posted."


class SlackTokenRefused(SlackError):
    """Slack refuses our token, or it lacks a scope."""

    reason = "slack_token_refused"
    default_next_step = "Install the app again from `manifest.yml` and set its new token."


class ScopeMissing(SlackTokenRefused):
    """The token lacks a scope; some are optional, and their callers go on without."""

    reason = "slack_scope_missing"


class SlackRefused(SlackError):
    """Slack refuses the call."""

    reason = "slack_refused"
    default_next_step = "Report it with the error's name."


@contextmanager
def slack_errors_mapped() -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except SlackApiError as error:
        raise _of_api(error) from error
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SlackUnreachable(f"Slack can't be reached: {type(error).__name__}.") from error


def _of_api(error: SlackApiError) -> SlackError:
    response: Any = error.response
    status = getattr(response, "status_code", 200)
    name = str(response.get("error", "")) if hasattr(response, "get") else ""
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        after = getattr(response, "headers", {}).get("Retry-After", "1")
        seconds = float(after) if str(after).isdigit() else 1.0
        return SlackRateLimited("Slack allows no more calls just now.", retry_after=seconds)
    if status >= 500 or name in _PASSING:
        return SlackUnreachable(f"Slack has a trouble of its own ({name or status}).")
    said = f"Slack answered {name or status}."
    for names, kind in _KINDS:
        if name in names:
            return kind(said)
    return SlackRefused(said, detail=str(response.get("response_metadata", "")))


_KINDS: tuple[tuple[set[str], type[SlackError]], ...] = (
    (_CHANNEL_CLOSED, ChannelClosed),
    (_MESSAGE_GONE, MessageGone),
    ({"missing_scope"}, ScopeMissing),
    (_TOKEN, SlackTokenRefused),
)
