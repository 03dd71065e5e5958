"""`adopt`: what is live of a code location on its way into a project's repository."""

from deploy_core.adopting import Wanted, adopting
from deploy_core.policy import deployment_named
from handlers.desk import Ask, Desk
from handlers.location_commands import Adopt
from handlers.verbs.propose import send


async def adopt(desk: Desk, ask: Ask, command: Adopt) -> None:
    """Open the pull request that makes the project's file say what is live. The same payload does
    it once. Raises what `adopting` and `Proposer.propose` raise, and `SlackError`."""
    made = await desk.store.proposals.made_from(ask.key)
    if made is not None:
        await send(desk, ask, made.request)
        return
    deployment, _ = deployment_named(desk.settings, command.deployment)
    wanted = Wanted(
        location=command.name,
        project=command.project,
        deployment=deployment,
        actor=ask.by,
        update=command.update,
        why=command.why,
    )
    request = await adopting(
        wanted, settings=desk.settings, dagster=desk.dagster, catalog=desk.catalog
    )
    await send(desk, ask, request)
