"""The app's Home tab: shown when it is opened, and renewed for those who have it open."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.endings import all_of
from deploy_core.model.errors import DagsterPlusError, DeployError
from deploy_core.model.people import Actor
from handlers import payloads
from handlers.cards.home import Page, Side, home_page
from handlers.desk import Desk
from handlers.slack_errors import SlackRefused
from handlers.text import home as text

LOOKS_FOR_SECONDS = 600.0
"""For so long after it was opened it is renewed: Slack doesn't say when it is closed."""

ASK_SECONDS = 3.0
"""So long Dagster+ is waited for; the tab is renewed when it has answered."""

MOST_READERS = 200
"""For so many it is renewed, those who have opened it last."""

_log = structlog.get_logger()


@dataclass
class _Reader:
    """Who has opened the tab; `opened` on the steady clock, `same` of what they were shown."""

    actor: Actor
    opened: float
    same: str = ""


class Home:
    """One per process: it renews what was opened through it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._readers: dict[str, _Reader] = {}
        self._changed = True
        desk.store.database.on_commit.append(self._note)

    def _note(self) -> None:
        self._changed = True

    async def opened(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the opening of the tab. Nothing is kept of it: who lost it opens it again."""
        actor = payloads.home_opened(body)
        await ack()
        if actor is not None:
            self._desk.tasks.start(self._open(actor))

    async def _open(self, actor: Actor) -> None:
        try:
            await self._desk.require_our_team(actor)
            reader = _Reader(actor, self._desk.clock.monotonic())
            self._readers.pop(actor.id, None)
            self._readers[actor.id] = reader
            while len(self._readers) > MOST_READERS:
                del self._readers[next(iter(self._readers))]
            await self._show([reader], ask=True)
        except DeployError as error:
            _log.warning("home_not_shown", reason=error.reason, said=error.summary)

    async def renew(self) -> None:
        """Show what has changed to those who have opened it lately; mostly nobody has."""
        oldest = self._desk.clock.monotonic() - LOOKS_FOR_SECONDS
        for user in [user for user, each in self._readers.items() if each.opened < oldest]:
            del self._readers[user]
        if not self._readers or not self._changed:
            return
        self._changed = False
        try:
            await self._show(list(self._readers.values()), ask=False)
        except DeployError as error:
            self._changed = True
            _log.warning("home_not_renewed", reason=error.reason, said=error.summary)

    async def _show(self, readers: list[_Reader], *, ask: bool) -> None:
        desk = self._desk
        names = list(desk.settings.deployments)
        sides = await all_of(*(self._side(each, ask=ask) for each in names))
        running = await desk.store.deploys.running()
        kept = await desk.store.subscriptions.all()
        for reader in readers:
            page = await asyncio.to_thread(
                home_page, sides, running, kept, reader=reader.actor.key, now=desk.clock.now()
            )
            if page.same != reader.same:
                await self._publish(reader, page)

    async def _publish(self, reader: _Reader, page: Page) -> None:
        try:
            await self._desk.slack.publish_home(reader.actor.id, page.view)
        except SlackRefused as error:
            _log.error("home_refused", said=error.summary, detail=error.detail)
            self._readers.pop(reader.actor.id, None)  # it would be no better the next time
        else:
            reader.same = page.same

    async def _side(self, deployment: str, *, ask: bool) -> Side:
        read = self._desk.board.deployment if ask else self._desk.board.known
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return Side(deployment, await read(deployment))
        except DagsterPlusError as error:
            return Side(deployment, None, error.summary)
        except TimeoutError:
            return Side(deployment, None, text.SLOW)
