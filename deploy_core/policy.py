"""Who may change which deployment."""

from collections.abc import Mapping

from deploy_core.model.errors import NotAllowed, UnknownDeployment, UnknownProject
from deploy_core.model.people import Actor
from deploy_core.settings import CoreSettings, DeploymentSettings, ProjectSettings


def deployment_named(settings: CoreSettings, name: str | None) -> tuple[str, DeploymentSettings]:
    """Return the deployment of this name, or the default one. Raises `UnknownDeployment`."""
    chosen = name or settings.default_deployment or next(iter(settings.deployments))
    known: Mapping[str, DeploymentSettings] = settings.deployments
    if chosen not in known:
        raise UnknownDeployment(
            f"There is no deployment {chosen} in the configuration.", choices=tuple(known)
        )
    return chosen, known[chosen]


def project_named(settings: CoreSettings, name: str) -> ProjectSettings:
    """Return the project of this name. Raises `UnknownProject`."""
    projects = settings.projects
    if name not in projects:
        raise UnknownProject(f"There is no project {name}.", choices=tuple(sorted(projects)))
    return projects[name]


def require_may_deploy(settings: CoreSettings, deployment: str, actor: Actor) -> None:
    """Raise `NotAllowed` unless the person is listed; an empty list means that nobody is. The
    medic may where it is set, which no person can be: Slack and the terminal name theirs."""
    name, found = deployment_named(settings, deployment)
    if actor.kind == "bot":
        if found.medic is None:
            raise NotAllowed(f"Nothing is redeployed by itself on {name}: `medic` isn't set.")
        return
    if not found.may_deploy:
        raise NotAllowed(
            f"Nobody may deploy to {name}: its `may_deploy` list is empty.",
            next_step="Have somebody add people to `may_deploy` in the configuration.",
        )
    if actor.key not in found.may_deploy:
        raise NotAllowed(f"You may not deploy to {name}.")
