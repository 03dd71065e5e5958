"""The steps that read what is live and send the change."""

import asyncio

from deploy_core.agents import agent_problem
from deploy_core.dagster_plus.values import LocationState
from deploy_core.endings import all_of
from deploy_core.model.documents import clean, merge_documents, same_code, with_image
from deploy_core.model.errors import ArtifactError, NoAgent, NoAgentOnQueue, PlanChanged
from deploy_core.model.plan import DeployKind, Document, StepName
from deploy_core.requested import fingerprint
from deploy_core.send import requested_now, send_document
from deploy_core.services import Output, Run, Services
from deploy_core.steps.pex import pex_there, with_pex

PIN_SECONDS = 10.0
"""So long a registry may take to say which digest the live image's tag has."""


async def read_live(services: Services, run: Run) -> Output:
    """Keep what is live, for going back, and make the document to send from it.

    Raises `PlanChanged` when a confirmed plan no longer is what would be sent, `NoAgent` or
    `NoAgentOnQueue` when nobody would load it, `PexMissing`: then nothing is sent at all. The
    output's `unchanged` says that there is nothing to send.
    """
    _, requested = await all_of(_some_agent(services, run), requested_now(services, run))
    # After what is requested, never before: a change in between must look like somebody else's.
    documents, states = await all_of(
        services.dagster.documents(run.deployment),
        services.dagster.location_states(run.deployment),
    )
    live, state = documents.get(run.location), states.get(run.location)
    _require_as_planned(run, live)
    document = await _document_to_send(services, run, live)
    if run.deploy.confirmed_at is not None and document != run.target.plan.document:
        raise PlanChanged(f"{run.location} was changed after you confirmed the plan.")
    document = _with_pushed(run, with_pex(run, document))
    if StepName.UPLOAD_PEX not in run.outputs:
        await pex_there(services, run.deployment, document)
    output: Output = {
        "live": None if live is None else clean(await _held_by_digest(services, live)),
        "document": document,
        "requested": None if requested is None else fingerprint(requested),
    }
    if state is not None:
        output |= {"loaded": state.loaded, **seen_of(state)}
    if (
        run.target.plan.may_stay
        and live is not None
        and same_code(clean(live), document)
        and _runs(state, document)
    ):
        await _note_file(services, run)
        output["unchanged"] = True
    return output


async def apply(services: Services, run: Run) -> Output:
    """Send the document, exactly once as far as anybody can tell."""
    document = run.document(StepName.READ_LIVE, "document") or run.target.plan.document
    seen = run.outputs[StepName.READ_LIVE]
    requested = await send_document(
        services, run, StepName.APPLY, document, before=seen.get("requested"), seen=seen
    )
    await _note_file(services, run)
    return {"requested": requested, "document": document}


def seen_of(state: LocationState) -> Output:
    """Return what proves a later load: what Dagster+ says of the present one."""
    return {
        "loading": state.loading,
        "updated_timestamp": state.updated_timestamp,
        "version_key": state.version_key,
    }


async def _note_file(services: Services, run: Run) -> None:
    await services.store.applied.sent(
        run.deployment, run.location, run.deploy.id, run.target.plan.file_document
    )


def _with_pushed(run: Run, document: Document) -> Document:
    pushed = run.outputs.get(StepName.PUSH, {}).get("image")
    return {**document, "image": pushed} if isinstance(pushed, str) else document


def _runs(state: LocationState | None, document: Document) -> bool:
    """Whether the location is well, and nothing shows that it runs another image."""
    if state is None or not state.loaded:
        return False
    return state.image in {None, document.get("image")}


async def _held_by_digest(services: Services, live: Document) -> Document:
    """What is live with its image by digest: until we go back, a tag may be moved, even by us."""
    image = live.get("image")
    if not isinstance(image, str) or "@" in image:
        return live  # no image, or one that is named by its digest already
    try:
        async with asyncio.timeout(PIN_SECONDS):
            return {**live, "image": await services.images.find(image)}
    except (ArtifactError, TimeoutError):
        return live  # the tag is then all that is known


async def _some_agent(services: Services, run: Run) -> None:
    """An agent that restarts is given its grace; the wait can be cancelled."""
    since = services.clock.monotonic()
    said = ""
    while True:
        agents = await services.dagster.agents(run.deployment)
        problem: NoAgent | NoAgentOnQueue | None = agent_problem(
            agents, run.target.plan.agent_queue
        )
        waited = services.clock.monotonic() - since
        if problem is not None and waited >= services.settings.no_agent_grace:
            raise problem
        now = "" if problem is None else problem.summary
        if now != said:
            await services.store.work.note(run.claim, now)
            said = now
        if problem is None:
            return
        await services.clock.sleep(services.settings.poll_seconds)


def _require_as_planned(run: Run, live: Document | None) -> None:
    """What a person said of a location was put over what was live then, and over nothing else."""
    if run.deploy.kind is not DeployKind.ADD:
        return
    before = run.target.plan.live.document if run.target.plan.live else None
    now = clean(live) if live is not None else None
    if now == before:
        return
    what = "changed" if before is not None and now is not None else "added or removed"
    raise PlanChanged(f"{run.location} was {what} by somebody else after the plan was made.")


async def _document_to_send(services: Services, run: Run, live: Document | None) -> Document:
    plan = run.target.plan
    if run.deploy.kind is DeployKind.REDEPLOY and live is not None:
        return clean(live)
    if run.deploy.kind is not DeployKind.DEPLOY or live is None:
        return plan.document
    if plan.file_document is None:
        return with_image(live, plan.version.image) if plan.version.image else plan.document
    applied = await services.store.applied.file_document(run.deployment, run.location)
    return merge_documents(applied=applied, live=live, wanted=plan.file_document)
