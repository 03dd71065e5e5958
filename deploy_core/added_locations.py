"""The plan of a location that a person says in full or in part, new or over what is live."""

from deploy_core.artifacts.documents import full_image, repository_of
from deploy_core.artifacts.plans import ArtifactPlans
from deploy_core.catalog import Catalog
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.model.adding import in_place_of, require_code_source, require_name, with_said
from deploy_core.model.documents import clean
from deploy_core.model.errors import ImageMissing
from deploy_core.model.plan import DeployRequest, StepName, TargetPlan
from deploy_core.settings import DeploymentSettings
from deploy_core.store.store import Store
from deploy_core.target_plans import LAST_STEPS, Now, plan_of_document

NO_IMAGE = "No image is named: only an agent that has the code on its own machine can load this."


async def plan_added(
    request: DeployRequest,
    name: str,
    deployment: DeploymentSettings,
    now: Now,
    *,
    artifacts: ArtifactPlans,
    catalog: Catalog,
    store: Store,
    serverless: ServerlessFacts,
) -> TargetPlan:
    """Return the plan for the request's document on the deployment of this `name`.

    Raises `LocationNameInvalid`, `CodeSourceInvalid`, `ImageMissing` and what `find` raises.
    """
    said = request.document or {}
    require_code_source(said)
    location = str(said.get("location_name", ""))
    live = now.live(location)
    if live is None and await store.removals.last(name, location) is None:
        require_name(location)  # one that was there before may be there again
    risks: list[str] = []
    image = said.get("image")
    kept = request.whole and live is not None and image == live.document.get("image")
    if isinstance(image, str) and not kept:
        repository = repository_of(live.document.get("image")) if live else None
        found, risk = await artifacts.find(full_image(image, repository))
        said = {**said, "image": found}
        risks += [risk] if risk else []
    over = in_place_of if request.whole else with_said
    document = over(live.document, said) if live else clean(said)
    if "image" not in document and "pex_metadata" not in document:
        if await serverless.serverless(name):
            raise ImageMissing(
                f"Nothing says which image {location} runs.",
                next_step="Name it with `--image`, or deploy it from a project as a PEX.",
            )
        risks.append(NO_IMAGE)
    project = catalog.project_of(location)
    if project is not None:
        risks.append(
            f"The project {project} has {location} too: a deploy of it from git will go over this."
        )
    first = (StepName.FIND_IMAGE,) if isinstance(document.get("image"), str) else ()
    plan = plan_of_document(location, None, document, deployment, now, (*first, *LAST_STEPS))
    return plan.model_copy(update={"risks": (*plan.risks, *risks)})
