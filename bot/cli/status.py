"""`dagster-chatops status`: what is live, and what is broken."""

import asyncio

from rich.markup import escape
from rich.table import Table

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console
from bot.settings import BotSettings
from bot.wiring import open_core
from deploy_core.policy import deployment_named
from deploy_core.status import LocationStatus, named
from deploy_core.watch.reading import Health

GIT_SECONDS = 10.0
"""How long the repositories are waited for; without them nothing is said of their branches."""


async def show_status(
    settings: BotSettings, location: str | None, deployment: str | None
) -> ExitCode:
    """Print a line a location. Returns `FAILED` when one of them isn't loaded."""
    chosen, _ = deployment_named(settings.core, deployment)
    async with open_core(settings, kind="cli") as core:
        reading = asyncio.create_task(core.readings.read(chosen))
        await asyncio.wait({asyncio.create_task(core.catalog.refresh())}, timeout=GIT_SECONDS)
        await reading
        status = await core.board.deployment(chosen)
        lines = status.locations
        if location is not None:
            found = named(status, location, core.catalog.known)
            lines = (found,) if isinstance(found, LocationStatus) else found
    table = Table(title=f"Deployment {chosen}", title_justify="left")
    for column in ("Location", "State", "Version", "By", "Behind"):
        table.add_column(column)
    for line in lines:
        table.add_row(
            escape(line.name), line.health.value, escape(line.seen.label), _by(line), _behind(line)
        )
    console.print(table)
    return ExitCode.GOOD if all(each.health is Health.LOADED for each in lines) else ExitCode.FAILED


def _by(line: LocationStatus) -> str:
    if line.change is None:
        return "outside the bot"
    return escape(f"{line.change.by.key}, deploy {line.change.deploy}")


def _behind(line: LocationStatus) -> str:
    return "" if line.drift is None or not line.drift.known else str(line.drift.behind)
