"""The form of a code location: opened at once, filled when Dagster+ has answered, carried out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from deploy_core.dagster_plus.values import AgentStatus
from deploy_core.endings import all_of
from deploy_core.model.documents import clean
from deploy_core.model.errors import DagsterPlusError, DeployError, PayloadInvalid, UsageError
from deploy_core.model.people import Actor
from deploy_core.model.plan import CodeOptions, DeployKind, DeployRequest
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.sources.location_fields import PLATFORM, fields_of
from deploy_core.status import unknown_location
from handlers import actions
from handlers.blocks import Block
from handlers.cards.answers import open_form_message
from handlers.commands import typed
from handlers.desk import Ask, Desk
from handlers.location_commands import AddLocation, EditLocation, OpenAddForm, each_deployment
from handlers.location_form import (
    DIRECTLY,
    PROJECT,
    REPOSITORY,
    Described,
    Draft,
    Offer,
    fits,
    location_form,
    read_draft,
)
from handlers.modals import loading_view, problem_view, read_metadata
from handlers.project_form import read_instead_of
from handlers.text import location_form as text
from handlers.verbs.projects import project_view
from handlers.verbs.propose import propose
from handlers.verbs.start import start_each

PLATFORM_OF_AGENT: Final = {
    "K8sUserCodeLauncher": "k8s",
    "DockerUserCodeLauncher": "docker",
    "EcsUserCodeLauncher": "ecs",
    "AcaUserCodeLauncher": "aca",
}
"""The platform of an agent, by the type that it tells of itself."""


async def open_add_form(desk: Desk, ask: Ask, command: OpenAddForm) -> None:
    """Open the form, with what was typed. Raises `UnknownDeployment`, `SlackError`."""
    said = each_deployment(command.deployment) if command.deployment else (None,)
    deployments = tuple(deployment_named(desk.settings, each)[0] for each in said)
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command), text.opens_a_form()))
        return
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.ADD_TITLE, text.LOADING))
    draft = Draft(
        deployments,
        str(command.document.get("location_name", "")),
        False,
        fields_of(command.document),
        way=f"{PROJECT}{command.project}" if command.project else DIRECTLY,
        why=command.why or "",
        new=command.new,
    )
    offer = await _offer(desk, ask.channel, draft, guess=True)
    await desk.slack.update_view(view, location_form(offer))


async def edit_location(desk: Desk, ask: Ask, command: EditLocation) -> None:
    """Open the form, filled from what is live. Raises `NotAllowed`, `UnknownDeployment`,
    `SlackError`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    require_may_deploy(desk.settings, deployment, ask.by)
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command), text.opens_a_form()))
        return
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.EDIT_TITLE, text.LOADING))
    await desk.slack.update_view(view, await _edit_view(desk, ask, deployment, command.name))


async def _edit_view(desk: Desk, ask: Ask, deployment: str, name: str) -> Block:
    try:
        documents = await desk.dagster.documents(deployment)
        if name not in documents:
            raise unknown_location(deployment, name, documents)
        filled = fields_of(clean(documents[name]))
        if not fits(filled):
            raise UsageError(f"{name} {text.TOO_LARGE}", next_step=text.TOO_LARGE_STEP)
    except DeployError as error:
        return problem_view(error.summary, error.next_step, text.EDIT_TITLE)
    draft = Draft((deployment,), name, True, filled)
    return location_form(await _offer(desk, ask.channel, draft))


async def redraw(desk: Desk, view: Mapping[str, Any]) -> None:
    """Draw an open form again, because a field has changed that others depend on. Raises
    `SlackError`."""
    channel = str(read_metadata(view).get("channel", ""))
    ours = view.get("callback_id") == actions.LOCATION_FORM
    draft = read_draft(view) if ours else read_instead_of(view)
    if draft is None:
        return
    drawn = await _drawn(desk, channel, draft)
    await desk.slack.update_view(str(view["id"]), drawn)


async def _drawn(desk: Desk, channel: str, draft: Draft) -> Block:
    if draft.way != REPOSITORY:
        return location_form(await _offer(desk, channel, draft))
    deployment, _ = deployment_named(desk.settings, next(iter(draft.deployments), None))
    try:
        return await project_view(desk, channel, deployment, draft)
    except DagsterPlusError as error:
        offer = await _offer(desk, channel, replace(draft, way=DIRECTLY))
        return location_form(replace(offer, problem=f"{error.summary} {error.next_step}"))


async def open_described(
    desk: Desk, ask: Ask, trigger_id: str, said: Described, problem: str
) -> None:
    """Open a form that was refused once more, with what was typed. Raises `SlackError`."""
    title = text.EDIT_TITLE if said.edits else text.ADD_TITLE
    view = await desk.slack.open_view(trigger_id, loading_view(title, text.LOADING))
    offer = await _offer(desk, ask.channel, said)
    await desk.slack.update_view(view, location_form(replace(offer, problem=problem)))


async def put_described(desk: Desk, ask: Ask) -> None:
    """Add or update what a form describes, on each deployment that was chosen. Raises
    `PayloadInvalid`, and what `start_each` and `propose` raise."""
    said = Described.read(ask.value)
    if said is None:
        raise PayloadInvalid("Slack sent a form that can't be read.")
    if said.project:
        into = AddLocation(
            said.document, said.deployments[0], said.why or None, said.project, said.new
        )
        await propose(desk, ask, into)
        return
    await start_each(desk, ask, _request(said, ask.by), said.deployments)


def _request(said: Described, by: Actor) -> DeployRequest:
    why = said.why or None
    if said.code_of:
        kept = {name: said.document.get(name) for name in ("attribute", "working_directory")}
        source = said.document["code_source"]
        code = {**(source if isinstance(source, dict) else {}), **kept, **said.built}
        return DeployRequest(
            kind=DeployKind.DEPLOY,
            actor=by,
            locations=(f"{said.code_of}:{said.name}",),
            code=CodeOptions.model_validate(code),
            why=why,
        )
    return DeployRequest(
        kind=DeployKind.ADD,
        actor=by,
        locations=(said.name,),
        document=said.document,
        whole=said.edits,
        why=why,
    )


async def _offer(desk: Desk, channel: str, draft: Draft, *, guess: bool = False) -> Offer:
    """Return what the form is drawn with. With `guess` the platform is that of the live agents,
    where nothing else was said."""
    names = tuple(desk.settings.deployments)
    about = draft.deployments if draft.edits else names
    found, serverless = await all_of(
        all_of(*(_agents(desk, each) for each in about)),
        all_of(*(_is_serverless(desk, each) for each in draft.deployments)),
    )
    agents = [agent for of_one in found for agent in of_one]
    platforms = {PLATFORM_OF_AGENT.get(agent.type or "") for agent in agents}
    guess = guess and not any(serverless) and len(platforms) == 1
    if guess and (platform := platforms.pop()) is not None:
        draft = replace(draft, typed={PLATFORM: platform, **draft.typed})
    return Offer(
        channel=channel,
        draft=draft,
        deployments=names,
        hybrid=not serverless or not all(serverless),
        serverless=any(serverless),
        queues=tuple(sorted({queue for agent in agents for queue in agent.queues or ()})),
        projects=tuple(desk.settings.projects),
    )


async def _agents(desk: Desk, deployment: str) -> list[AgentStatus]:
    """Return the live agents; none where Dagster+ can't be asked."""
    try:
        agents = await desk.dagster.agents(deployment)
    except DagsterPlusError:
        return []
    return [agent for agent in agents if agent.running]


async def _is_serverless(desk: Desk, deployment: str) -> bool:
    """Say whether Dagster runs the agents; where it can't be asked all fields are offered."""
    try:
        return await desk.serverless.serverless(deployment)
    except DagsterPlusError:
        return False
