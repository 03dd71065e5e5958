"""`dagster-chatops add-location --in PROJECT` and `adopt`: pull requests from the terminal."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from rich.markup import escape

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console, errors, person, print_error
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
from deploy_core.proposal_texts import BY_HAND
from handlers.location_commands import AddLocation, Adopt
from handlers.proposing import asked_to_add, asked_to_adopt

LOOK_SECONDS = 0.2
_S = ProposalState
LEFT = "It is written down: the running bot goes on with it, and so does the same command."


async def propose_location(
    settings: BotSettings, command: AddLocation, *, plan_only: bool
) -> ExitCode:
    """Bring a location as far as its pull request, step by step; the running bot sees to the rest.

    The same command again goes on with what it has begun. Raises `UsageError` for `plan_only`, and
    what `asked_to_add` and `Proposer.propose` raise.
    """
    if plan_only:
        raise UsageError(
            "--plan has no place with --in: nothing goes live before the pull request is merged.",
            next_step="Leave it out, and look at the pull request.",
        )

    async def asked(core: Core) -> ProposalRequest:
        facts = core.services.serverless
        return await asked_to_add(
            command, person(), settings=settings.core, maker=core.maker, facts=facts
        )

    return await _proposed(settings, asked)


async def adopt_location(settings: BotSettings, command: Adopt) -> ExitCode:
    """Bring what is live of a location as far as a pull request to the project, as
    `propose_location` does. Raises what `asked_to_adopt` and `Proposer.propose` raise."""

    async def asked(core: Core) -> ProposalRequest:
        await core.catalog.refresh()  # another project may have the location
        dagster = core.services.dagster
        return await asked_to_adopt(
            command, person(), settings=settings.core, dagster=dagster, catalog=core.catalog
        )

    return await _proposed(settings, asked)


async def _proposed(
    settings: BotSettings, asked: Callable[[Core], Awaitable[ProposalRequest]]
) -> ExitCode:
    async with open_core(settings, kind="cli") as core:
        request = await asked(core)
        home = settings.core.deployments[request.deployment].home_channel or ""
        begun = await _begun(core, request, home)
        for note in begun.request.notes:
            console.print(escape(note), soft_wrap=True)
        try:
            found = await _brought_on(core, begun.id)
        except asyncio.CancelledError:
            console.print(LEFT)
            raise
    if found.problem is not None and found.problem.stuck:
        print_error(found.problem)
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
            print_error(problem)
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
            *([BY_HAND] if found.by_hand else []),
            *(f"  {line}" for line in found.by_hand),
            f"When it is merged: {deploy}",
        ],
        _S.MERGED: [f"It is merged; the running bot deploys {name} to {request.deployment}."],
        _S.FOLLOWING: [f"It is merged; the repository's CI deploys it to {request.deployment}."],
        _S.DEPLOYED: [f"It is merged; deploy {found.deploy_id} puts it live."],
        _S.LIVE: [f"It is merged, and {name} is live on {request.deployment}."],
        _S.CLOSED: ["It was closed without a merge: nothing is deployed."],
        _S.DISCARDED: ["It was given up: nothing is deployed."],
    }.get(found.state, [])
