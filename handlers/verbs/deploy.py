"""`deploy` and `redeploy`: plan, write, and let the worker run it."""

from deploy_core.model.deploys import Deploy as DeployRow
from deploy_core.model.deploys import Place
from deploy_core.model.plan import DeployRequest
from handlers.cards.answers import open_form_message
from handlers.commands import Deploy, OpenDeployForm, Redeploy, render, request
from handlers.desk import Ask, Desk
from handlers.forms import open_deploy_form
from handlers.text.answers import card_elsewhere, card_in_direct_message


async def deploy(desk: Desk, ask: Ask, command: Deploy) -> None:
    """Start a deploy. Raises what `Engine.start` raises."""
    await start(desk, ask, request(command, ask.by))


async def redeploy(desk: Desk, ask: Ask, command: Redeploy) -> None:
    """Send the live document again. Raises what `Engine.start` raises."""
    await start(desk, ask, request(command, ask.by))


async def open_form(desk: Desk, ask: Ask, command: OpenDeployForm) -> None:
    """Open the form, or offer a button that does where Slack gave no trigger."""
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(render(command)))
        return
    await open_deploy_form(desk, ask, command)


async def start(desk: Desk, ask: Ask, wanted: DeployRequest) -> DeployRow:
    """Start what was asked for, with its card where it can be; the person is told where, if
    it isn't here."""
    plan = await desk.engine.plan(wanted)
    place = await _place(desk, ask, plan.deployment)
    started = await desk.engine.start_plan(plan, wanted, place=place, origin=ask.key)
    if place.channel != ask.channel:
        direct = place.channel.startswith("D")
        said = card_in_direct_message() if direct else card_elsewhere(place.channel, None)
        await desk.say(ask, said)
    return started


async def _place(desk: Desk, ask: Ask, deployment: str) -> Place:
    """The channel of the command, else the deployment's home channel, else direct messages."""
    if await desk.slack.may_post(ask.channel):
        return Place(channel=ask.channel)
    home = desk.settings.deployments[deployment].home_channel
    if home is not None and await desk.slack.may_post(home):
        return Place(channel=home)
    return Place(channel=await desk.slack.direct(ask.by.id))
