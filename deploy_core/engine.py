"""What handlers and the CLI may ask of the deploy engine."""

from collections.abc import Callable, Collection

from deploy_core.model.deploys import Deploy, Place, Stop
from deploy_core.model.errors import NotAllowed, Overtaken, PlanChanged, RefMoved, UsageError
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployPlan, DeployRequest
from deploy_core.model.states import GOOD_ENDS, DeployState
from deploy_core.planner import Planner
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.reexecution import dry_count, incident_of_runs, reexecute
from deploy_core.removal import Going, going, remove, restoring
from deploy_core.services import Services
from deploy_core.watch.reexecution import DryCount, Order


class Engine:
    """One door to planning, starting, confirming and stopping deploys.

    `wake` tells the worker of this process, if there is one, to look at the store at once.
    """

    def __init__(
        self, services: Services, planner: Planner, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._services = services
        self._planner = planner
        self._wake = wake

    async def plan(self, request: DeployRequest) -> DeployPlan:
        """Return what the request would do. Raises `NotAllowed` before anything is looked up,
        and whatever `Planner.plan` raises."""
        deployment, _ = deployment_named(self._services.settings, request.deployment)
        require_may_deploy(self._services.settings, deployment, request.actor)
        return await self._planner.plan(request)

    async def start(self, request: DeployRequest, place: Place | None = None) -> Deploy:
        """Plan the request and write it as a deploy, which a worker then runs.

        One whose plan says so (`DeployPlan.protected`) waits for its author's `confirm`.
        """
        return await self.start_plan(await self.plan(request), request, place=place)

    async def start_plan(
        self,
        plan: DeployPlan,
        request: DeployRequest,
        *,
        place: Place | None = None,
        origin: str | None = None,
    ) -> Deploy:
        """Write a plan that was just made as a deploy. The same `origin` makes only one."""
        deploys = self._services.store.deploys
        deploy_id = await deploys.create(plan, request, place=place, origin=origin)
        self._wake()
        return await deploys.get(deploy_id)

    async def require_may_change(self, deploy_id: int, by: Actor) -> None:
        """Raise `NotAllowed` unless the person may stop, retry or roll back this deploy."""
        deploy = await self._services.store.deploys.get(deploy_id)
        require_may_deploy(self._services.settings, deploy.deployment, by)

    async def require_may_confirm(self, deploy_id: int, by: Actor) -> None:
        """Raise `NotAllowed` for anybody but the author, and for an author who no longer may."""
        await self.require_may_change(deploy_id, by)
        deploy = await self._services.store.deploys.get(deploy_id)
        if by.key != deploy.by.key:
            raise NotAllowed(
                "Only the person who started this deploy can confirm it.",
                next_step="Start a deploy of your own.",
            )

    async def confirm(self, deploy_id: int, by: Actor) -> None:
        """Let a deploy that was shown go on. Only its author may, and still must be allowed to.

        Raises `NotAllowed`, `AlreadyEnded`, `PlanExpired` when it
        comes too late, `RefMoved` and `PlanChanged` when what would be sent is no longer what was
        shown.
        """
        await self.require_may_confirm(deploy_id, by)
        deploys = self._services.store.deploys
        await deploys.expire()
        deploy = await deploys.get(deploy_id)
        if deploy.state is DeployState.PLANNED:
            fresh = await self._planner.plan(await deploys.request_of(deploy_id))
            _require_unchanged(deploy.plan, fresh)
        await deploys.confirm(deploy_id, by)
        self._wake()

    async def stop(
        self, deploy_id: int, stop: Stop, by: Actor, *, location: str | None = None
    ) -> int:
        """Cancel, or go back. Whoever may deploy there may do it. Returns how many targets.

        Raises `NotAllowed`, `AlreadyEnded`, `AlreadySent`, `UnknownDeploy`.
        """
        deploy = await self._services.store.deploys.get(deploy_id)
        require_may_deploy(self._services.settings, deploy.deployment, by)
        stopped = await self._services.store.deploys.ask_stop(
            deploy_id, stop, by, location=location
        )
        self._wake()
        return stopped

    async def again(self, deploy_id: int, by: Actor) -> DeployRequest:
        """Return the request that tries what didn't reach a good end once more.

        A branch is resolved anew, so that a fix that was pushed meanwhile is taken.
        """
        deploy = await self._services.store.deploys.get(deploy_id)
        request = await self._services.store.deploys.request_of(deploy_id)
        locations = tuple(
            f"{target.plan.project}:{target.location}" if target.plan.project else target.location
            for target in deploy.targets
            if target.state not in GOOD_ENDS
        )
        if not locations:
            raise UsageError(f"Everything of deploy {deploy_id} is live.")
        return request.model_copy(
            update={"actor": by, "locations": locations, "all_locations": False}
        )

    async def require_not_overtaken(self, deploy_id: int, locations: Collection[str]) -> None:
        """Raise `Overtaken` when a later deploy put one of the locations live: then nobody who
        presses a button of this one can know what it would undo."""
        later = await self._services.store.deploys.overtaken(
            deploy_id, {location.rpartition(":")[2] for location in locations}
        )
        if later is not None:
            raise Overtaken(
                f"Deploy {later} has put another version live since deploy {deploy_id}."
            )

    async def going(self, deployment: str, location: str, by: Actor) -> Going:
        """Return what would go with a location. Raises `NotAllowed` and what `going` raises."""
        require_may_deploy(self._services.settings, deployment, by)
        return await going(self._services, deployment, location)

    async def remove(
        self, deployment: str, location: str, by: Actor, *, shown: str, origin: str
    ) -> None:
        """Remove a location that was shown. Raises `NotAllowed` and what `remove` raises."""
        require_may_deploy(self._services.settings, deployment, by)
        await remove(self._services, deployment, location, by, shown=shown, origin=origin)

    async def restoring(
        self, deployment: str, location: str, by: Actor, *, why: str, begun: bool = False
    ) -> DeployRequest:
        """Return the request that brings a removed location back. Raises `NotAllowed` and what
        `restoring` raises."""
        require_may_deploy(self._services.settings, deployment, by)
        return await restoring(self._services, deployment, location, by, why=why, begun=begun)

    async def to_reexecute(self, incident_id: int, by: Actor) -> DryCount:
        """Return what of a group of failed runs would be executed again. Raises `UsageError`,
        `NotAllowed` and what `dry_count` raises."""
        incident = await incident_of_runs(self._services, incident_id)
        require_may_deploy(self._services.settings, incident.deployment, by)
        return await dry_count(self._services, incident)

    async def reexecute(
        self, incident_id: int, run_ids: tuple[str, ...], by: Actor, *, origin: str
    ) -> Order:
        """Execute failed runs again from where they failed. Raises `UsageError`, `NotAllowed`,
        `StoreError`; what becomes of each run is in the order."""
        incident = await incident_of_runs(self._services, incident_id)
        require_may_deploy(self._services.settings, incident.deployment, by)
        return await reexecute(self._services, incident, run_ids, by, origin)

    async def back_behind(self, deploy_id: int, by: Actor) -> DeployRequest:
        """Return the request that puts back what was live before a deploy."""
        deploy = await self._services.store.deploys.get(deploy_id)
        return DeployRequest(
            kind=DeployKind.ROLLBACK, actor=by, deployment=deploy.deployment, of_deploy=deploy_id
        )


def _require_unchanged(shown: DeployPlan, fresh: DeployPlan) -> None:
    """Raise `RefMoved` or `PlanChanged` unless exactly what was shown would be sent, and nothing
    has happened since that its author must know of."""
    for location, deploy in fresh.put_backs_failed.items():
        if shown.put_backs_failed.get(location) != deploy:
            raise PlanChanged(
                f"Deploy {deploy} has failed since and could not put {location} back: "
                "what is live is unknown."
            )
    if fresh.digest == shown.digest:
        return
    now = {target.location: target for target in fresh.targets}
    for target in shown.targets:
        before, after = target.version, now.get(target.location, target).version
        if target.ref and before.commit != after.commit:
            raise RefMoved(
                f"`{target.ref}` has moved: the plan shows {before.label}, it is {after.label} now."
            )
    raise PlanChanged("What would be sent is no longer what you were shown.")
