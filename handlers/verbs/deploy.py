"""`deploy`, `add-location` and `redeploy`."""

from handlers.cards.answers import open_form_message
from handlers.commands import Deploy, OpenDeployForm, Redeploy, request, typed
from handlers.desk import Ask, Desk
from handlers.forms import open_deploy_form
from handlers.location_commands import AddLocation
from handlers.verbs.propose import propose
from handlers.verbs.start import start


async def deploy(desk: Desk, ask: Ask, command: Deploy) -> None:
    """Start a deploy. Raises what `start` raises."""
    await start(desk, ask, request(command, ask.by))


async def add_location(desk: Desk, ask: Ask, command: AddLocation) -> None:
    """Add a location, or update it: at once, or by a pull request to a project. Raises what
    `start` and `propose` raise."""
    if command.project is not None:
        await propose(desk, ask, command)
        return
    await start(desk, ask, request(command, ask.by))


async def redeploy(desk: Desk, ask: Ask, command: Redeploy) -> None:
    """Send the live document again. Raises what `start` raises."""
    await start(desk, ask, request(command, ask.by))


async def open_form(desk: Desk, ask: Ask, command: OpenDeployForm) -> None:
    """Open the form, or offer a button that does where Slack gave no trigger."""
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command)))
    else:
        await open_deploy_form(desk, ask, ask.trigger_id, command)
