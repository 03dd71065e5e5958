"""`new-project`: a whole repository, as a zip file or pushed into an empty one."""

import asyncio
from typing import Final

from deploy_core.model.errors import DeployError
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.scaffold.archive import zipped
from deploy_core.scaffold.options import AgentKind
from handlers.blocks import Block
from handlers.cards.answers import open_form_message
from handlers.cards.projects import project_message
from handlers.commands import typed
from handlers.desk import Ask, Desk
from handlers.location_form import Draft
from handlers.modals import loading_view, problem_view
from handlers.project_commands import NewProject, OpenProjectForm, project_options
from handlers.project_form import Offer, project_form
from handlers.text import projects as text
from handlers.verbs.start import place_of, say_where

AUTHOR: Final = "dagster-chatops"
"""The author of a new repository's first commit: Slack doesn't tell us people's addresses."""


async def open_project_form(desk: Desk, ask: Ask, command: OpenProjectForm) -> None:
    """Open the form. Raises `UnknownDeployment`, `SlackError`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command), text.opens_a_form()))
        return
    # A trigger lives three seconds, and Dagster+ may take longer.
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.TITLE, text.LOADING))
    try:
        drawn = await project_view(desk, ask.channel, deployment)
    except DeployError as error:
        drawn = problem_view(error.summary, error.next_step, text.TITLE)
    await desk.slack.update_view(view, drawn)


async def project_view(
    desk: Desk, channel: str, deployment: str, instead_of: Draft | None = None
) -> Block:
    """Return the form; `instead_of` is the form whose place it takes. Raises `DagsterPlusError`."""
    agent = await _agent(desk, deployment)
    known = desk.settings.scaffold
    offer = Offer(
        channel=channel,
        deployment=deployment,
        agent=agent,
        organization=desk.organization,
        ci=known.ci,
        image=known.image,
        may_push=bool(known.repositories),
        may_create=any(each.host is not None for each in known.repositories),
        instead_of=instead_of,
        projects=tuple(desk.settings.projects),
    )
    return project_form(offer)


async def new_project(desk: Desk, ask: Ask, command: NewProject) -> None:
    """Make a project, and hand it over or push it, into a repository that is created if need be.

    Raises what `ProjectMaker` raises, `DagsterPlusError`, `NotAllowed` for a push of somebody who
    may not deploy, and `SlackError`.
    """
    deployment, _ = deployment_named(desk.settings, command.deployment)
    if command.where is not None:
        require_may_deploy(desk.settings, deployment, ask.by)
        desk.maker.repository(command.where)
    if command.create is not None:
        desk.maker.creatable(command.create)
    agent = AgentKind(command.agent) if command.agent else await _agent(desk, deployment)
    known = desk.settings.scaffold
    options = project_options(
        command,
        agent=agent,
        deployment=deployment,
        organization=desk.organization,
        ci=known.ci,
        image=known.image,
    )
    files = await desk.maker.make(options)
    pushed = None
    if command.create is not None:
        await desk.maker.create(command.create, desk.hosts)
    if command.where is not None:
        commit = await desk.maker.push(files, command.where, AUTHOR)
        pushed = (command.where, commit)
    place = await place_of(desk, ask, deployment)
    message = project_message(options, files, ask.by, pushed=pushed)
    ts = await desk.slack.post(place.channel, message)
    if pushed is None:
        content = await asyncio.to_thread(zipped, files, options.location)
        await desk.slack.upload(
            place.channel,
            ts,
            name=f"{options.location}.zip",
            text=content,
            comment=text.zip_comment(options),
        )
    await say_where(desk, ask, place)


async def _agent(desk: Desk, deployment: str) -> AgentKind:
    return (
        AgentKind.SERVERLESS if await desk.serverless.serverless(deployment) else AgentKind.HYBRID
    )
