"""The plans that put back what was live before a deploy."""

from deploy_core.model.errors import NothingToGoBackTo, UsageError
from deploy_core.model.plan import DeployRequest, StepName, TargetPlan
from deploy_core.model.states import TargetState
from deploy_core.settings import DeploymentSettings
from deploy_core.store.store import Store
from deploy_core.target_plans import LAST_STEPS, Now, plan_of_document


async def plans_behind(
    request: DeployRequest, deployment: DeploymentSettings, now: Now, store: Store
) -> list[TargetPlan]:
    """Return a plan for each location that the request's deploy has replaced, or for those of
    them that are named.

    Raises `UsageError`, `UnknownDeploy`, `NothingToGoBackTo`.
    """
    if request.of_deploy is None:
        raise UsageError("A rollback needs the number of the deploy to go back behind.")
    behind = await store.deploys.get(request.of_deploy)
    wanted = {name.rpartition(":")[2] for name in request.locations}
    plans = []
    for target in behind.targets:
        if target.state is TargetState.UNCHANGED:
            continue  # nothing of it was replaced
        step = target.step(StepName.READ_LIVE)
        before = step.output.get("live") if step else None
        if not isinstance(before, dict) or (wanted and target.location not in wanted):
            continue
        plan = plan_of_document(
            target.location, target.plan.project, before, deployment, now, LAST_STEPS
        )
        if step is not None and step.output.get("loaded") is False:
            plan = _unloaded_before(plan, behind.id)
        plans.append(plan)
    if not plans:
        raise NothingToGoBackTo(f"Nothing was live before deploy {behind.id}.")
    left_out = wanted - {plan.location for plan in plans}
    if left_out:
        raise NothingToGoBackTo(
            f"Deploy {behind.id} replaced no version of {', '.join(sorted(left_out))}.",
            next_step="Roll back each location on its own, or by the number of its deploy.",
        )
    return plans


def _unloaded_before(plan: TargetPlan, deploy: int) -> TargetPlan:
    risk = (
        f"What was live before deploy {deploy} had not loaded then."
        f" `deploys {plan.location}` shows the earlier ones."
    )
    return plan.model_copy(update={"unloaded_before": True, "risks": (risk, *plan.risks)})
