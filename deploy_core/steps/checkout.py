"""The step that brings the code to a folder."""

from deploy_core.model.errors import ConfigInvalid
from deploy_core.services import Output, Run, Services


async def checkout(services: Services, run: Run) -> Output:
    """Make the checkout that the agent will read."""
    plan = run.target.plan
    if plan.project is None or plan.version.commit is None:
        return {}
    settings = services.settings.projects.get(plan.project)
    if settings is None:
        raise ConfigInvalid(f"The project {plan.project} is no longer in the configuration.")
    folder = await services.mirrors.checkout(plan.project, settings, plan.version.commit)
    return {"folder": str(folder)}
