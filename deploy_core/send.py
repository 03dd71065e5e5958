"""Sends a document to Dagster+: once, as far as anybody can tell, and never over a newer one."""

from pydantic import JsonValue

from deploy_core.dagster_plus.values import Deployed
from deploy_core.endings import to_its_end
from deploy_core.model.errors import AnswerLost, DagsterPlusError, ServerError, Superseded
from deploy_core.model.plan import Document, StepName
from deploy_core.requested import asks_for, fingerprint
from deploy_core.services import Output, Run, Services

SEND_TRIES = 3
"""How often a change is sent when its answer was lost and it turns out not to have been done."""

READ_BACK_TRIES = 6
"""How often we look for our own request after it was accepted, before we call it superseded."""


async def send_document(
    services: Services,
    run: Run,
    step: StepName,
    document: Document,
    *,
    before: JsonValue,
    seen: Output,
) -> str:
    """Send a step's document and return the fingerprint of what Dagster+ then is asked to run.

    `before` is the fingerprint of what it was asked when we looked last, None for nothing, and
    `seen` the location's state then. It is looked at again before each sending: what somebody else
    asked for meanwhile is not overwritten, and what was sent with its answer lost, by us or by a
    dead process, is not sent again.
    """
    run.maybe_changed = step in run.resumed
    for attempt in range(SEND_TRIES):
        requested = await requested_now(services, run)
        if requested is not None and fingerprint(requested) != before:
            if run.maybe_changed and asks_for(requested, document):
                return fingerprint(requested)
            raise Superseded(f"Somebody else changed {run.location} meanwhile.")
        same = requested is not None and run.maybe_changed and asks_for(requested, document)
        # The same as before may be asked for once more, as after a changed secret.
        if requested is not None and same and await _was_asked_again(services, run, seen):
            return fingerprint(requested)
        until = await services.store.work.hold(run.claim)
        services.crash.reach(step, "sending")
        services.store.work.require_time(run.claim, until, services.dagster.mutation_timeout)
        try:
            # A process that is told to end gives its lease back, and another goes on at once: it
            # must not find a request of ours still under way, and send it again.
            await to_its_end(services.dagster.put_location(run.deployment, document))
            services.crash.reach(step, "sent")
        except AnswerLost:
            run.maybe_changed = True
            if attempt == SEND_TRIES - 1:
                raise
            continue
        except ServerError:
            # Dagster+'s own code failed: that says nothing about what it had done until then.
            if not await _done_all_the_same(services, run, document, before):
                raise
        break
    run.maybe_changed = True
    return await _read_back(services, run, document)


async def _done_all_the_same(
    services: Services, run: Run, document: Document, before: JsonValue
) -> bool:
    unsure, run.maybe_changed = run.maybe_changed, True
    requested = await requested_now(services, run)
    if requested is None or fingerprint(requested) == before:
        run.maybe_changed = unsure
        return False
    return asks_for(requested, document)


async def _was_asked_again(services: Services, run: Run, seen: Output) -> bool:
    """Return True when the location was asked to load since it was seen last."""
    state = (await services.dagster.location_states(run.deployment)).get(run.location)
    if state is None:
        return False
    began = state.loading and not seen.get("loading", False)
    before = (seen.get("updated_timestamp"), seen.get("version_key"))
    return began or (state.updated_timestamp, state.version_key) != before


async def _read_back(services: Services, run: Run, document: Document) -> str:
    """Return the fingerprint of our own request, once Dagster+ shows it. Raises `Superseded`."""
    for attempt in range(READ_BACK_TRIES):
        try:
            requested = await requested_now(services, run)
        except DagsterPlusError as error:
            if not error.retryable or attempt == READ_BACK_TRIES - 1:
                raise
            continue
        if requested is not None and asks_for(requested, document):
            return fingerprint(requested)
        await services.clock.sleep(services.settings.poll_seconds)
    raise Superseded(f"Somebody else changed {run.location} at the same moment.")


async def requested_now(services: Services, run: Run) -> Deployed | None:
    """Return what Dagster+ is asked to run for the location, None for nothing."""
    return (await services.dagster.deployed(run.deployment)).get(run.location)
