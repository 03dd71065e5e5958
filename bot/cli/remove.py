"""`dagster-chatops remove-location` and `restore-location`, without Slack."""

import sys
import uuid

from rich.markup import escape
from rich.prompt import Prompt
from rich.table import Table

from bot.cli.deploy import carry_out_in
from bot.cli.exit_codes import ExitCode
from bot.cli.output import console, person
from bot.settings import BotSettings
from bot.wiring import open_core
from deploy_core.model.documents import version_of
from deploy_core.policy import deployment_named
from deploy_core.removal import Going
from handlers.text.removals import RESTORED

NOT_CONFIRMED = "Nothing was removed. `--confirm {}` confirms without a question."


async def remove_location(
    settings: BotSettings, location: str, deployment: str | None, confirmed: str | None
) -> ExitCode:
    """Show what would go, ask for the name unless `confirmed` is it, remove, and see that it is
    gone. Raises what `Engine.going` and `Engine.remove` raise."""
    chosen, _ = deployment_named(settings.core, deployment)
    by = person()
    async with open_core(settings, kind="cli") as core:
        going = await core.engine.going(chosen, location, by)
        console.print(_going_table(going))
        typed = confirmed
        if typed is None and sys.stdin.isatty():
            typed = Prompt.ask("Type the name of the code location to remove it")
        if (typed or "").strip() != location:
            console.print(escape(NOT_CONFIRMED.format(location)))
            return ExitCode.CANCELLED
        origin = f"cli:{uuid.uuid4()}"
        await core.engine.remove(chosen, location, by, shown=going.shown, origin=origin)
    console.print(
        f"{escape(location)} was removed from {escape(chosen)}. `restore-location` brings it back."
    )
    return ExitCode.GOOD


async def restore_location(
    settings: BotSettings, location: str, deployment: str | None, why: str | None, *, yes: bool
) -> ExitCode:
    """Deploy what was removed. Raises what `Engine.restoring` raises."""
    chosen, _ = deployment_named(settings.core, deployment)
    by = person()
    async with open_core(settings, kind="cli") as core:
        request = await core.engine.restoring(chosen, location, by, why=why or RESTORED)
        return await carry_out_in(core, request, yes=yes, plan_only=False)


def _going_table(going: Going) -> Table:
    """Return what would go; "unknown" is what Dagster+ doesn't say."""
    table = Table(
        title=f"{escape(going.location)} on {escape(going.deployment)}",
        title_justify="left",
        show_header=False,
    )
    table.add_row("Version", escape(version_of(going.document).label))
    held = going.contents
    if held is None:
        table.add_row("Definitions", "unknown: it isn't loaded")
    else:
        table.add_row("Assets", str(held.assets))
        table.add_row("Jobs", _listed(held.jobs))
        table.add_row("Schedules that are on", _listed(held.schedules))
        table.add_row("Sensors that are on", _listed(held.sensors))
    runs = "unknown" if going.runs is None else _listed([run.job for run in going.runs])
    table.add_row("Runs in flight", runs)
    return table


def _listed(names: list[str]) -> str:
    return escape(", ".join(names)) or "none"
