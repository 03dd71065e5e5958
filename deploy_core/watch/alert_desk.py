"""Joins the alerts of Dagster+ to what the watcher has found itself; tells alone what it hasn't."""

from datetime import timedelta

import structlog

from deploy_core.clock import Clock
from deploy_core.settings import CoreSettings
from deploy_core.store.alerts import Waiting
from deploy_core.store.store import Store
from deploy_core.watch.alerts import EVENTS, About, Alert
from deploy_core.watch.incidents import FLAPS_WITHIN
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.retries import LAUNCHED_WITHIN

_log = structlog.get_logger()


class AlertDesk:
    """One per process; the store decides who deals with an alert."""

    def __init__(
        self, settings: CoreSettings, store: Store, clock: Clock, recipients: Recipients
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._recipients = recipients
        self._waits = timedelta(seconds=settings.watch.alert_seconds)

    def knows(self, deployment: str) -> bool:
        """Tell whether a deployment is one of the configuration."""
        return deployment in self._settings.deployments

    async def look(self, deployment: str) -> bool:
        """Deal with what has come, once the watcher has looked. Returns True where something was
        told or joined. Raises `StoreError`."""
        alerts = self._store.alerts
        done = [await self._deal(each) for each in await alerts.waiting(deployment)]
        done += [await self._found(each) for each in await alerts.dealt_lately(deployment)]
        return any(done)

    async def _found(self, one: Waiting) -> bool:
        """Join an alert that was told by itself to what the watcher has found since."""
        incident = await self._store.alerts.incident_of(one)
        if incident is None or not await self._store.alerts.found(one, incident):
            return False
        _log.info("alert_found_later", alert=one.id, incident=incident)
        return True

    async def _deal(self, one: Waiting) -> bool:
        incident = await self._store.alerts.incident_of(one)
        if incident is not None:
            _log.info("alert_joined", alert=one.id, incident=incident)
            return await self._store.alerts.join(one, incident)
        if await self._of_a_deploy(one):
            _log.info("alert_of_a_deploy", alert=one.id)
            return await self._store.alerts.tell(one, {})
        if self._clock.now() - one.at < self._waits_for(one.alert):
            return False
        alert = one.alert
        rules = await self._recipients.rules(alert.deployment)
        location = alert.subject if alert.about is About.LOCATION else None
        about = rules.about(EVENTS[alert.about], alert.deployment, location)
        _log.info("alert_told", alert=one.id)
        return await self._store.alerts.tell(one, rules.told([about], self._clock.now()))

    async def _of_a_deploy(self, one: Waiting) -> bool:
        """Tell whether a deploy of ours is at work on the code location, or was just before: then
        its own message tells of it."""
        if one.alert.about is not About.LOCATION:
            return False
        deployment, location = one.alert.deployment, one.alert.subject
        if location in await self._store.history.open_deploys(deployment):
            return True
        ended = await self._store.deploys.ended_since(deployment, one.at - FLAPS_WITHIN)
        return any(target.location == location for each in ended for target in each.targets)

    def _waits_for(self, alert: Alert) -> timedelta:
        """Return how long the watcher has to find it itself: what may be tried again is held back
        by it for a while."""
        return self._waits + (LAUNCHED_WITHIN if alert.about is About.RUN else timedelta())
