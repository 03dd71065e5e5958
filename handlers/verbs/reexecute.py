"""The button and the form that failed runs are executed again by."""

from deploy_core.model.errors import DeployError, PayloadInvalid
from deploy_core.policy import require_may_deploy
from handlers.blocks import Message
from handlers.desk import Ask, Desk
from handlers.modals import loading_view, problem_view
from handlers.reexecute_form import ToReexecute, reexecute_form
from handlers.text import reexecutions as text


async def open_reexecute_form(desk: Desk, ask: Ask, incident_id: int) -> None:
    """Show how many runs of which jobs would be executed again, in a form that asks which. Raises
    `NotAllowed`, `SlackError`."""
    incident = await desk.store.watching.incident(incident_id)
    if incident is not None:
        require_may_deploy(desk.settings, incident.deployment, ask.by)
    if ask.trigger_id is None:
        # After a crash: a window can no longer be opened by the click.
        await desk.private(ask, Message(text.PRESS_AGAIN))
        return
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.TITLE, text.LOADING))
    try:
        count = await desk.engine.to_reexecute(incident_id, ask.by)
    except DeployError as error:
        problem = problem_view(error.summary, error.next_step, text.TITLE)
        await desk.slack.update_view(view, problem)
        return
    if count.runs:
        await desk.slack.update_view(view, reexecute_form(count, channel=ask.channel))
    else:
        await desk.slack.update_view(view, problem_view(*text.nothing_left(count), text.TITLE))


async def reexecute_now(desk: Desk, ask: Ask) -> None:
    """Execute again what a form was submitted for. Its message and thread tell of it. Raises what
    `Engine.reexecute` raises."""
    about = ToReexecute.read(ask.value)
    if about is None:
        raise PayloadInvalid("Slack sent a form that can't be read.")
    await desk.engine.reexecute(about.incident, about.runs, ask.by, origin=ask.key)
