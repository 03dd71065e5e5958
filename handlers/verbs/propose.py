"""`add-location … --in PROJECT`: a code location on its way into a repository, and its buttons."""

from deploy_core.model.proposals import ProposalRequest
from handlers import actions
from handlers.desk import Ask, Desk
from handlers.location_commands import AddLocation
from handlers.proposing import asked_to_add
from handlers.verbs.start import place_of, say_where


async def propose(desk: Desk, ask: Ask, command: AddLocation) -> None:
    """Bring a location into a project's repository.

    The same payload does it once. Raises what `asked_to_add` and `Proposer.propose` raise, and
    `SlackError`.
    """
    request = await asked_to_add(
        command, ask.by, settings=desk.settings, maker=desk.maker, facts=desk.serverless
    )
    await send(desk, ask, request)


async def send(desk: Desk, ask: Ask, request: ProposalRequest) -> None:
    """Bring a request on its way, with its message where deploys are told of. The same payload
    does it once. Raises what `Proposer.propose` raises, and `SlackError`."""
    place = await place_of(desk, ask, request.deployment)
    proposal = await desk.proposer.propose(request, channel=place.channel, origin=ask.key)
    await say_where(desk, ask, place)
    await desk.proposer.advance(proposal.id)


async def press_proposal(desk: Desk, ask: Ask, proposal_id: int) -> None:
    """Do what a button of its message says. Raises what `again` and `discard` raise."""
    if ask.action == actions.AGAIN:
        await desk.proposer.again(proposal_id, ask.by)
    else:
        await desk.proposer.discard(proposal_id, ask.by)
