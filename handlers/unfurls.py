"""Addresses of Dagster+ that people post: what they lead to, as it is now, is shown under them."""

import html
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.dagster_plus.urls import DagsterPage, PageKind
from deploy_core.endings import all_of
from deploy_core.model.errors import DagsterPlusError, DeployError, UnknownLocation
from deploy_core.status import LocationStatus, named
from handlers import payloads
from handlers.blocks import Block
from handlers.cards.unfurls import deployment_unfurl, location_unfurl, run_unfurl
from handlers.desk import Desk
from handlers.payloads import Links

MOST_LINKS = 5
"""So many addresses of one message are looked up."""

_log = structlog.get_logger()


class Unfurls:
    """Looks up what addresses lead to. Nothing is kept of it: who lost it posts it again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def shared(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take addresses that somebody has posted."""
        links = payloads.links(body)
        await ack()
        if links is not None:
            self._desk.tasks.start(self._unfurl(links))

    async def _unfurl(self, links: Links) -> None:
        try:
            await self._desk.require_our_team(links.by)
            pages = {url: page for url in links.urls if (page := self._page(url)) is not None}
            wanted = list(pages.items())[:MOST_LINKS]
            shown = await all_of(*(self._blocks(page) for _, page in wanted))
            unfurls = {
                url: blocks for (url, _), blocks in zip(wanted, shown, strict=True) if blocks
            }
            if unfurls:
                await self._desk.slack.unfurl(links.where, unfurls)
        except DeployError as error:
            _log.warning("not_unfurled", reason=error.reason, said=error.summary)

    def _page(self, url: str) -> DagsterPage | None:
        return self._desk.dagster.page(html.unescape(url), self._desk.settings.deployments)

    async def _blocks(self, page: DagsterPage) -> list[Block]:
        """Return what is shown; nothing for what isn't there, or where Dagster+ can't be asked."""
        try:
            if page.kind is PageKind.RUN:
                return await self._run(page)
            now, status = self._desk.clock.now(), await self._desk.board.deployment(page.deployment)
            if page.kind is PageKind.DEPLOYMENT:
                return deployment_unfurl(status, now=now)
            found = named(status, page.name, {})
            one = found if isinstance(found, LocationStatus) else None
            return [] if one is None else location_unfurl(status, one, now=now)
        except (DagsterPlusError, UnknownLocation):
            return []

    async def _run(self, page: DagsterPage) -> list[Block]:
        run = await self._desk.dagster.run(page.deployment, page.name)
        if run is None:
            return []
        error = None
        if run.status == "FAILURE":
            error = await self._desk.dagster.run_error(page.deployment, run.id)
        return run_unfurl(run, error, page.deployment, now=self._desk.clock.now())
