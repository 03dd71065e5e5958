"""The form of a code location: opened at once, filled when Dagster+ has answered, carried out."""

from collections.abc import Mapping

from deploy_core.endings import all_of
from deploy_core.model.documents import clean
from deploy_core.model.errors import DagsterPlusError, DeployError, PayloadInvalid, UsageError
from deploy_core.model.plan import DeployKind, DeployRequest
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.sources.location_fields import fields_of
from deploy_core.status import unknown_location
from handlers.blocks import Block
from handlers.cards.answers import open_form_message
from handlers.commands import typed
from handlers.desk import Ask, Desk
from handlers.location_commands import AddLocation, EditLocation, OpenAddForm
from handlers.location_form import Described, Offer, fits, location_form
from handlers.modals import loading_view, problem_view
from handlers.text import location_form as text
from handlers.verbs.propose import propose
from handlers.verbs.start import start


async def open_add_form(desk: Desk, ask: Ask, command: OpenAddForm) -> None:
    """Open the form, with what was typed. Raises `UnknownDeployment`, `SlackError`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    if ask.trigger_id is None:
        await desk.private(ask, open_form_message(typed(command), text.opens_a_form()))
        return
    view = await desk.slack.open_view(ask.trigger_id, loading_view(text.ADD_TITLE, text.LOADING))
    offer = await _offer(
        desk,
        ask,
        deployment,
        name=str(command.document.get("location_name", "")),
        typed=fields_of(command.document),
        why=command.why or "",
        project=command.project or "",
        new=command.new,
    )
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
    offer = await _offer(desk, ask, deployment, name=name, edits=True, typed=filled)
    return location_form(offer)


async def open_described(
    desk: Desk, ask: Ask, trigger_id: str, said: Described, problem: str
) -> None:
    """Open a form that was refused once more, with what was typed. Raises `SlackError`."""
    title = text.EDIT_TITLE if said.edits else text.ADD_TITLE
    view = await desk.slack.open_view(trigger_id, loading_view(title, text.LOADING))
    offer = await _offer(
        desk,
        ask,
        said.deployment,
        name=said.name,
        edits=said.edits,
        typed=said.typed,
        why=said.why,
        problem=problem,
        project=said.project,
        new=said.new,
    )
    await desk.slack.update_view(view, location_form(offer))


async def put_described(desk: Desk, ask: Ask) -> None:
    """Add or update what a form describes. Raises `PayloadInvalid`, and what `start` raises."""
    said = Described.read(ask.value)
    if said is None:
        raise PayloadInvalid("Slack sent a form that can't be read.")
    wanted = DeployRequest(
        kind=DeployKind.ADD,
        actor=ask.by,
        locations=(said.name,),
        deployment=said.deployment,
        document=said.document,
        whole=said.edits,
        why=said.why or None,
    )
    if said.project:
        into = AddLocation(said.document, said.deployment, said.why or None, said.project, said.new)
        await propose(desk, ask, into)
    else:
        await start(desk, ask, wanted)


async def _offer(
    desk: Desk,
    ask: Ask,
    deployment: str,
    *,
    name: str,
    typed: Mapping[str, str],
    edits: bool = False,
    why: str = "",
    problem: str = "",
    project: str = "",
    new: bool = False,
) -> Offer:
    names = tuple(desk.settings.deployments)
    served = await all_of(*(_queues(desk, each) for each in ([deployment] if edits else names)))
    return Offer(
        channel=ask.channel,
        deployments=names,
        deployment=deployment,
        queues=tuple(sorted({queue for queues in served for queue in queues})),
        projects=tuple(desk.settings.projects),
        project=project,
        new=new,
        name=name,
        edits=edits,
        typed=typed,
        why=why,
        problem=problem,
    )


async def _queues(desk: Desk, deployment: str) -> tuple[str, ...]:
    """Return the queues that live agents tell of; none where Dagster+ can't be asked."""
    try:
        agents = await desk.dagster.agents(deployment)
    except DagsterPlusError:
        return ()
    return tuple(queue for agent in agents if agent.running for queue in agent.queues or ())
