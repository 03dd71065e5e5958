"""A deployment's digest: what was deployed, what is down, what has recovered, what runs failed of,
what is behind."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from statistics import median
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from deploy_core.clock import Clock
from deploy_core.model.errors import DagsterPlusError
from deploy_core.model.explain import explain
from deploy_core.model.states import WENT_LIVE, TargetState
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.status import DeploymentStatus, StatusBoard
from deploy_core.store.history import Ended
from deploy_core.store.look import Facts
from deploy_core.store.store import Store
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import Incident
from deploy_core.watch.kept_errors import error_of
from deploy_core.watch.queue import QUEUE
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.schedules import SCHEDULES
from deploy_core.watch.slots import LATE, Slot, last_slot
from deploy_core.watch.subscriptions import Event, Rules, Scope, Times, digest_times, in_scope

_SILENT = (SCHEDULES, QUEUE)
"""The kinds of incidents in which nothing is broken: something doesn't happen."""

MOST = 10
"""So many of each kind are listed; the others are counted."""

MOST_LOADS = 5
"""So many of the slowest loads are listed."""


Holds = Callable[[str], bool]
"""Tells whether a digest is about a code location."""


@dataclass(frozen=True)
class Wanted:
    """A digest that a channel gets. `only` says what it is about, None for the whole
    deployment."""

    report: str
    channel: str
    times: Times
    silent: bool = False  # when there is nothing to say
    only: Scope | None = None


class Digests:
    """Posts each digest once, whichever process comes first."""

    def __init__(
        self,
        settings: CoreSettings,
        board: StatusBoard,
        store: Store,
        clock: Clock,
        recipients: Recipients,
    ) -> None:
        self._settings = settings
        self._board = board
        self._store = store
        self._clock = clock
        self._recipients = recipients

    async def look(self, deployment: str) -> bool:
        """Post the digests whose time has come, unless that was done. Returns True where one was.

        A digest that is new waits for its next time. Raises `StoreError`.
        """
        rules = await self._recipients.rules(deployment)
        wanted = _of_deployment(self._settings.deployments[deployment], deployment)
        wanted += _subscribed(rules, deployment)
        posted = [await self._post(each, deployment, rules) for each in wanted]
        return any(posted)

    async def _post(self, wanted: Wanted, deployment: str, rules: Rules) -> bool:
        cron, zone = wanted.times.cron, ZoneInfo(wanted.times.zone)
        now, report = self._clock.now(), wanted.report
        slot = last_slot(cron, zone, now)
        if slot is None:
            return False
        done = await self._store.watching.had_slot(report, slot.name)
        if done is None:
            await self._store.watching.claim_slot(report, slot.name)
        if done is not False:
            return False
        before = last_slot(cron, zone, slot.at - timedelta(seconds=1))
        since = before.at if before is not None else slot.at - timedelta(days=1)
        holds = partial(_holds, rules, deployment, wanted.only)
        data = await self._facts(deployment, since, slot, now, holds)
        if wanted.only is not None:
            data["only"] = [*wanted.only.only]
        quiet = wanted.silent and not says_something(data)
        return await self._store.watching.claim_slot(
            report, slot.name, channel=None if quiet else wanted.channel, data=data
        )

    async def _facts(
        self, deployment: str, since: datetime, slot: Slot, now: datetime, holds: Holds
    ) -> Facts:
        ended = await self._store.history.ended(deployment, since, slot.at)
        ended = [each for each in ended if holds(each.location)]
        loads = await self._store.history.loads(deployment, since, slot.at)
        loads = [each for each in loads if holds(each[0])]
        incidents = await self._store.watching.lately(deployment, since)
        incidents = [each for each in incidents if holds(_place(each))]
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
            "loads": [[location, seconds] for location, seconds in loads[:MOST_LOADS]],
            **_health(incidents, now),
            **await self._failures(deployment, since, slot.at, holds),
            **_behind(status, holds),
        }

    async def _failures(
        self, deployment: str, since: datetime, until: datetime, holds: Holds
    ) -> Facts:
        """Return what runs failed of, the most frequent first."""
        found = await self._store.failed_runs.most_frequent(deployment, since, until, holds)
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


def _of_deployment(settings: DeploymentSettings, deployment: str) -> list[Wanted]:
    digest = settings.digest
    channel = None if digest is None else digest.channel or settings.told_in
    if digest is None or channel is None:
        return []
    times, silent = Times(digest.cron, digest.timezone), digest.when_quiet == "silence"
    return [Wanted(f"digest:{deployment}", channel, times, silent)]


def _subscribed(rules: Rules, deployment: str) -> list[Wanted]:
    """Return the digests that channels have subscribed to. Where it isn't about the whole of a
    deployment nothing is said when there is nothing to say: it may be about another one."""
    found = []
    for each in rules.subscriptions:
        if each.digest is None or each.deployment not in {None, deployment}:
            continue
        whole = not each.only or any(fnmatchcase(deployment, name) for name in each.only)
        about = f"{each.digest}:{','.join(each.only)}".encode()
        report = f"digest:{deployment}:{hashlib.sha256(about).hexdigest()[:12]}:{each.channel}"
        only = None if whole else each
        found.append(Wanted(report, each.channel, digest_times(each.digest), not whole, only))
    return found


def _holds(rules: Rules, deployment: str, only: Scope | None, location: str) -> bool:
    about = rules.about(Event.FAILURES, deployment, location)
    return only is None or in_scope(only, about)


def says_something(data: Facts) -> bool:
    """Tell whether there is anything in a digest."""
    return any(data.get(key) for key in ("deploys", "down", "silent", "recovered", "failures"))


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
    open_now = [each for each in incidents if not each.ended]
    down = [each for each in open_now if each.kind not in _SILENT]
    silent = [each for each in open_now if each.kind in _SILENT]
    up = [each for each in incidents if each.ended_at is not None]
    recovered: list[JsonValue] = [
        [each.subject, (each.ended_at - each.opened_at).total_seconds()]
        for each in up[:MOST]
        if each.ended_at is not None
    ]
    return {
        "down": _lasting(down, now),
        "down_count": len(down),
        "silent": _lasting(silent, now),
        "silent_count": len(silent),
        "recovered": recovered,
        "recovered_count": len(up),
    }


def _lasting(incidents: list[Incident], now: datetime) -> list[JsonValue]:
    return [[each.subject, (now - each.opened_at).total_seconds()] for each in incidents[:MOST]]


def _place(incident: Incident) -> str:
    """Return the code location that an incident is in; its subject where it is in none."""
    location = (incident.data or {}).get("location")
    return location if incident.kind in _SILENT and isinstance(location, str) else incident.subject


def _behind(status: DeploymentStatus | None, holds: Holds) -> Facts:
    if status is None:
        return {"behind": [], "behind_count": 0}
    far = [
        (each.name, each.drift.behind)
        for each in status.locations
        if each.drift is not None and each.drift.behind and holds(each.name)
    ]
    far.sort(key=lambda each: (-each[1], each[0]))
    listed: list[JsonValue] = [[name, count] for name, count in far[:MOST]]
    return {"behind": listed, "behind_count": len(far)}
