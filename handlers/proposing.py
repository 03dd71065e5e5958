"""What a command from Slack or from a terminal asks of a project's repository."""

from deploy_core.adopting import Wanted, adopting
from deploy_core.catalog import Catalog
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.model.people import Actor
from deploy_core.model.proposals import ProposalRequest
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.scaffold.directory import with_new_directory
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.settings import CoreSettings
from handlers.location_commands import AddLocation, Adopt


async def asked_to_add(
    command: AddLocation,
    by: Actor,
    *,
    settings: CoreSettings,
    maker: ProjectMaker,
    facts: ServerlessFacts,
) -> ProposalRequest:
    """Return what `add-location --in` asks for, with the files of a new directory.

    Raises `UnknownDeployment`, `NotAllowed` and what `with_new_directory` raises.
    """
    deployment, _ = deployment_named(settings, command.deployment)
    require_may_deploy(settings, deployment, by)
    request = command.request(deployment, by)
    if not command.new:
        return request
    return await with_new_directory(request, settings, maker, facts)


async def asked_to_adopt(
    command: Adopt,
    by: Actor,
    *,
    settings: CoreSettings,
    dagster: DagsterPlus,
    catalog: Catalog,
) -> ProposalRequest:
    """Return what `adopt` asks for. Raises `UnknownDeployment` and what `adopting` raises."""
    deployment, _ = deployment_named(settings, command.deployment)
    wanted = Wanted(
        location=command.name,
        project=command.project,
        deployment=deployment,
        actor=by,
        update=command.update,
        why=command.why,
    )
    return await adopting(wanted, settings=settings, dagster=dagster, catalog=catalog)
