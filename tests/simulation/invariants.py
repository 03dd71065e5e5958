"""What must hold whatever happens: I1 to I10 of docs/reliability.md, and what else is promised.

The store is read here with plain SQL, in each moment just after a commit, and Dagster+ at the
moment a change arrives: none of the product's own code is asked whether it did well.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy_core.model.deploys import Stop
from deploy_core.model.documents import clean
from deploy_core.model.plan import DeployKind, StepName
from deploy_core.model.states import ENDED, GOOD_ENDS, HOLDS_THE_TARGET, TargetState
from deploy_core.store.work import Claim
from tests.simulation.dagster_side import Change, DagsterSide

_HELD = {state.value for state in HOLDS_THE_TARGET}
_GOOD = {state.value for state in GOOD_ENDS}
_ENDED = {state.value for state in ENDED}
_BACK = TargetState.PUTTING_BACK.value

A_MOMENT = 1.0
"""Seconds that the requests and writes between a look and a change may take."""

Row = dict[str, Any]


@dataclass
class Seen:
    """The store just after a commit."""

    targets: dict[int, Row]
    steps: dict[tuple[int, str], Row]
    last_event: int


@dataclass
class Watch:
    """Looks at every commit and at every change that arrives; what is wrong is in `broken`.

    `now` is the time of leases. `late` are the targets of which something was delivered late.
    `unknown` are the locations that could not be put back, each with the deploys that had been
    confirmed before.
    """

    file: Path
    dagster: DagsterSide
    now: Callable[[], datetime]
    broken: list[str] = field(default_factory=list)
    sent: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    late: set[tuple[str, str]] = field(default_factory=set)
    unknown: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._store = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        self._store.row_factory = sqlite3.Row
        self._before = Seen({}, {}, 0)

    def close(self) -> None:
        self._store.close()

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return rows of the store as dictionaries."""
        return [dict(row) for row in self._store.execute(query, values)]

    def violated(self, which: str, how: str) -> None:
        """Write down that something was broken."""
        self.broken.append(f"{which}: {how}")

    # -- after each commit --

    def committed(self) -> None:
        """Compare the store with what it was before this commit."""
        query = """SELECT targets.*, deploys.plan AS deploy_plan, deploys.confirmed_at
                   FROM targets JOIN deploys ON deploys.id = deploy_id"""
        targets = {row["id"]: row for row in self.rows(query)}
        steps = {(row["target_id"], row["name"]): row for row in self.rows("SELECT * FROM steps")}
        events = self.rows("SELECT * FROM events WHERE id > ? ORDER BY id", self._before.last_event)
        last = events[-1]["id"] if events else self._before.last_event
        before, self._before = self._before, Seen(targets, steps, last)
        changed = []
        for key, row in targets.items():
            was = before.targets.get(key)
            if was is not None and was["state"] != row["state"]:
                changed.append((was, row))
                self.moved.append(f"{key} {was['state']} -> {row['state']}")
            if was is not None:
                self.i7_a_put_back_that_runs_is_not_stopped(was, row)
        self.i1_one_at_a_time(targets)
        self.i3_a_finished_step_stays_finished(before.steps, steps)
        self.i6_each_change_has_its_event_and_its_card(changed, events)
        for was, row in changed:
            self._note_what_is_known(was, row, targets)
            self.i10_put_back_once(was, row)
            self.an_accepted_stop_is_obeyed(row)
            self.an_end_is_what_was_seen(row, steps)
        self.i9_only_what_was_seen_live_is_last_good()

    def _note_what_is_known(self, was: Row, row: Row, targets: dict[int, Row]) -> None:
        place = (row["deployment"], row["location"])
        if was["state"] == _BACK and row["state"] == TargetState.NEEDS_HUMAN.value:
            self.unknown[place] = {
                each["deploy_id"] for each in targets.values() if each["confirmed_at"] is not None
            }
        elif row["state"] in {*_GOOD, TargetState.PUT_BACK.value}:
            self.unknown.pop(place, None)

    def i1_one_at_a_time(self, targets: dict[int, Row]) -> None:
        """At most one deploy changes a location."""
        held = Counter(
            (row["deployment"], row["location"])
            for row in targets.values()
            if row["state"] in _HELD
        )
        for place, times in held.items():
            if times > 1:
                self.violated("I1", f"{times} deploys run on {place}")

    def i3_a_finished_step_stays_finished(
        self, before: dict[tuple[int, str], Row], now: dict[tuple[int, str], Row]
    ) -> None:
        """A step that is journaled as finished never runs again."""
        for key, was in before.items():
            if was["state"] == "finished" and now[key] != was:
                self.violated("I3", f"step {key} was finished and is {now[key]['state']}")

    def i6_each_change_has_its_event_and_its_card(
        self, changed: list[tuple[Row, Row]], events: list[Row]
    ) -> None:
        """Each change of state is one event, and in the same commit a card is asked for."""
        expected = Counter(
            (row["deploy_id"], row["location"], was["state"], row["state"]) for was, row in changed
        )
        found: Counter[tuple[int, str, str, str]] = Counter()
        for event in events:
            if event["kind"] == "moved":
                data = json.loads(event["data"])
                found[event["deploy_id"], event["location"], data["from"], data["to"]] += 1
        if found != expected:
            self.violated("I6", f"states changed {dict(expected)}, events say {dict(found)}")
        query = "SELECT deploy_id FROM outbox WHERE topic = 'card' AND state = 'pending'"
        waiting = {row["deploy_id"] for row in self.rows(query)}
        for _, row in changed:
            if row["deploy_id"] not in waiting:
                self.violated("I6", f"deploy {row['deploy_id']} changed and no card waits")

    def i7_a_put_back_that_runs_is_not_stopped(self, was: Row, row: Row) -> None:
        """Nothing that people ask touches what is already being put back."""
        if was["state"] == _BACK == row["state"] and was["stop"] != row["stop"]:
            self.violated("I7", f"target {row['id']} was stopped while it is put back")
        if was["state"] == _BACK and row["state"] == TargetState.CANCELLED.value:
            self.violated("I7", f"target {row['id']} was cancelled while it was put back")

    def i9_only_what_was_seen_live_is_last_good(self) -> None:
        """A document that never loaded is never taken for the last good one."""
        for row in self.rows("SELECT * FROM applied WHERE verified_document IS NOT NULL"):
            document = json.loads(row["verified_document"])
            if not self.dagster.was_good(row["deployment"], row["location"], document):
                self.violated("I9", f"{row['location']}: {document} was never live")

    def i10_put_back_once(self, was: Row, row: Row) -> None:
        """A target is put back at most once, and a rollback only when a person asks."""
        if row["state"] != _BACK:
            return
        moves = self.rows(
            "SELECT data FROM events WHERE kind = 'moved' AND deploy_id = ? AND location = ?",
            row["deploy_id"],
            row["location"],
        )
        if sum(json.loads(each["data"])["to"] == _BACK for each in moves) > 1:
            self.violated("I10", f"target {row['id']} is put back twice")
        kind = json.loads(row["deploy_plan"])["kind"]
        if kind == DeployKind.ROLLBACK.value and was["stop"] != Stop.GO_BACK.value:
            self.violated("I10", f"target {row['id']} rolls a rollback back")

    def an_accepted_stop_is_obeyed(self, row: Row) -> None:
        """A person who was told "it stops" never sees it end as if nothing was asked."""
        if row["stop"] is not None and row["state"] in _GOOD:
            self.violated("stop", f"target {row['id']} ended {row['state']} despite {row['stop']}")

    def an_end_is_what_was_seen(self, row: Row, steps: dict[tuple[int, str], Row]) -> None:
        """Success is never said of something that wasn't there."""
        end = row["state"]
        if end not in {*_GOOD, TargetState.PUT_BACK.value}:
            return
        name = StepName.APPLY if end in _GOOD else StepName.PUT_BACK_APPLY
        if end == TargetState.UNCHANGED.value:
            name = StepName.READ_LIVE
        document = json.loads(steps[row["id"], name.value]["output"])["document"]
        if not self.dagster.was_good(row["deployment"], row["location"], document):
            self.violated("truth", f"target {row['id']} is {end}, and it never loaded")

    # -- when a change arrives at Dagster+ --

    def arrived(
        self, by: str, worker: str, woken: float, claim: Claim | None, change: Change
    ) -> None:
        """Hold a change against the lease, the plan, and what others did."""
        if claim is None:
            self.violated("I4", f"{by} sent a change without looking at its lease")
            return
        (row,) = self.rows(
            """SELECT targets.*, deploys.confirmed_at FROM targets
               JOIN deploys ON deploys.id = deploy_id WHERE targets.id = ?""",
            claim.target_id,
        )
        self.i4_the_lease_is_ours(by, worker, claim, row)
        self.i5_what_was_approved_is_what_is_sent(row, change)
        self.nobody_is_overwritten(by, woken, change)
        self.what_is_unknown_is_changed_by_a_person(row, change)

    def i4_the_lease_is_ours(self, by: str, worker: str, claim: Claim, row: Row) -> None:
        """A change is sent only under a lease that is valid at that moment."""
        until = row["lease_until"]
        valid = until is not None and datetime.fromisoformat(until).replace(tzinfo=UTC) > self.now()
        if row["worker"] != worker or row["fence"] != claim.fence or not valid:
            self.violated(
                "I4",
                f"{by} changed {claim.location} with fence {claim.fence} at {self.now():%T}; the "
                f"row has {row['worker']}, fence {row['fence']}, until {until}",
            )

    def i5_what_was_approved_is_what_is_sent(self, row: Row, change: Change) -> None:
        """What is applied is what the plan said; what is put back is what was live."""
        plan, sent = json.loads(row["plan"]), clean(change.document)
        if row["state"] == _BACK:
            if not self.dagster.was_good(*change.place, sent):
                self.violated("I5", f"target {row['id']} puts back what was never live: {sent}")
        elif row["confirmed_at"] is not None and sent != clean(plan["document"]):
            self.violated("I5", f"target {row['id']}: {plan['document']} confirmed, {sent} sent")
        elif plan["document"].get("image") != sent.get("image") and not _redeploy(row, self):
            self.violated("I5", f"target {row['id']}: another image was sent than was planned")

    def nobody_is_overwritten(self, by: str, woken: float, change: Change) -> None:
        """What somebody else asked for, and we could know of, is never overwritten. (Between the
        last look and the change is a moment, in which a process may even be stopped.)"""
        others = self.dagster.others.get(change.place, 0.0)
        read = max(self.dagster.read_at[by, change.deployment], woken)
        if others > read and change.at - others > A_MOMENT:
            self.violated("overwritten", f"{by} sent over a change that it had not looked for")

    def what_is_unknown_is_changed_by_a_person(self, row: Row, change: Change) -> None:
        """Where putting back has failed nothing is sent that nobody has confirmed since."""
        before = self.unknown.get(change.place)
        if before is None:
            return
        if row["confirmed_at"] is None or row["deploy_id"] in before:
            self.violated("unknown", f"deploy {row['deploy_id']} went on by itself")

    def applied(self, claim: Claim | None, change: Change) -> None:
        """Count what has really changed Dagster+."""
        if claim is None:
            return
        (row,) = self.rows("SELECT state FROM targets WHERE id = ?", claim.target_id)
        phase = "back" if row["state"] == _BACK else "forward"
        self.sent[claim.target_id, phase, json.dumps(clean(change.document))] += 1
        self.a_change_is_made_once(claim.target_id, phase, change)

    def a_change_is_made_once(self, target_id: int, phase: str, change: Change) -> None:
        """Nothing is done twice; except what the network kept back while we looked, and what was
        asked for already before: then nobody can tell whether it was asked for again."""
        if change.before is not None and clean(change.before) == clean(change.document):
            return
        times = self.sent[target_id, phase, json.dumps(clean(change.document))]
        if times > 1 and change.place not in self.late:
            self.violated("twice", f"target {target_id}, {phase}: sent {times} times")

    # -- at the end --

    def i2_everything_has_ended(self) -> None:
        """Every deploy ends or asks for a person, in time."""
        for row in self.rows("SELECT * FROM targets"):
            if row["state"] not in _ENDED:
                self.violated("I2", f"target {row['id']} is still {row['state']}: {row['note']}")

    def i8_no_secret_is_anywhere(self, canaries: tuple[str, ...], *texts: str) -> None:
        """No token in the store, in Slack, or in the logs."""
        kept = "\n".join(self._store.iterdump())
        for canary in canaries:
            for where, text in (
                ("the store", kept),
                *((f"text {n}", t) for n, t in enumerate(texts)),
            ):
                if canary in text:
                    self.violated("I8", f"a token is in {where}")


def _redeploy(row: Row, watch: Watch) -> bool:
    (deploy,) = watch.rows("SELECT plan FROM deploys WHERE id = ?", row["deploy_id"])
    kind: str = json.loads(deploy["plan"])["kind"]
    return kind == DeployKind.REDEPLOY.value
