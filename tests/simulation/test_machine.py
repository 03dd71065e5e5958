"""Anything may happen at any moment to several processes on one store; what is promised holds.

Hypothesis picks what happens. `make test` plays the same few hundred steps each time;
`make nightly` plays ten thousand others (`MACHINE_STEPS`, and `--hypothesis-seed` to repeat).
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Coroutine
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from deploy_core.model.deploys import Stop
from deploy_core.model.documents import version_of
from deploy_core.model.people import Actor
from deploy_core.model.plan import (
    ArtifactKind,
    DeployKind,
    DeployPlan,
    DeployRequest,
    StepName,
    TargetPlan,
)
from deploy_core.model.states import ENDED, TargetState
from tests.simulation.process import Process
from tests.simulation.world import (
    DEPLOYMENTS,
    LOAD_MINUTES,
    LOCATIONS,
    Simulation,
    document,
    jump,
    place,
)
from tests.support.plans import ADA, GRACE

STEPS_OF_ONE = 50
IN_MAKE_TEST = 400
STEPS = int(os.environ.get("MACHINE_STEPS", IN_MAKE_TEST))
MOST_PROCESSES = 3

REACHED: Counter[str] = Counter()
"""Which ends the targets came to: a machine that reaches none proves nothing."""

deployments = st.sampled_from(DEPLOYMENTS)
locations = st.sampled_from(LOCATIONS)
people = st.sampled_from([ADA, GRACE])
number = st.integers(min_value=0, max_value=20)
mostly_good = st.sampled_from([False, False, True])

PUT, STATES, ENTRIES = "ChatopsPutLocation", "ChatopsLocationStates", "ChatopsWorkspaceEntries"
operations = st.sampled_from([PUT, PUT, PUT, PUT, STATES, ENTRIES, "*"])
refusals = st.sampled_from(
    [
        {"kind": "status", "status": 429, "retry_after": "3"},
        {"kind": "status", "status": 429, "retry_after": "60"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 401},
        {"kind": "maintenance", "maintenance_retry_interval": 5},
        {"kind": "errors"},
        {"kind": "drop_before_change"},
        {"kind": "drop_after_change"},
        {"kind": "truncated"},
    ]
)
slack_faults = st.sampled_from(
    ["ratelimited", "500", "lost_before", "lost_after", "is_archived", "invalid_blocks", "hang"]
)


class Machine(RuleBasedStateMachine):
    """The rules are what can happen; the invariants are in `tests.simulation.invariants`."""

    deploys: ClassVar[Bundle[int]] = Bundle("deploys")

    @initialize(
        seed=st.integers(min_value=0, max_value=10_000), live=st.sampled_from([True, True, False])
    )
    def begin(self, seed: int, live: bool) -> None:
        self.world = Simulation(seed)
        self._do(self.world.start_process())
        if live:
            for deployment in DEPLOYMENTS:
                for location in LOCATIONS:
                    self._somebody_else(deployment, location, broken=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._do(self.world.heal(dagster=self.world.images % 2 == 0))
            for row in self.world.watch.rows("SELECT id FROM deploys WHERE confirmed_at IS NULL"):
                process = self.world.acting[0]
                self._ask(process, "clear", process.engine.stop(row["id"], Stop.CANCEL, ADA))
            self._do(self.world.finish())
            self.holds()
            REACHED.update(each["state"] for each in self.world.watch.rows("SELECT * FROM targets"))
            REACHED["mutations"] += sum(self.world.watch.sent.values())
        finally:
            self.world.end()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        result = self.world.run(work)
        self.world.run(self.world.bury())
        return result

    def _ask(self, process: Process, what: str, work: Coroutine[Any, Any, Any]) -> Any:
        return self._do(self.world.ask(process, what, work))

    def _process(self, which: int) -> Process | None:
        """One that can act; where all have died, a supervisor has started another."""
        if not self.world.alive:
            self._do(self.world.start_process())
        acting = self.world.acting
        return acting[which % len(acting)] if acting else None

    def _somebody_else(self, deployment: str, location: str, *, broken: bool) -> None:
        image = self.world.new_image(broken=broken)

        async def send() -> None:
            self.world.say(f"somebody else sends {location} {image[-64:-60]} to {deployment}")
            now = self.world.loop.time()
            self.world.dagster.somebody_else_sends(deployment, document(location, image), now)

        self._do(send())

    # -- people --

    @rule(
        target=deploys,
        where=deployments,
        what=st.sets(locations, min_size=1),
        by=people,
        broken=mostly_good,
        which=number,
    )
    def deploy(self, where: str, what: set[str], by: Actor, broken: bool, which: int) -> Any:
        return self._deploy(where, what, by, broken=broken, which=which)

    def _deploy(self, where: str, what: set[str], by: Actor, *, broken: bool, which: int) -> Any:
        """`/dagster deploy --image`; what isn't there yet is a first deploy, from a file."""
        process, image = self._process(which), self.world.new_image(broken=broken)
        if process is None:
            return multiple()
        there = all(self.world.dagster.document_of(where, name) for name in what)
        request = DeployRequest(
            kind=DeployKind.DEPLOY,
            actor=by,
            locations=tuple(sorted(what)),
            deployment=where,
            image=image,
        )
        if there:
            work = process.engine.start(request, place())
        else:
            plan = _first(where, sorted(what), image)
            work = process.engine.start_plan(plan, request, place=place())
        started = self._ask(process, f"deploy {image[-64:-60]} to {where} {sorted(what)}", work)
        return started.id if started else multiple()

    @rule(
        target=deploys,
        what=locations,
        broken=mostly_good,
        which=number,
        seconds=st.sampled_from([0.1, 0.5, 2.0, 5.0]),
    )
    def deploy_one_and_wait(self, what: str, broken: bool, which: int, seconds: float) -> Any:
        started = self._deploy("prod", {what}, ADA, broken=broken, which=which)
        self._do(asyncio.sleep(seconds))
        return started

    @rule(target=deploys, where=deployments, what=locations, by=people, which=number)
    def redeploy(self, where: str, what: str, by: Actor, which: int) -> Any:
        """The live document again."""
        process = self._process(which)
        if process is None:
            return multiple()
        request = DeployRequest(
            kind=DeployKind.REDEPLOY, actor=by, locations=(what,), deployment=where
        )
        started = self._ask(process, f"redeploy {what}", process.engine.start(request, place()))
        return started.id if started else multiple()

    @rule(target=deploys, behind=deploys, by=people, which=number)
    def roll_back(self, behind: int, by: Actor, which: int) -> Any:
        """What was live before a deploy."""
        process = self._process(which)
        if process is None:
            return multiple()

        async def work() -> Any:
            request = await process.engine.back_behind(behind, by)
            return await process.engine.start(request, place())

        started = self._ask(process, f"roll back behind {behind}", work())
        return started.id if started else multiple()

    @rule(target=deploys, what=locations, broken=mostly_good, which=number)
    def deploy_and_confirm(self, what: str, broken: bool, which: int) -> Any:
        """To the protected deployment."""
        started = self._deploy("staging", {what}, ADA, broken=broken, which=which)
        process = self._process(which)
        if process is not None and isinstance(started, int):
            self._ask(process, f"confirm {started}", process.engine.confirm(started, ADA))
        return started

    @rule(deploy=deploys, by=people, which=number)
    def confirm(self, deploy: int, by: Actor, which: int) -> None:
        process = self._process(which)
        if process is not None:
            self._ask(process, f"confirm {deploy}", process.engine.confirm(deploy, by))

    @rule(deploy=deploys, by=people, stop=st.sampled_from(Stop), which=number)
    def stop(self, deploy: int, by: Actor, stop: Stop, which: int) -> None:
        process = self._process(which)
        if process is not None:
            self._ask(process, f"{stop.value} {deploy}", process.engine.stop(deploy, stop, by))

    @rule(deploy=deploys, which=number, other=number)
    def two_press_at_once(self, deploy: int, which: int, other: int) -> None:
        """Two people, two processes, one button: one of them is first."""
        pair = [self._process(which), self._process(other)]
        if pair[0] is None or pair[1] is None:
            return
        button = f"button {self.world.images}"
        first, second = pair[0], pair[1]
        what = (deploy, button)

        async def press() -> None:
            await asyncio.gather(
                *(
                    self.world.ask(each, f"{by.id} presses", each.store.deploys.press(*what, by))
                    for each, by in ((first, ADA), (second, GRACE))
                )
            )

        self._do(press())
        rows = self.world.watch.rows(
            "SELECT * FROM presses WHERE deploy_id = ? AND action = ?", deploy, button
        )
        assert len(rows) <= 1, rows

    # -- time --

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    @rule(seconds=st.sampled_from([10.0, 40.0, 140.0]))
    def much_time_passes(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    @rule()
    def all_is_well_again(self) -> None:
        self._do(self.world.heal(dagster=True))
        self._do(asyncio.sleep(5))

    # -- Dagster+ --

    @rule(where=deployments, what=locations, broken=mostly_good)
    def somebody_else_deploys(self, where: str, what: str, broken: bool) -> None:
        self._somebody_else(where, what, broken=broken)

    @rule(
        how=st.sampled_from(["never", "error", "again", "gone", "back", "slow", "quick"]),
        where=deployments,
        what=locations,
    )
    def the_agent(self, how: str, where: str, what: str) -> None:
        async def change() -> None:
            dagster = self.world.dagster
            self.world.say(f"agent: {how} ({what} of {where})")
            match how:
                case "never":
                    dagster.silent.add((where, what))
                case "error":  # LOADED, then ERROR
                    dagster.breaks_after_loading(where, what)
                case "again":
                    dagster.silent.clear()
                    dagster.report_all()
                case "gone" | "back":
                    dagster.set_agent(running=how == "back")
                case _:
                    dagster.load_seconds = 8.0 if how == "slow" else 0.5

        self._do(change())

    @rule(operation=operations, how=refusals, times=st.sampled_from([1, 1, 1, 2, 5, 40]))
    def dagster_refuses(self, operation: str, how: dict[str, Any], times: int) -> None:
        self.world.say(f"Dagster+ answers {operation} with {how}, {times} times")
        self.world.dagster.fault(operation, times=times, **how)

    @rule(how=st.sampled_from(["before", "after", "on", "arrives", "lost"]))
    def a_change_hangs(self, how: Any) -> None:
        """The next change, or its answer, is on the way for as long as we like."""

        async def hang() -> None:
            dagster = self.world.dagster
            self.world.say(f"a change hangs: {how}")
            match how:
                case "before" | "after":
                    dagster.hold = how
                case "on":
                    dagster.release()
                case "arrives":
                    self.world.watch.late |= dagster.deliver_late()
                case _:
                    dagster.late.clear()

        self._do(hang())

    # -- Slack --

    @rule(faults=st.lists(slack_faults, min_size=1, max_size=6), archived=st.booleans())
    def slack_refuses(self, faults: list[Any], archived: bool) -> None:
        self.world.say(f"Slack will answer {faults}; archived: {archived}")
        self.world.slack.faults.extend(faults)
        self.world.slack.archived = archived

    @rule(which=number)
    def somebody_deletes_a_message(self, which: int) -> None:
        messages = [m for m in self.world.slack.messages.values() if not m.deleted]
        if messages:
            chosen = messages[which % len(messages)]
            self.world.say(f"message {chosen.ts} is deleted")
            chosen.deleted = True

    # -- processes, their store, their clock --

    @precondition(lambda self: len(self.world.alive) < MOST_PROCESSES)
    @rule()
    def a_process_starts(self) -> None:
        self._do(self.world.start_process())

    @rule(which=number, how=st.sampled_from(["kill", "stop", "wake", "end", "end slowly"]))
    def signal(self, which: int, how: str) -> None:
        """SIGKILL, SIGSTOP, SIGCONT, SIGTERM."""

        async def send() -> None:
            if not self.world.alive:
                return
            process = self.world.alive[which % len(self.world.alive)]
            self.world.say(f"{process.name}: {how}")
            match how:
                case "kill":
                    process.kill()
                case "stop":
                    process.stop()
                case "wake":
                    process.wake()
                case _ if process.can_act:
                    await process.end(0.0 if how == "end" else 5.0)

        self._do(send())

    @rule(
        which=number,
        writes=st.integers(min_value=1, max_value=12),
        how=st.sampled_from(["kill", "kill", "stop"]),
    )
    def ends_after_writes(self, which: int, writes: int, how: str) -> None:
        """Between any two writes, or just after one of which it never hears."""
        process = self._process(which)
        if process is not None:
            self.world.say(f"{process.name}: {how} after {writes} writes")
            process.writes_left, process.then_stops = writes, how == "stop"

    @rule(which=number, away=st.booleans())
    def the_store(self, which: int, away: bool) -> None:
        process = self._process(which)
        if process is not None:
            self.world.say(f"the database of {process.name} is {'away' if away else 'there'}")
            process.store_is_away = away

    @rule(which=number)
    def plans_expire(self, which: int) -> None:
        """The bot's housekeeping looks whether somebody still waits for a confirmation."""
        process = self._process(which)
        if process is not None:
            self._ask(process, "expire", process.store.deploys.expire())

    @rule(hours=st.sampled_from([30.0, 1.0, -1.0, 0.01, -0.01]))
    def the_wall_clock_jumps(self, hours: float) -> None:
        self.world.say(f"the wall clock jumps by {hours} h")
        jump(self.world, hours)

    # -- what holds --

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world") and self.world.watch.broken:
            note("\n".join(self.world.trace[-150:]))
            raise AssertionError("\n".join(self.world.watch.broken[:5]))


def _first(where: str, names: list[str], image: str) -> DeployPlan:
    return DeployPlan(
        kind=DeployKind.DEPLOY,
        deployment=where,
        protected=where == "staging",
        targets=tuple(
            TargetPlan(
                location=name,
                project=None,
                artifact=ArtifactKind.PREBUILT,
                document=document(name, image),
                version=version_of(document(name, image)),
                live=None,
                file_document=document(name, image),
                load_deadline=LOAD_MINUTES * 60,
                steps=(
                    StepName.FIND_IMAGE,
                    StepName.READ_LIVE,
                    StepName.APPLY,
                    StepName.WAIT,
                    StepName.VERIFY,
                ),
            )
            for name in names
        ),
    )


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=max(STEPS // STEPS_OF_ONE, 1),
    stateful_step_count=STEPS_OF_ONE,
    deadline=None,
    database=None,
    derandomize="MACHINE_STEPS" not in os.environ,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    phases=[Phase.generate, *([] if "MACHINE_STEPS" in os.environ else [Phase.shrink])],
)


def test_the_machine_came_somewhere() -> None:
    """What proves nothing is seen here; `test_every_end` shows that each end can be reached."""
    sys.stdout.write(f"{dict(REACHED)}\n")
    assert REACHED["mutations"] > 5
    assert REACHED[TargetState.VERIFIED.value]
    if STEPS >= 5_000:  # an agent that is quicker than every look is not among the rules
        rare = {TargetState.UNPROVEN, TargetState.UNCHANGED, TargetState.NEEDS_HUMAN}
        assert {state.value for state in ENDED - rare} <= set(REACHED)
