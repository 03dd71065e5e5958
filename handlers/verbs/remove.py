"""`remove-location` and `restore-location`."""

from deploy_core.model.errors import DeployError, PayloadInvalid
from deploy_core.policy import deployment_named, require_may_deploy
from handlers import actions
from handlers.blocks import Message, command_button, confirm, section
from handlers.blocks import actions as row
from handlers.cards.answers import open_form_message
from handlers.commands import typed
from handlers.desk import Ask, Desk
from handlers.location_commands import RemoveLocation, RestoreLocation
from handlers.modals import loading_view, problem_view
from handlers.remove_form import ToRemove, remove_form
from handlers.text import removals as text
from handlers.text.status import BUTTONS
from handlers.verbs.start import place_of, start


async def remove_location(desk: Desk, ask: Ask, command: RemoveLocation) -> None:
    """Show what would go, in a form that asks for the name. Raises `NotAllowed`,
    `UnknownDeployment`, `SlackError`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    require_may_deploy(desk.settings, deployment, ask.by)
    if ask.trigger_id is None:
        line = text.ask_by_button(command.name)
        await desk.private(ask, open_form_message(typed(command), line))
        return
    # A trigger lives three seconds, and Dagster+ may take longer.
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.TITLE, text.LOADING))
    try:
        going = await desk.engine.going(deployment, command.name, ask.by)
    except DeployError as error:
        problem = problem_view(error.summary, error.next_step, text.TITLE)
        await desk.slack.update_view(view, problem)
        return
    await desk.slack.update_view(view, remove_form(going, channel=ask.channel))


async def remove_now(desk: Desk, ask: Ask) -> None:
    """Remove what a form was submitted for, and say so where deploys are told of.

    Raises what `Engine.remove` raises.
    """
    about = ToRemove.read(ask.value)
    if about is None:
        raise PayloadInvalid("Slack sent a form that can't be read.")
    await desk.engine.remove(
        about.deployment, about.location, ask.by, shown=about.shown, origin=ask.key
    )
    place = await place_of(desk, ask, about.deployment)
    await desk.slack.post(place.channel, _removed(about, ask))


def _removed(about: ToRemove, ask: Ask) -> Message:
    line = text.removed(about.location, about.deployment, ask.by)
    action = f"{actions.RUN}:restore"
    asked = confirm(
        text.RESTORE_TITLE, text.restore_asks(about.deployment), text.RESTORE, text.NOT_NOW
    )
    again = typed(RestoreLocation(about.location, about.deployment))
    buttons = command_button(BUTTONS[action], action, again, confirm=asked)
    return Message(line, blocks=[section(line), *([row(*buttons)] if buttons else [])])


async def restore_location(desk: Desk, ask: Ask, command: RestoreLocation) -> None:
    """Deploy what was removed. Raises what `Engine.restoring` and `start` raise."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    begun = await desk.store.deploys.made_from(ask.key) is not None
    why = command.why or text.RESTORED
    await start(
        desk,
        ask,
        await desk.engine.restoring(deployment, command.name, ask.by, why=why, begun=begun),
    )
