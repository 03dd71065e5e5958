"""`add-location … --in PROJECT`: a code location on its way into a repository, and its buttons."""

from deploy_core.model.proposals import ProposalRequest
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.scaffold.directory import with_new_directory
from handlers import actions
from handlers.desk import Ask, Desk
from handlers.location_commands import AddLocation
from handlers.verbs.start import place_of, say_where


async def propose(desk: Desk, ask: Ask, command: AddLocation) -> None:
    """Bring a location into a project's repository.

    The same payload does it once. Raises what `with_new_directory` and `Proposer.propose` raise,
    and `SlackError`.
    """
    deployment, _ = deployment_named(desk.settings, command.deployment)
    require_may_deploy(desk.settings, deployment, ask.by)
    request = command.request(deployment, ask.by)
    if command.new:
        request = await with_new_directory(request, desk.settings, desk.maker, desk.serverless)
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
