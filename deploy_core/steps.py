"""The steps of a target. Each can be run again after a crash without doing harm."""

import asyncio
from datetime import datetime
from pathlib import Path

from deploy_core.agents import agent_problem
from deploy_core.artifacts.build_recipe import recipe_for
from deploy_core.artifacts.docker_artifacts import Built
from deploy_core.dagster_plus.values import LocationState
from deploy_core.model.deploys import Target
from deploy_core.model.documents import clean, merge_documents, with_image
from deploy_core.model.errors import (
    ArtifactError,
    ConfigInvalid,
    ImageNotFound,
    NoAgent,
    NoAgentOnQueue,
    NothingToGoBackTo,
    PlanChanged,
)
from deploy_core.model.plan import DeployKind, Document, StepName
from deploy_core.pex_steps import build_pex, pex_there, upload_pex, with_pex
from deploy_core.progress import progress_noted
from deploy_core.requested import fingerprint
from deploy_core.send import requested_now, send_document
from deploy_core.services import Output, Run, Services
from deploy_core.wait import Before, LoadWait, Seen

PIN_SECONDS = 10.0
"""So long a registry may take to say which digest the live image's tag has."""


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
    """Push the image, and name it by its digest. Raises `ArtifactError`."""
    built = Built.model_validate(run.outputs[StepName.BUILD])
    await _log_in(services, run)
    async with progress_noted(services, run.claim, StepName.PUSH) as progress:
        pushed = await services.images.push(built, progress)
    return {**pushed.model_dump(mode="json"), "image": pushed.image}


async def _log_in(services: Services, run: Run) -> None:
    """Dagster's own registry takes a log-in that lasts some hours: a fresh one for each step."""
    if run.target.plan.build is not None and run.target.plan.build.serverless:
        services.images.log_in(await services.serverless.registry(run.deployment))


async def read_live(services: Services, run: Run) -> Output:
    """Keep what is live, for going back, and make the document to send from it.

    Raises `PlanChanged` when a confirmed plan no longer is what would be sent, `NoAgent` or
    `NoAgentOnQueue` when nobody would load it, `PexMissing`: then nothing is sent at all.
    """
    _, requested = await asyncio.gather(_some_agent(services, run), requested_now(services, run))
    # After what is requested, never before: a change in between must look like somebody else's.
    documents, states = await asyncio.gather(
        services.dagster.documents(run.deployment),
        services.dagster.location_states(run.deployment),
    )
    live, state = documents.get(run.location), states.get(run.location)
    pushed = run.outputs.get(StepName.PUSH, {}).get("image")
    document = await _document_to_send(services, run, live)
    if run.deploy.confirmed_at is not None and document != run.target.plan.document:
        raise PlanChanged(f"{run.location} was changed after you confirmed the plan.")
    document = with_pex(run, document)
    if StepName.UPLOAD_PEX not in run.outputs:
        await pex_there(services, run.deployment, document)
    output: Output = {
        "live": None if live is None else clean(await _held_by_digest(services, live)),
        "document": document,
        "requested": None if requested is None else fingerprint(requested),
    }
    if isinstance(pushed, str):
        output["document"] = {**document, "image": pushed}
    if state is not None:
        output |= {"loaded": not state.loading and not state.failed, **_seen(state)}
    return output


def _seen(state: LocationState) -> Output:
    return {
        "loading": state.loading,
        "updated_timestamp": state.updated_timestamp,
        "version_key": state.version_key,
    }


async def apply(services: Services, run: Run) -> Output:
    """Send the document, exactly once as far as anybody can tell."""
    document = run.document(StepName.READ_LIVE, "document") or run.target.plan.document
    seen = run.outputs[StepName.READ_LIVE]
    requested = await send_document(
        services, run, StepName.APPLY, document, before=seen.get("requested"), seen=seen
    )
    await services.store.applied.sent(
        run.deployment, run.location, run.deploy.id, run.target.plan.file_document
    )
    return {"requested": requested, "document": document}


async def wait(services: Services, run: Run) -> Output:
    """Wait for the agent. What was seen is kept, so that a resumed wait doesn't forget it."""
    return await _wait(services, run, StepName.WAIT, StepName.APPLY, run.target.plan.load_deadline)


async def verify(services: Services, run: Run) -> Output:
    """Look once more, with fresh eyes: loaded, ours, and not changed meanwhile."""
    output = await _verify(services, run, StepName.APPLY, StepName.WAIT)
    document = run.document(StepName.APPLY, "document")
    if document is not None:
        await services.store.applied.verified(run.deployment, run.location, run.deploy.id, document)
    return output


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
    before: Output = {} if state is None else _seen(state)
    await services.store.work.keep_output(run.claim, StepName.PUT_BACK_APPLY, before)
    return before


async def put_back_wait(services: Services, run: Run) -> Output:
    """Wait for what was put back."""
    deadline = run.target.plan.load_deadline
    return await _wait(services, run, StepName.PUT_BACK_WAIT, StepName.PUT_BACK_APPLY, deadline)


async def put_back_verify(services: Services, run: Run) -> Output:
    """See that what was put back is live."""
    return await _verify(services, run, StepName.PUT_BACK_APPLY, StepName.PUT_BACK_WAIT)


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


def _load_wait(services: Services, run: Run, sent: StepName) -> LoadWait:
    output = run.outputs[sent]
    seen_before = run.outputs[StepName.READ_LIVE] if sent is StepName.APPLY else output
    document = run.document(sent, "document") or {}
    queue, image = document.get("agent_queue"), document.get("image")
    timestamp, key = seen_before.get("updated_timestamp"), seen_before.get("version_key")
    return LoadWait(
        services.dagster,
        services.clock,
        services.settings,
        deployment=run.deployment,
        location=run.location,
        queue=queue if isinstance(queue, str) else None,
        image=image if isinstance(image, str) else None,
        requested=str(output["requested"]),
        deadline=run.target.plan.load_deadline,
        before=Before(
            timestamp if isinstance(timestamp, float | int) else None,
            key if isinstance(key, str) else None,
        ),
    )


async def _wait(
    services: Services, run: Run, step: StepName, sent: StepName, deadline: float
) -> Output:
    kept = run.outputs.get(step, {})
    seen = Seen(loading=bool(kept.get("loading")), proven=bool(kept.get("proven")))

    async def keep(now: Seen) -> None:
        await services.store.work.keep_output(run.claim, step, _output(now))
        services.crash.reach(step, "seen")

    left = deadline - _since(run.target, step, services.clock.now())
    return _output(await _load_wait(services, run, sent).until_loaded(seen, max(left, 1.0), keep))


async def _verify(services: Services, run: Run, sent: StepName, waited: StepName) -> Output:
    seen = run.outputs[waited]
    load_wait = _load_wait(services, run, sent)
    kept = Seen(loading=bool(seen.get("loading")), proven=bool(seen.get("proven")))

    async def ignore(_: Seen) -> None:
        return None

    # A location that flaps is waited for again: the first look of this wait is the fresh one.
    return _output(
        await load_wait.until_loaded(
            kept, run.target.plan.load_deadline, ignore, unproven_after=0.0
        )
    )


def _output(seen: Seen) -> Output:
    return {"loading": seen.loading, "proven": seen.proven, "image": seen.image}


def _since(target: Target, step: StepName, now: datetime) -> float:
    """Seconds since the step was started first, by whichever process."""
    run = target.step(step)
    return max((now - run.started_at).total_seconds(), 0.0) if run else 0.0


STEPS = {
    StepName.CHECKOUT: checkout,
    StepName.FIND_IMAGE: find_image,
    StepName.BUILD: build,
    StepName.PUSH: push,
    StepName.BUILD_PEX: build_pex,
    StepName.UPLOAD_PEX: upload_pex,
    StepName.READ_LIVE: read_live,
    StepName.APPLY: apply,
    StepName.WAIT: wait,
    StepName.VERIFY: verify,
    StepName.PUT_BACK_APPLY: put_back_apply,
    StepName.PUT_BACK_WAIT: put_back_wait,
    StepName.PUT_BACK_VERIFY: put_back_verify,
}
