"""The one table of what the bot listens to; `manifest.yml` declares the same."""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from handlers import actions
from handlers.buttons import Buttons
from handlers.desk import Desk
from handlers.forms import Forms
from handlers.slash import Slash

EVENTS = ("app_mention",)
"""The events that the manifest subscribes to."""


def register(app: AsyncApp, desk: Desk, command: str) -> Slash:
    """Register every listener. Each writes down what came, acknowledges, and hands over."""
    slash = Slash(desk)
    buttons = Buttons(desk, slash)
    forms = Forms(desk)
    app.command(command)(slash.command)
    app.event("app_mention")(slash.mention)
    app.action(re.compile(r"^(deploy|command|form)\."))(buttons.pressed)
    app.view(actions.DEPLOY_FORM)(forms.submitted)
    app.options(re.compile(r".*"))(forms.options)
    app.action(re.compile(r".*"))(_ignore)
    return slash


async def _ignore(ack: AsyncAck, body: dict[str, Any]) -> None:
    """Fields of forms report each change; only the submission counts."""
    del body
    await ack()
