"""The medic: redeploys a code location once when the machine failed it, and then asks people.

Only where the policy of the deployment says so, and only for errors of the infrastructure: whatever
came out of the user's own code would come out of it again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from deploy_core.clock import Clock
from deploy_core.engine import Engine
from deploy_core.model.deploys import Place
from deploy_core.model.errors import DeployError
from deploy_core.model.explain import Explanation, explain
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployRequest
from deploy_core.model.states import DeployState
from deploy_core.settings import CoreSettings, MedicSettings
from deploy_core.store.history import ByMedic
from deploy_core.store.look import Facts
from deploy_core.store.store import Store
from deploy_core.watch.incidents import Incident, IncidentState
from deploy_core.watch.kept_errors import error_of
from deploy_core.watch.observer import LOCATIONS

MEDIC: Final = Actor(kind="bot", id="medic")

INFRASTRUCTURE: Final = frozenset(
    {
        "agent_engine",
        "agent_port",
        "placement",
        "server_unreachable",
        "startup_timed_out",
    }
)
"""The rules of `explain` that speak of the machine and not of the code."""

DAY: Final = timedelta(days=1)

AGAIN: Final = timedelta(minutes=5)
"""After a redeploy that couldn't be started, the next try waits for so long."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Visit:
    """What the medic does about one location: the number of a redeploy, or None to ask people,
    and why."""

    redeploy: int | None
    why: str = ""


def can_help(error: Explanation) -> bool:
    """Tell whether it is an error of the infrastructure, with no line of the user's in it."""
    return error.rule in INFRASTRUCTURE and error.frame is None


def visit(
    policy: MedicSettings, incident: Incident, before: list[ByMedic], today: int, now: datetime
) -> Visit | None:
    """Return what to do now, None for nothing yet. `before` are the redeploys of this incident,
    `today` those of the whole deployment within a day. Each waits twice as long as the one before
    it, from the end of that. Pure."""
    last = max([each.ended_at or now for each in before], default=incident.changed_at)
    wait = timedelta(minutes=policy.wait_minutes) * 2 ** min(len(before), policy.redeploys - 1)
    if now < max(last, incident.changed_at) + wait:
        return None
    if len(before) >= policy.redeploys:
        return Visit(None, "redeployed")
    if today >= policy.most_per_day:
        return Visit(None, "too many")
    return Visit(len(before) + 1)


class Medic:
    """Looks at what is broken after each look of the observer."""

    def __init__(self, settings: CoreSettings, engine: Engine, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._engine = engine
        self._store = store
        self._clock = clock
        self._not_before: dict[int, datetime] = {}

    async def look(self, deployment: str) -> bool:
        """Start what is due. Returns True where anything was done. Raises `StoreError`."""
        policy = self._settings.deployments[deployment].medic
        if policy is None:
            return False
        broken = await self._store.watching.broken(deployment, LOCATIONS)
        ill = [each for each in broken if self._is_ill(each)]
        if not ill:
            return False
        now = self._clock.now()
        running = await self._store.history.open_deploys(deployment)
        earliest = min([now - DAY, *(each.opened_at for each in ill)])
        every = await self._store.history.by_medic(deployment, earliest)
        today = sum(each.created_at >= now - DAY for each in every)
        done = False
        for incident in ill:
            if incident.subject in running or now < self._not_before.get(incident.id, now):
                continue
            before = [each for each in every if each.incident == incident.id]
            what = visit(policy, incident, before, today, now)
            if what is not None:
                started = await self._visit(incident, what, len(before))
                today += started
                done = True
        return done

    def _is_ill(self, incident: Incident) -> bool:
        error = error_of(incident.data)
        if incident.state is not IncidentState.OPEN or error is None:
            return False
        return can_help(explain(error))

    async def _visit(self, incident: Incident, what: Visit, before: int) -> bool:
        """Do it; return whether a redeploy was started."""
        if what.redeploy is None:
            facts: Facts = {"why": what.why, "redeploys": before}
            if await self._store.watching.ask_people(incident.id, MEDIC, facts):
                _log.warning("medic_asks_people", location=incident.subject, why=what.why)
            return False
        try:
            await self._redeploy(incident, what.redeploy)
        except DeployError as error:
            self._not_before[incident.id] = self._clock.now() + AGAIN
            _log.warning("medic_could_not", location=incident.subject, reason=error.reason)
            return False
        return True

    async def _redeploy(self, incident: Incident, number: int) -> None:
        error = error_of(incident.data)
        headline = "" if error is None else explain(error).headline
        wanted = DeployRequest(
            kind=DeployKind.REDEPLOY,
            actor=MEDIC,
            locations=(incident.subject,),
            deployment=incident.deployment,
            why=f"the code server could not be reached: {headline}"[:300],
        )
        channel = self._settings.deployments[incident.deployment].told_in
        place = None if channel is None else Place(channel=channel)
        plan = await self._engine.plan(wanted)
        # The same origin makes one deploy, however many processes look.
        origin = f"medic:{incident.id}:{number}"
        deploy = await self._engine.start_plan(plan, wanted, place=place, origin=origin)
        if deploy.state is DeployState.PLANNED:
            # The policy that lets the medic work is the consent that a protected deployment needs.
            await self._engine.confirm(deploy.id, MEDIC)
        _log.warning("medic_redeploys", location=incident.subject, deploy=deploy.id)
