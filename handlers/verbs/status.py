"""`status`: what is live, what is broken, and who put it there."""

from deploy_core.model.errors import UnknownLocation
from deploy_core.policy import deployment_named
from deploy_core.status import LocationStatus, named
from handlers.cards.links import CardLinks
from handlers.cards.location import location_message
from handlers.cards.status import status_message
from handlers.commands import Status
from handlers.desk import Ask, Desk


async def status(desk: Desk, ask: Ask, command: Status) -> None:
    """Answer with a line a location, or with all about one. Raises `UnknownLocation`,
    `UnknownDeployment`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    command = Status(**{**vars(command), "deployment": deployment})
    links = CardLinks(dagster=desk.dagster.deployment_url(deployment))
    found = await desk.board.deployment(deployment)
    wanted = found.locations
    if command.name is not None:
        try:
            chosen = named(found, command.name, desk.catalog.known)
        except UnknownLocation:
            # It may be younger than what is known: only Dagster+ can say that it isn't there.
            found = await desk.board.deployment(deployment, now=True)
            chosen = named(found, command.name, desk.catalog.known)
        if isinstance(chosen, LocationStatus):
            detail = await desk.board.location(deployment, chosen.name)
            message = location_message(detail, links=links, now=desk.clock.now())
            await desk.answer(ask, message, here=command.here)
            return
        wanted = chosen
    message = status_message(found, wanted, command, links=links, now=desk.clock.now())
    await desk.answer(ask, message, here=command.here)
