"""`dagster-chatops status`: what is live, and what is broken."""

from rich.markup import escape
from rich.table import Table

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console
from bot.settings import BotSettings
from bot.wiring import open_core
from deploy_core.live import read_live
from deploy_core.policy import deployment_named


async def show_status(
    settings: BotSettings, location: str | None, deployment: str | None
) -> ExitCode:
    """Print a line a location. Returns `FAILED` when one of them isn't loaded."""
    name, _ = deployment_named(settings.core, deployment)
    async with open_core(settings, kind="cli") as core:
        lines = await read_live(core.services.dagster, name, location)
    table = Table(title=f"Deployment {name}", title_justify="left")
    for column in ("Location", "State", "Version"):
        table.add_column(column)
    for line in lines:
        table.add_row(escape(line.location), line.state, escape(line.version.label))
    console.print(table)
    return ExitCode.GOOD if all(line.loaded for line in lines) else ExitCode.FAILED
