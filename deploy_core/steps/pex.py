"""The steps of a Serverless location: its PEX files, and the document that names them."""

from pathlib import Path

from deploy_core.artifacts.pex_builds import BuiltPex, PexOrder
from deploy_core.artifacts.pex_plans import pex_metadata
from deploy_core.model.errors import ConfigInvalid, DeployError, PexMissing
from deploy_core.model.plan import Document, StepName
from deploy_core.progress import progress_noted
from deploy_core.services import Output, Run, Services


async def build_pex(services: Services, run: Run) -> Output:
    """Build the PEX files as far as there are none of the same content. Raises `ArtifactError`."""
    plan, folder = run.target.plan, run.outputs[StepName.CHECKOUT].get("folder")
    commit = plan.version.commit
    if plan.pex is None or commit is None or not isinstance(folder, str):
        raise ConfigInvalid(f"The project {plan.project} is no longer in the configuration.")
    order = PexOrder(
        deployment=run.deployment,
        location=run.location,
        checkout=Path(folder),
        sha=commit,
        plan=plan.pex,
    )
    async with progress_noted(services, run.claim, StepName.BUILD_PEX) as progress:
        built = await services.pex.build(
            order,
            progress,
            lambda text: services.store.build_logs.keep(run.claim.target_id, text),
        )
    return built.model_dump(mode="json")


async def upload_pex(services: Services, run: Run) -> Output:
    """Bring the files to Dagster+ unless it has them. Raises `ArtifactError`."""
    built = BuiltPex.model_validate(run.outputs[StepName.BUILD_PEX])
    async with progress_noted(services, run.claim, StepName.UPLOAD_PEX) as progress:
        sent = await services.pex.upload(run.deployment, built, progress)
    return {"pex_tag": built.tag, "bytes_sent": sent}


async def pex_there(services: Services, deployment: str, document: Document) -> None:
    """Raise `PexMissing` when files that the document names are nowhere any more. A storage that
    can't be asked stops nothing: the agent reads it by another way."""
    metadata = document.get("pex_metadata")
    tag = metadata.get("pex_tag") if isinstance(metadata, dict) else None
    if not isinstance(tag, str):
        return
    try:
        await services.pex.still_there(deployment, tag)
    except PexMissing:
        raise
    except DeployError:
        return


def with_pex(run: Run, document: Document) -> Document:
    """Return the document with the files that this deploy has uploaded, if it has."""
    tag = run.outputs.get(StepName.UPLOAD_PEX, {}).get("pex_tag")
    plan = run.target.plan.pex
    if plan is None or not isinstance(tag, str):
        return document
    image = document.get("image")
    base = image if isinstance(image, str) else None
    return {**document, "pex_metadata": pex_metadata(tag, plan.python_version, base)}
