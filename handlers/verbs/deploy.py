"""`deploy`, `add-location` and `redeploy`."""

from handlers.cards.answers import open_form_message
from handlers.commands import Deploy, OpenDeployForm, Redeploy, request, typed
from handlers.desk import Ask, Desk
from handlers.forms import open_deploy_form
from handlers.location_commands import AddLocation, each_deployment
from handlers.verbs.propose import propose
from handlers.verbs.start import start, start_each


async def deploy(desk: Desk, ask: Ask, command: Deploy) -> None:
    """Start a deploy. Raises what `start` raises."""
    await start(desk, ask, request(command, ask.by))


async def add_location(desk: Desk, ask: Ask, command: AddLocation) -> None:
    """Add a location, or update it: at once, on one deployment or several, or by a pull request to
    a project. Raises what `start_each` and `propose` raise."""
    wanted = request(command, ask.by)
    if command.project is not None:
        await propose(desk, ask, command)
    elif command.deployment is not None:
        await start_each(desk, ask, wanted, each_deployment(command.deployment))
    else:
        await start(desk, ask, wanted)


async def redeploy(desk: Desk, ask: Ask, command: Redeploy) -> None:
    """Send the live document again. Raises what `start` raises."""
    await start(desk, ask, request(command, ask.by))


async def open_form(desk: Desk, ask: Ask, command: OpenDeployForm) -> None:
    """Open the form, or offer a button that does where Slack gave no trigger."""
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command)))
    else:
        await open_deploy_form(desk, ask, ask.trigger_id, command)
