"""One file a verb; this is the table of them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from handlers.commands import (
    Agents,
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
from handlers.location_commands import (
    AddLocation,
    Adopt,
    EditLocation,
    OpenAddForm,
    RemoveLocation,
    RestoreLocation,
)
from handlers.project_commands import NewProject, OpenProjectForm
from handlers.subscription_commands import (
    MuteChannel,
    OpenSubscribeForm,
    Subscribe,
    Subscriptions,
    Unsubscribe,
)
from handlers.verbs.adopt import adopt
from handlers.verbs.agents import agents
from handlers.verbs.cancel import cancel
from handlers.verbs.deploy import add_location, deploy, open_form, redeploy
from handlers.verbs.deploys import deploys
from handlers.verbs.help import show_help
from handlers.verbs.location_form import edit_location, open_add_form
from handlers.verbs.logs import logs
from handlers.verbs.projects import new_project, open_project_form
from handlers.verbs.remove import remove_location, restore_location
from handlers.verbs.rollback import rollback
from handlers.verbs.status import status
from handlers.verbs.subscribe_form import open_subscribe_form
from handlers.verbs.subscriptions import mute, subscribe, subscriptions, unsubscribe

VERBS: Final[dict[type[Command], Callable[[Desk, Ask, Any], Awaitable[None]]]] = {
    Help: show_help,
    OpenDeployForm: open_form,
    Deploy: deploy,
    AddLocation: add_location,
    OpenAddForm: open_add_form,
    EditLocation: edit_location,
    RemoveLocation: remove_location,
    RestoreLocation: restore_location,
    Adopt: adopt,
    NewProject: new_project,
    OpenProjectForm: open_project_form,
    Redeploy: redeploy,
    Rollback: rollback,
    Cancel: cancel,
    Deploys: deploys,
    Logs: logs,
    Status: status,
    Agents: agents,
    Subscribe: subscribe,
    OpenSubscribeForm: open_subscribe_form,
    Unsubscribe: unsubscribe,
    Subscriptions: subscriptions,
    MuteChannel: mute,
}


async def run(desk: Desk, ask: Ask, command: Command) -> None:
    """Carry out a command. Raises `DeployError` for what can't be done."""
    await VERBS[type(command)](desk, ask, command)
