"""`cancel`: stop a deploy before its change is sent; after that, offer to go back."""

from deploy_core.model.deploys import Stop
from deploy_core.model.errors import AlreadySent
from deploy_core.model.states import TargetState
from handlers.cards.answers import already_sent
from handlers.commands import Cancel
from handlers.desk import Ask, Desk
from handlers.text.answers import stopping
from handlers.verbs.find import find_deploy


async def cancel(desk: Desk, ask: Ask, command: Cancel) -> None:
    """Cancel the deploy meant. Raises `UnknownDeploy`, `NotAllowed`, `AlreadyEnded`."""
    deploy = await find_deploy(desk, ask, command, running=True)
    try:
        await desk.engine.stop(deploy.id, Stop.CANCEL, ask.by, location=command.location)
    except AlreadySent:
        now = await desk.store.deploys.get(deploy.id)
        if any(target.state is TargetState.PUTTING_BACK for target in now.targets):
            raise  # its own words say it: there is nothing to offer
        await desk.private(ask, already_sent(now))
        return
    await desk.say(ask, stopping(deploy.id, Stop.CANCEL))
