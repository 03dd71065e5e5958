"""`rollback`: put back what was live before a deploy, as a deploy of its own."""

from handlers.commands import Rollback
from handlers.desk import Ask, Desk
from handlers.verbs.find import find_deploy
from handlers.verbs.start import start


async def rollback(desk: Desk, ask: Ask, command: Rollback) -> None:
    """Start the rollback. Raises `UnknownDeploy`, `NothingToGoBackTo`, `NotAllowed`."""
    deploy = await find_deploy(
        desk,
        ask,
        number=command.deploy,
        location=command.locations[0] if command.locations else None,
        deployment=command.deployment,
        running=False,
    )
    wanted = await desk.engine.back_behind(deploy.id, ask.by)
    changes = {"locations": command.locations, "why": command.why}
    await start(desk, ask, wanted.model_copy(update=changes))
