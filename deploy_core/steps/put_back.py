"""The step that sends what was live before. What follows it is in `load`."""

from deploy_core.model.errors import NothingToGoBackTo
from deploy_core.model.plan import Document, StepName
from deploy_core.send import send_document
from deploy_core.services import Output, Run, Services
from deploy_core.steps.change import seen_of
from deploy_core.steps.image import still_there


async def put_back_apply(services: Services, run: Run) -> Output:
    """Send what was live before. Raises `NothingToGoBackTo`, `Superseded`."""
    document = await document_to_put_back(services, run)
    await still_there(services, run.deployment, document)
    ours = run.outputs[StepName.APPLY]["requested"]
    seen = await _before_putting_back(services, run)
    requested_back = await send_document(
        services, run, StepName.PUT_BACK_APPLY, document, before=ours, seen=seen
    )
    return {**seen, "requested": requested_back, "document": document}


async def _before_putting_back(services: Services, run: Run) -> Output:
    """Return what proves a later load. Kept before anything is sent: afterwards it is too late."""
    kept = run.outputs.get(StepName.PUT_BACK_APPLY)
    if kept is not None:
        return kept
    state = (await services.dagster.location_states(run.deployment)).get(run.location)
    before: Output = {} if state is None else seen_of(state)
    await services.store.work.keep_output(run.claim, StepName.PUT_BACK_APPLY, before)
    return before


async def document_to_put_back(services: Services, run: Run) -> Document:
    """Return what was live before if it had loaded, else what was last seen live.

    Raises `NothingToGoBackTo`.
    """
    sent = run.document(StepName.READ_LIVE, "document")
    if run.outputs.get(StepName.READ_LIVE, {}).get("loaded"):
        live = run.document(StepName.READ_LIVE, "live")
        if live is not None and live != sent:
            return live
        if live is not None:
            raise NothingToGoBackTo(
                f"The same version of {run.location} was live before.",
                next_step="Look at what changed around it: a secret, a variable, the agent.",
            )
    verified = await services.store.applied.verified_document(run.deployment, run.location)
    if verified is None or verified == sent:
        raise NothingToGoBackTo(f"No earlier version of {run.location} was seen live.")
    return verified
