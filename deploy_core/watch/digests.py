"""A deployment's digest: what was deployed, what is down, what has recovered, what runs failed of,
what is behind."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from deploy_core.clock import Clock
from deploy_core.model.errors import DagsterPlusError
from deploy_core.model.explain import explain
from deploy_core.model.states import WENT_LIVE, TargetState
from deploy_core.settings import CoreSettings
from deploy_core.status import DeploymentStatus, StatusBoard
from deploy_core.store.history import Ended
from deploy_core.store.look import Facts
from deploy_core.store.store import Store
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import Incident
from deploy_core.watch.kept_errors import error_of
from deploy_core.watch.slots import LATE, Slot, last_slot

MOST = 10
"""So many of each kind are listed; the others are counted."""

MOST_LOADS = 5
"""So many of the slowest loads are listed."""


class Digests:
    """Posts each digest once, whichever process comes first."""

    def __init__(
        self, settings: CoreSettings, board: StatusBoard, store: Store, clock: Clock
    ) -> None:
        self._settings = settings
        self._board = board
        self._store = store
        self._clock = clock

    async def look(self, deployment: str) -> bool:
        """Post the digest whose time has come, unless that was done. Returns True where it was.

        A deployment that gets a digest for the first time waits for its next time. Raises
        `StoreError`.
        """
        settings = self._settings.deployments[deployment]
        digest, channel = settings.digest, None
        if digest is not None:
            channel = digest.channel or settings.told_in
        if digest is None or channel is None:
            return False
        now, zone = self._clock.now(), ZoneInfo(digest.timezone)
        slot = last_slot(digest.cron, zone, now)
        report = f"digest:{deployment}"
        if slot is None:
            return False
        done = await self._store.watching.had_slot(report, slot.name)
        if done is None:
            await self._store.watching.claim_slot(report, slot.name)
        if done is not False:
            return False
        before = last_slot(digest.cron, zone, slot.at - timedelta(seconds=1))
        since = before.at if before is not None else slot.at - timedelta(days=1)
        data = await self._facts(deployment, since, slot, now)
        quiet = digest.when_quiet == "silence" and not says_something(data)
        return await self._store.watching.claim_slot(
            report, slot.name, channel=None if quiet else channel, data=data
        )

    async def _facts(self, deployment: str, since: datetime, slot: Slot, now: datetime) -> Facts:
        ended = await self._store.history.ended(deployment, since, slot.at)
        loads = await self._store.history.loads(deployment, since, slot.at, MOST_LOADS)
        incidents = await self._store.watching.lately(deployment, since)
        try:
            status = await self._board.deployment(deployment)
        except DagsterPlusError:
            status = None
        late = now - slot.at
        return {
            "deployment": deployment,
            "since": since.isoformat(),
            "until": slot.at.isoformat(),
            "late": late.total_seconds() if late > LATE else 0.0,
            **_deploys(ended),
            "loads": [[location, seconds] for location, seconds in loads],
            **_health(incidents, now),
            **await self._failures(deployment, since, slot.at),
            **_behind(status),
        }

    async def _failures(self, deployment: str, since: datetime, until: datetime) -> Facts:
        """Return what runs failed of, the most frequent first."""
        found = await self._store.failed_runs.most_frequent(deployment, since, until)
        listed: list[JsonValue] = []
        for number, runs in found[:MOST]:
            incident = await self._store.watching.incident(number)
            error = error_of(incident.data) if incident is not None else None
            if error is None:
                listed.append(["an unknown error", runs])
            else:
                told = await asyncio.to_thread(explain, error, reason="run_failed")
                listed.append([told.headline, runs])
        return {
            "failures": listed,
            "failures_count": len(found),
            "failed_runs": sum(runs for _, runs in found),
        }


def says_something(data: Facts) -> bool:
    """Tell whether there is anything in a digest."""
    return any(data.get(key) for key in ("deploys", "down", "recovered", "failures"))


def _deploys(ended: list[Ended]) -> Facts:
    ended = [each for each in ended if each.state is not TargetState.UNCHANGED]
    good = [each for each in ended if each.state in WENT_LIVE]
    seconds = [each.seconds for each in good if each.seconds is not None]
    people = Counter(each.by.key for each in ended)
    slowest = sorted(good, key=lambda each: each.seconds or 0.0, reverse=True)[:3]
    return {
        "deploys": len({each.deploy for each in ended}),
        "locations": len(ended),
        "good": len(good),
        "put_back": sum(each.state is TargetState.PUT_BACK for each in ended),
        "median": median(seconds) if seconds else None,
        "people": [[key, count] for key, count in people.most_common(MOST)],
        "slowest": [[each.location, each.seconds] for each in slowest if each.seconds],
    }


def _health(incidents: list[Incident], now: datetime) -> Facts:
    # Groups of failed runs have no names that could stand in a list.
    incidents = [each for each in incidents if each.kind != RUNS]
    down = [each for each in incidents if not each.ended]
    up = [each for each in incidents if each.ended_at is not None]
    recovered: list[JsonValue] = [
        [each.subject, (each.ended_at - each.opened_at).total_seconds()]
        for each in up[:MOST]
        if each.ended_at is not None
    ]
    return {
        "down": [[each.subject, (now - each.opened_at).total_seconds()] for each in down[:MOST]],
        "down_count": len(down),
        "recovered": recovered,
        "recovered_count": len(up),
    }


def _behind(status: DeploymentStatus | None) -> Facts:
    if status is None:
        return {"behind": [], "behind_count": 0}
    far = [
        (each.name, each.drift.behind)
        for each in status.locations
        if each.drift is not None and each.drift.behind
    ]
    far.sort(key=lambda each: (-each[1], each[0]))
    listed: list[JsonValue] = [[name, count] for name, count in far[:MOST]]
    return {"behind": listed, "behind_count": len(far)}
