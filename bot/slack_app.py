"""The Bolt app: no work at construction, no answer but the ack from its own loop."""

import logging

from pydantic import SecretStr
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
    return AsyncWebClient(
        token=require(settings.slack_bot_token, "SLACK_BOT_TOKEN"),
        base_url=settings.slack_api_url,
        retry_handlers=[AsyncConnectionErrorRetryHandler(max_retry_count=1)],
        timeout=15,
    )


def make_app(client: AsyncWebClient, settings: BotSettings) -> AsyncApp:
    """Return the app without listeners. Raises `ConfigInvalid` in HTTP mode without its secret.

    With `process_before_response` Bolt doesn't poll for the ack every 10 ms; our listeners return
    as soon as they have acknowledged.
    """
    # Bolt logs bodies at INFO when something is off; only its warnings are wanted.
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.WARNING)
    secret = None
    if settings.file.slack.mode == "http":
        secret = require(settings.slack_signing_secret, "SLACK_SIGNING_SECRET")
    return AsyncApp(
        client=client, process_before_response=True, logger=logger, signing_secret=secret
    )


def require(secret: SecretStr | None, name: str) -> str:
    """Return a secret's value. Raises `ConfigInvalid` that names it when it isn't set."""
    if secret is None:
        raise ConfigInvalid(
            f"Missing: {name}.",
            next_step=f"Set it in the environment, or a file's path in {name}_FILE.",
        )
    return secret.get_secret_value()
