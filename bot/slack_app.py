"""The Bolt app: no work at construction, no answer but the ack from its own loop."""

import logging

from slack_bolt.async_app import AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import BotSettings
from deploy_core.model.errors import ConfigInvalid


def make_web_client(settings: BotSettings) -> AsyncWebClient:
    """Return the client that calls Slack with the bot token. Raises `ConfigInvalid` without one.

    It retries lost connections only: the outbox waits out rate limits and Slack's own trouble,
    because it knows what a newer message makes needless.
    """
    if settings.slack_bot_token is None:
        raise ConfigInvalid(
            "Missing: SLACK_BOT_TOKEN.",
            next_step="Set it, or a file's path in SLACK_BOT_TOKEN_FILE.",
        )
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        retry_handlers=[AsyncConnectionErrorRetryHandler(max_retry_count=1)],
        timeout=15,
    )


def make_app(client: AsyncWebClient) -> AsyncApp:
    """Return the app without listeners.

    With `process_before_response` Bolt doesn't poll for the ack every 10 ms; our listeners return
    as soon as they have acknowledged.
    """
    # Bolt logs bodies at INFO when something is off; only its warnings are wanted.
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.WARNING)
    return AsyncApp(client=client, process_before_response=True, logger=logger)
