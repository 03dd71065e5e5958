"""The steps of an image: it is found, or built and pushed."""

from pathlib import Path

from deploy_core.artifacts.build_recipe import recipe_for
from deploy_core.artifacts.docker_artifacts import Built
from deploy_core.model.errors import ArtifactError, ConfigInvalid, ImageNotFound
from deploy_core.model.plan import Document, StepName
from deploy_core.progress import progress_noted
from deploy_core.services import Output, Run, Services
from deploy_core.steps.pex import pex_there


async def find_image(services: Services, run: Run) -> Output:
    """Name the image that will run, and see that it is still there. Raises `ImageNotFound`."""
    image = run.target.plan.version.image
    if image is not None:
        await still_there(services, run.deployment, {"image": image})
    return {"image": image}


async def build(services: Services, run: Run) -> Output:
    """Build the image, unless there is one of the same content. Raises `ArtifactError`."""
    plan, folder = run.target.plan, run.outputs[StepName.CHECKOUT].get("folder")
    settings = services.settings.projects.get(plan.project or "")
    commit = plan.version.commit
    if plan.build is None or settings is None or commit is None or not isinstance(folder, str):
        raise ConfigInvalid(f"The project {plan.project} is no longer in the configuration.")
    recipe = recipe_for(
        plan.location,
        plan.build.directory,
        plan.build.repository,
        settings,
        serverless=plan.build.serverless,
    )
    await _log_in(services, run)
    async with progress_noted(services, run.claim, StepName.BUILD) as progress:
        built = await services.images.build(
            recipe,
            checkout=Path(folder),
            sha=commit,
            key=plan.build.key,
            on_progress=progress,
            on_log=lambda text: services.store.build_logs.keep(run.claim.target_id, text),
            rebuild=plan.build.rebuild,
        )
    return built.model_dump(mode="json")


async def push(services: Services, run: Run) -> Output:
    """Push the image unless the registry has it, and name it by its digest. Raises
    `ArtifactError`."""
    built = Built.model_validate(run.outputs[StepName.BUILD])
    await _log_in(services, run)
    async with progress_noted(services, run.claim, StepName.PUSH) as progress:
        pushed = await services.images.push(built, progress)
    known = {"image": pushed.image, "pushed": built.digest is None}
    return {**pushed.model_dump(mode="json"), **known}


async def _log_in(services: Services, run: Run) -> None:
    """Dagster's own registry takes a log-in that lasts some hours: a fresh one for each step."""
    if run.target.plan.build is not None and run.target.plan.build.serverless:
        services.images.log_in(await services.serverless.registry(run.deployment))


async def still_there(services: Services, deployment: str, document: Document) -> None:
    """Raise `ImageNotFound` when the registry says that the document's image is gone, `PexMissing`
    when its PEX files are. A registry that can't be asked stops nothing: the agent has credentials
    of its own."""
    await pex_there(services, deployment, document)
    image = document.get("image")
    if not isinstance(image, str):
        return
    try:
        await services.images.find(image)
    except ImageNotFound:
        raise
    except ArtifactError:
        return
