"""`adopt`: what is live of a code location on its way into a project's repository."""

from handlers.desk import Ask, Desk
from handlers.location_commands import Adopt
from handlers.proposing import asked_to_adopt
from handlers.verbs.propose import send


async def adopt(desk: Desk, ask: Ask, command: Adopt) -> None:
    """Open the pull request that makes the project's file say what is live. The same payload does
    it once. Raises what `asked_to_adopt` and `Proposer.propose` raise, and `SlackError`."""
    made = await desk.store.proposals.made_from(ask.key)
    if made is not None:
        await send(desk, ask, made.request)
        return
    request = await asked_to_adopt(
        command, ask.by, settings=desk.settings, dagster=desk.dagster, catalog=desk.catalog
    )
    await send(desk, ask, request)
