"""Carries one target from its claim to its end: forward through its steps, or back."""

import asyncio
from dataclasses import dataclass, field

import structlog

from deploy_core.model.deploys import Failure, StepState, Stop, Target
from deploy_core.model.errors import (
    Cancelled,
    DeployError,
    GoneBack,
    InternalError,
    LeaseLost,
    LoadError,
    LoadFailed,
    OtherVersion,
    PutBackFailed,
    StoreError,
    Superseded,
)
from deploy_core.model.plan import StepName
from deploy_core.model.states import TargetState
from deploy_core.services import Output, Outputs, Run, Services
from deploy_core.steps import STEPS
from deploy_core.steps.image import still_there
from deploy_core.steps.put_back import document_to_put_back
from deploy_core.store.work import Claim

PAUSED = "Paused while the bot restarts; it goes on by itself."

PUT_BACK_STEPS = (StepName.PUT_BACK_APPLY, StepName.PUT_BACK_WAIT, StepName.PUT_BACK_VERIFY)

CHANGES_DAGSTER = frozenset({StepName.APPLY, StepName.PUT_BACK_APPLY})
"""Never interrupted: a change that was sent can't be called back."""

_log = structlog.get_logger()


@dataclass
class StopSignal:
    """What a person asked of a running target; set by the worker, waited for by its steps."""

    asked: Stop | None = None
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, stop: Stop) -> None:
        self.asked = stop
        self.event.set()


class TargetRunner:
    """Runs the targets that a worker has claimed."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, claim: Claim, signal: StopSignal) -> None:
        """Bring the target to its end. Raises nothing but cancellation: what goes wrong is
        written to the store, and a lost lease or store just ends our part."""
        log = _log.bind(deploy=claim.deploy_id, location=claim.location)
        try:
            try:
                await self._run(claim, signal)
            except (LeaseLost, StoreError):
                raise
            except Exception as error:
                # Tried again it would fail again, for ever: a person must look.
                log.exception("target_failed")
                await self._give_up(claim, failure_of(_defect("The deploy", claim, error)))
        except LeaseLost:
            log.warning("lease_lost")
        except StoreError as error:
            log.error("store_failed", reason=error.reason, detail=error.detail)

    async def _give_up(self, claim: Claim, failure: Failure) -> None:
        store = self._services.store
        deploy = await store.deploys.get_for_target(claim.deploy_id, claim.position)
        if deploy.targets[0].state is TargetState.PUTTING_BACK:
            await store.work.move(claim, TargetState.NEEDS_HUMAN, put_back_failure=failure)
        else:
            await store.work.move(claim, TargetState.NEEDS_HUMAN, failure=failure)

    async def _run(self, claim: Claim, signal: StopSignal) -> None:
        deploy = await self._services.store.deploys.get_for_target(claim.deploy_id, claim.position)
        target = deploy.targets[0]
        run = Run(
            claim=claim,
            deploy=deploy,
            target=target,
            maybe_changed=_was_begun(target, StepName.APPLY),
            outputs=Outputs({step.name: step.output for step in target.steps if step.output}),
            resumed=frozenset(
                step.name for step in target.steps if step.state is not StepState.FINISHED
            ),
        )
        if target.note == PAUSED:
            await self._services.store.work.note(claim, "")
        if target.state is TargetState.PUTTING_BACK:
            await self._back(run)
            return
        try:
            _require_known(target)
            await self._require_confirmed_since(run)
            await self._forward(run, target.plan.steps, signal)
            await self._services.store.work.move(claim, _good_end(run))
        except (LeaseLost, StoreError):
            raise
        except DeployError as error:
            await self._failed(run, error)

    async def _require_confirmed_since(self, run: Run) -> None:
        """Raise `PutBackFailed` when nobody knows what is live, and nobody has confirmed this
        deploy with that said: nothing is changed by itself then."""
        failed = await self._services.store.put_backs.failed(run.deployment, [run.location])
        deploy = failed.get(run.location)
        said = run.target.plan.put_back_failed
        if deploy is None or (deploy == said and run.deploy.confirmed_at is not None):
            return
        raise PutBackFailed(
            f"Deploy {deploy} failed and could not put {run.location} back after this one was "
            "planned: what is live is unknown."
        )

    async def _forward(
        self, run: Run, steps: tuple[StepName, ...], signal: StopSignal | None
    ) -> None:
        for name in steps:
            done = run.target.step(name)
            if done is None or done.state is not StepState.FINISHED:
                await self._step(run, name, signal)
            self._obey(signal)
            if _is_unchanged(run):
                return

    def _obey(self, signal: StopSignal | None) -> None:
        if signal is not None and signal.asked is Stop.GO_BACK:
            raise GoneBack("You asked to go back while it was loading.")

    async def _step(self, run: Run, name: StepName, signal: StopSignal | None) -> None:
        work, crash = self._services.store.work, self._services.crash
        crash.reach(name, "before")
        await work.start_step(run.claim, name)
        crash.reach(name, "started")
        now = await self._services.store.deploys.get_for_target(run.deploy.id, run.claim.position)
        run.target = now.targets[0]
        watched = None if name in CHANGES_DAGSTER else signal
        try:
            output = await self._watched(run, name, watched)
        except (LeaseLost, StoreError):
            raise
        except (Cancelled, GoneBack):
            await work.end_step(run.claim, name, StepState.STOPPED)
            raise
        except DeployError:
            await work.end_step(run.claim, name, StepState.FAILED)
            raise
        except Exception as error:
            _log.exception("step_failed", deploy=run.deploy.id, location=run.location, step=name)
            await work.end_step(run.claim, name, StepState.FAILED)
            raise _defect(f"The step {name.value}", run.claim, error) from error
        run.outputs[name] = output
        crash.reach(name, "worked")
        await work.end_step(run.claim, name, StepState.FINISHED, output)
        crash.reach(name, "ended")

    async def _watched(self, run: Run, name: StepName, signal: StopSignal | None) -> Output:
        """Run a step until it ends or a person stops it."""
        step = asyncio.ensure_future(STEPS[name](self._services, run))
        self._services.crash.reach_soon(name, "middle")
        if signal is None:
            return await step
        stopped = asyncio.ensure_future(signal.event.wait())
        try:
            await asyncio.wait({step, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                return step.result()
        finally:
            for task in (step, stopped):
                task.cancel()
            await asyncio.gather(step, stopped, return_exceptions=True)
        if signal.asked is Stop.GO_BACK:
            raise GoneBack("You asked to go back while it was loading.")
        raise Cancelled("Cancelled before the change was sent.")

    async def _failed(self, run: Run, error: DeployError) -> None:
        """Decide what follows from a failure, and write it down."""
        work, failure = self._services.store.work, failure_of(error)
        if isinstance(error, Superseded):
            await work.move(run.claim, TargetState.SUPERSEDED, failure=failure)
        elif isinstance(error, Cancelled):
            await work.move(run.claim, TargetState.CANCELLED, failure=None)
        elif _changed_nothing(run, error):
            await work.move(run.claim, TargetState.FAILED, failure=failure)
        elif isinstance(error, LoadError | GoneBack):
            await self._start_back(run, failure, asked=isinstance(error, GoneBack))
        else:
            await work.move(run.claim, TargetState.NEEDS_HUMAN, failure=failure)

    async def _start_back(self, run: Run, failure: Failure, *, asked: bool) -> None:
        work = self._services.store.work
        if not run.deploy.plan.put_back and not asked:
            await work.move(run.claim, TargetState.FAILED, failure=failure, note=PUT_BACK_IS_OFF)
            return
        try:
            document = await document_to_put_back(self._services, run)
            await still_there(self._services, run.deployment, document)
        except DeployError as error:
            why = failure_of(error)
            await work.move(run.claim, TargetState.FAILED, failure=failure, put_back_failure=why)
            return
        await work.move(run.claim, TargetState.PUTTING_BACK, failure=failure)
        await self._back(run)

    async def _back(self, run: Run) -> None:
        """Put back what was live; a failure here asks for a person and is never tried again."""
        work = self._services.store.work
        try:
            _require_known(run.target)
            await self._forward(run, PUT_BACK_STEPS, None)
        except (LeaseLost, StoreError):
            raise
        except Superseded as error:
            await work.move(run.claim, TargetState.SUPERSEDED, put_back_failure=failure_of(error))
        except DeployError as error:
            await work.move(run.claim, TargetState.NEEDS_HUMAN, put_back_failure=failure_of(error))
        else:
            await work.move(run.claim, TargetState.PUT_BACK)


PUT_BACK_IS_OFF = "Putting back is switched off for this deployment."


def failure_of(error: DeployError) -> Failure:
    """Return an error as the store keeps it."""
    return Failure(
        reason=error.reason,
        summary=error.summary,
        next_step=error.next_step,
        detail=error.detail,
        python_error=error.python_error if isinstance(error, LoadFailed) else None,
    )


def _require_known(target: Target) -> None:
    """Raise `OtherVersion` when more is to be done than this version knows."""
    if target.strange:
        raise OtherVersion(
            f"Another version of dagster-chatops has planned this: {', '.join(target.strange)} "
            "isn't known to the one that runs now."
        )


def _is_unchanged(run: Run) -> bool:
    """What would be sent is live already."""
    return bool(run.outputs.get(StepName.READ_LIVE, {}).get("unchanged"))


def _good_end(run: Run) -> TargetState:
    if _is_unchanged(run):
        return TargetState.UNCHANGED
    proven = bool(run.outputs[StepName.VERIFY].get("proven"))
    return TargetState.VERIFIED if proven else TargetState.UNPROVEN


def _was_begun(target: Target, name: StepName) -> bool:
    step = target.step(name)
    return step is not None and step.state is not StepState.FINISHED


def _defect(what: str, claim: Claim, error: Exception) -> InternalError:
    return InternalError(
        f"{what} failed in a way that is our own defect "
        f"({type(error).__name__}, deploy {claim.deploy_id})."
    )


def _changed_nothing(run: Run, error: DeployError) -> bool:
    """Nothing was sent, or Dagster+ said no to all that was: nothing is different from before."""
    step = run.target.step(StepName.APPLY)
    if step is None:
        return True
    refused = step.state is not StepState.FINISHED and not run.maybe_changed
    return refused and not isinstance(error, InternalError)
