"""The one table of what the bot listens to; `manifest.yml` declares the same."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.errors import PayloadInvalid
from handlers import actions
from handlers.buttons import Buttons
from handlers.desk import Ask, Deal, Desk
from handlers.forms import Forms
from handlers.home import Home
from handlers.location_form import REDRAWN
from handlers.slash import Slash
from handlers.unfurls import Unfurls

Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]

_log = structlog.get_logger()

EVENTS = ("app_mention", "app_home_opened", "link_shared")
"""The events that the manifest subscribes to."""


def register(app: AsyncApp, desk: Desk, home: Home, command: str) -> Deal:
    """Register every listener. Each writes down what came, acknowledges, and hands over.

    Returns what carries out anything that was written down, for what a crash cut off.
    """
    slash = Slash(desk)
    buttons = Buttons(desk, slash.deal)
    forms = Forms(desk, slash.deal)
    app.command(command)(_readable(slash.command))
    app.event("app_mention")(_readable(slash.mention))
    app.event("app_home_opened")(_readable(home.opened))
    app.event("link_shared")(_readable(Unfurls(desk).shared))
    app.action(re.compile(r"^(deploy|command|form|incident|proposal)\."))(
        _readable(buttons.pressed)
    )
    for field in REDRAWN:
        app.action(field)(_readable(forms.changed))
    app.view(actions.DEPLOY_FORM)(_readable(forms.submitted))
    app.view(actions.LOCATION_FORM)(_readable(forms.location))
    app.view(actions.REMOVE_FORM)(_readable(forms.removal))
    app.view(actions.REEXECUTE_FORM)(_readable(forms.reexecution))
    app.view(actions.SUBSCRIBE_FORM)(_readable(forms.subscription))
    app.view(actions.PROJECT_FORM)(_readable(forms.project))
    app.options(re.compile(r".*"))(forms.options)
    app.action(re.compile(r".*"))(_ignore)

    async def deal(ask: Ask) -> None:
        if ask.action is not None and ask.action.startswith(actions.SENT):
            await forms.deal(ask)
        else:
            await (slash if ask.action is None else buttons).deal(ask)

    return deal


def _readable(listener: Listener) -> Listener:
    """A payload that can't be read is acknowledged: sent again it would be no better."""

    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            await listener(ack, body)
        except PayloadInvalid as error:
            _log.error("payload_refused", reason=error.reason, said=error.summary, why=error.detail)
            await ack()

    return listen


async def _ignore(ack: AsyncAck, body: dict[str, Any]) -> None:
    """Fields of forms report each change; only the submission counts."""
    del body
    await ack()
