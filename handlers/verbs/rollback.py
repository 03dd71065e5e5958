"""`rollback`: put back what was live before a deploy, as a deploy of its own."""

from deploy_core.model.deploys import Deploy
from deploy_core.model.errors import UnknownDeploy
from deploy_core.model.states import WENT_LIVE
from deploy_core.policy import deployment_named
from handlers.commands import Rollback
from handlers.desk import Ask, Desk
from handlers.verbs.find import find_deploy
from handlers.verbs.start import start

LOOK_BACK = 50
"""How many deploys of a location are looked through for the last one that went live."""


async def rollback(desk: Desk, ask: Ask, command: Rollback) -> None:
    """Start the rollback. Raises `UnknownDeployment`, `UnknownDeploy`, `NothingToGoBackTo`,
    `NotAllowed`."""
    if command.locations and command.deploy is None:
        deploy = await _last_live(desk, command.locations[0], command.deployment)
    else:
        deploy = await find_deploy(desk, ask, command, running=False)
    wanted = await desk.engine.back_behind(deploy.id, ask.by)
    changes = {"locations": command.locations, "why": command.why}
    await start(desk, ask, wanted.model_copy(update=changes))


async def _last_live(desk: Desk, named: str, said: str | None) -> Deploy:
    """Return the last deploy that put this location live: one that failed changed nothing."""
    deployment, _ = deployment_named(desk.settings, said)
    location = named.rpartition(":")[2]
    recent = await desk.store.deploys.recent(
        deployment=deployment, location=location, most=LOOK_BACK
    )
    for deploy in recent:
        if any(t.location == location and t.state in WENT_LIVE for t in deploy.targets):
            return deploy
    raise UnknownDeploy(f"No deploy of {location} that went live on {deployment} is known here.")
