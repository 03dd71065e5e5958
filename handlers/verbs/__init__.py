"""One file a verb; this is the table of them."""

from typing import assert_never

from handlers.commands import (
    Cancel,
    Command,
    Deploy,
    Deploys,
    Help,
    Logs,
    OpenDeployForm,
    Redeploy,
    Rollback,
    Status,
)
from handlers.desk import Ask, Desk
from handlers.verbs.cancel import cancel
from handlers.verbs.deploy import deploy, open_form, redeploy
from handlers.verbs.deploys import deploys
from handlers.verbs.help import show_help
from handlers.verbs.logs import logs
from handlers.verbs.rollback import rollback
from handlers.verbs.status import status


async def run(desk: Desk, ask: Ask, command: Command) -> None:
    """Carry out a command. Raises `DeployError` for what can't be done."""
    match command:
        case Help():
            await show_help(desk, ask, command)
        case OpenDeployForm():
            await open_form(desk, ask, command)
        case Deploy():
            await deploy(desk, ask, command)
        case Redeploy():
            await redeploy(desk, ask, command)
        case Rollback():
            await rollback(desk, ask, command)
        case Cancel():
            await cancel(desk, ask, command)
        case Deploys():
            await deploys(desk, ask, command)
        case Logs():
            await logs(desk, ask, command)
        case Status():
            await status(desk, ask, command)
        case _:
            assert_never(command)
