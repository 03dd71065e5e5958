"""`dagster-chatops add-location --in PROJECT`: a pull request, opened from the terminal."""

import asyncio
import uuid

from rich.markup import escape

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console, errors, person
from bot.settings import BotSettings
from bot.wiring import Core, open_core
from deploy_core.model.errors import AlreadyProposed, UsageError
from deploy_core.model.proposals import (
    BEFORE_OPEN,
    Problem,
    Proposal,
    ProposalRequest,
    ProposalState,
)
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.scaffold.directory import with_new_directory
from handlers.location_commands import AddLocation

LOOK_SECONDS = 0.2
_S = ProposalState
LEFT = "It is written down: the running bot goes on with it, and so does the same command."


async def propose_location(
    settings: BotSettings, command: AddLocation, *, plan_only: bool
) -> ExitCode:
    """Bring a location as far as its pull request, step by step; the running bot sees to the rest.

    The same command again goes on with what it has begun. Raises `UsageError` for `plan_only`, and
    what `with_new_directory` and `Proposer.propose` raise.
    """
    if plan_only:
        raise UsageError(
            "--plan has no place with --in: nothing goes live before the pull request is merged.",
            next_step="Leave it out, and look at the pull request.",
        )
    deployment, _ = deployment_named(settings.core, command.deployment)
    home = settings.core.deployments[deployment].home_channel or ""
    async with open_core(settings, kind="cli") as core:
        request = command.request(deployment, person())
        require_may_deploy(settings.core, deployment, request.actor)
        if command.new:
            facts = core.services.serverless
            request = await with_new_directory(request, settings.core, core.maker, facts)
        begun = await _begun(core, request, home)
        try:
            found = await _brought_on(core, begun.id)
        except asyncio.CancelledError:
            console.print(LEFT)
            raise
    if found.problem is not None and found.problem.stuck:
        _print_problem(found.problem)
        errors.print("The same command once more goes on from there.")
        return ExitCode.FAILED
    for line in next_lines(found):
        console.print(escape(line), soft_wrap=True)
    return ExitCode.FAILED if found.state in {_S.CLOSED, _S.DISCARDED} else ExitCode.GOOD


async def _begun(core: Core, request: ProposalRequest, channel: str) -> Proposal:
    try:
        return await core.proposer.propose(request, channel=channel, origin=f"cli:{uuid.uuid4()}")
    except AlreadyProposed:
        going = await core.store.proposals.going(request.project, request.location)
        if going is None or going.request.digest != request.digest:
            raise
        return going


async def _brought_on(core: Core, proposal_id: int) -> Proposal:
    """Return it when its pull request is open, or when a person is needed. The bot may be as quick
    with a step as we are; what passes is tried again."""
    said: list[str] = []
    hindered: Problem | None = None
    while True:
        await core.proposer.advance(proposal_id)
        found = await core.store.proposals.get(proposal_id)
        for line in step_lines(found)[len(said) :]:
            console.print(escape(line), soft_wrap=True)
            said.append(line)
        problem = found.problem
        if found.state not in BEFORE_OPEN or (problem is not None and problem.stuck):
            return found
        if problem is not None and problem != hindered:
            hindered = problem
            _print_problem(problem)
            errors.print("It is tried again by itself; Ctrl-C leaves that to the running bot.")
        await core.services.clock.sleep(LOOK_SECONDS)


def step_lines(found: Proposal) -> list[str]:
    """Return a line for each step that is finished, up to the pull request."""
    project = found.request.project
    lines = []
    if found.commit_sha is not None:
        lines.append(f"Committed {found.commit_sha[:7]} on {found.branch}")
    if found.state not in {_S.NEW, _S.COMMITTED, _S.DISCARDED}:
        lines.append(f"Pushed {found.branch} to {project}")
    if found.url is not None:
        lines.append(f"Opened pull request {found.number} into {found.base}: {found.url}")
    return lines


def next_lines(found: Proposal) -> list[str]:
    """Return what happens next, or how it has ended meanwhile."""
    request, name = found.request, found.request.location
    deploy = f"dagster-chatops deploy {request.project}:{name} --to {request.deployment}"
    return {
        _S.OPEN: [
            f"When it is merged, the running bot sees {name} live on {request.deployment}.",
        ],
        _S.BRANCH_ONLY: [
            f"No git host is configured for {request.project}: open a pull request of the branch.",
            f"When it is merged: {deploy}",
        ],
        _S.MERGED: [f"It is merged; the running bot deploys {name} to {request.deployment}."],
        _S.FOLLOWING: [f"It is merged; the repository's CI deploys it to {request.deployment}."],
        _S.DEPLOYED: [f"It is merged; deploy {found.deploy_id} puts it live."],
        _S.LIVE: [f"It is merged, and {name} is live on {request.deployment}."],
        _S.CLOSED: ["It was closed without a merge: nothing is deployed."],
        _S.DISCARDED: ["It was given up: nothing is deployed."],
    }.get(found.state, [])


def _print_problem(problem: Problem) -> None:
    errors.print(f"[bold red]{escape(problem.summary)}[/] [dim]({problem.reason})[/]")
    errors.print(escape(problem.next_step))
