"""What is live of a code location, asked to be brought into a project's repository."""

from dataclasses import dataclass

from deploy_core.adoption import adopted
from deploy_core.catalog import Catalog
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import all_of
from deploy_core.model.errors import AlreadyInProject, FileNotFound
from deploy_core.model.people import Actor
from deploy_core.model.proposals import ProposalRequest
from deploy_core.policy import project_named, require_may_deploy
from deploy_core.settings import CoreSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.status import unknown_location


@dataclass(frozen=True)
class Wanted:
    """Who wants which location in which project; with `update` over what the file says of it."""

    location: str
    project: str
    deployment: str
    actor: Actor
    update: bool = False
    why: str | None = None


async def adopting(
    wanted: Wanted, *, settings: CoreSettings, dagster: DagsterPlus, catalog: Catalog
) -> ProposalRequest:
    """Return the change to the project's file after which it says what is live.

    Raises `NotAllowed`, `UnknownProject`, `UnknownLocation`, `AlreadyInProject`, what git raises,
    `FileInvalid` and `DagsterPlusError`.
    """
    require_may_deploy(settings, wanted.deployment, wanted.actor)
    project = project_named(settings, wanted.project)
    there, documents = await all_of(_in_file(catalog, wanted), dagster.documents(wanted.deployment))
    if wanted.location not in documents:
        raise unknown_location(wanted.deployment, wanted.location, documents)
    _require_free(catalog, wanted, there)
    live = documents[wanted.location]
    found = adopted(live, project, there)
    return ProposalRequest(
        project=wanted.project,
        location=wanted.location,
        deployment=wanted.deployment,
        entry=found.entry,
        actor=wanted.actor,
        why=wanted.why,
        leaves=found.leaves,
        notes=found.notes,
    )


async def _in_file(catalog: Catalog, wanted: Wanted) -> FileLocation | None:
    try:
        file = await catalog.read(wanted.project)
    except FileNotFound:
        return None  # it gets one
    return next((each for each in file.locations if each.name == wanted.location), None)


def _require_free(catalog: Catalog, wanted: Wanted, there: FileLocation | None) -> None:
    others = [
        project
        for project, names in catalog.known.items()
        if wanted.location in names and project != wanted.project
    ]
    if others:
        raise AlreadyInProject(f"{wanted.location} is in the project {others[0]} already.")
    if there is not None and not wanted.update:
        again = f"adopt {wanted.location} to {wanted.project} in {wanted.deployment} --update"
        raise AlreadyInProject(
            f"{wanted.location} is in the project {wanted.project} already.",
            next_step=f"Write what is live over what its file says with `/dagster {again}`.",
        )
