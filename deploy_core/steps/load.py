"""The steps that wait for the agent and see what is live, after a change and after going back."""

from datetime import datetime

from deploy_core.model.deploys import Target
from deploy_core.model.plan import StepName
from deploy_core.services import Output, Run, Services
from deploy_core.wait import Before, LoadWait, Seen


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


async def put_back_wait(services: Services, run: Run) -> Output:
    """Wait for what was put back."""
    deadline = run.target.plan.load_deadline
    return await _wait(services, run, StepName.PUT_BACK_WAIT, StepName.PUT_BACK_APPLY, deadline)


async def put_back_verify(services: Services, run: Run) -> Output:
    """See that what was put back is live."""
    return await _verify(services, run, StepName.PUT_BACK_APPLY, StepName.PUT_BACK_WAIT)


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
