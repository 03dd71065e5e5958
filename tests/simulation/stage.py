"""What all rules of the machine stand on: the simulation, its processes, and what is looked at."""

from collections import Counter
from collections.abc import Coroutine
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from deploy_core.model.deploys import Stop
from tests.simulation.process import Process
from tests.simulation.world import DEPLOYMENTS, LOCATIONS, Simulation, document
from tests.support.plans import ADA

REACHED: Counter[str] = Counter()
"""Which ends the targets came to: a machine that reaches none proves nothing."""

deployments = st.sampled_from(DEPLOYMENTS)
locations = st.sampled_from(LOCATIONS)
number = st.integers(min_value=0, max_value=20)
mostly_good = st.sampled_from([False, False, True])


class Stage(RuleBasedStateMachine):
    """A simulation that begins, and is held against the promises after each step and at its end."""

    @initialize(
        seed=st.integers(min_value=0, max_value=10_000), live=st.sampled_from([True, True, False])
    )
    def begin(self, seed: int, live: bool) -> None:
        """One process; mostly something is live already."""
        self.world = Simulation(seed)
        self.do(self.world.start_process())
        if live:
            for deployment in DEPLOYMENTS:
                for location in LOCATIONS:
                    self.somebody_else(deployment, location, broken=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.do(self.world.heal(dagster=self.world.images % 2 == 0))
            for row in self.world.watch.rows("SELECT id FROM deploys WHERE confirmed_at IS NULL"):
                process = self.world.acting[0]
                self.ask(process, "clear", process.engine.stop(row["id"], Stop.CANCEL, ADA))
            self.do(self.world.finish())
            self.holds()
            REACHED.update(each["state"] for each in self.world.watch.rows("SELECT * FROM targets"))
            REACHED["mutations"] += sum(self.world.watch.sent.values())
        finally:
            self.world.end()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the simulation, and clear away who died of it."""
        result = self.world.run(work)
        self.world.run(self.world.bury())
        return result

    def ask(self, process: Process, what: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Let a person ask something of a process."""
        return self.do(self.world.ask(process, what, work))

    def process(self, which: int) -> Process | None:
        """One that can act; where all have died, a supervisor has started another."""
        if not self.world.alive:
            self.do(self.world.start_process())
        acting = self.world.acting
        return acting[which % len(acting)] if acting else None

    def somebody_else(self, deployment: str, location: str, *, broken: bool) -> None:
        """A CI job deploys a new image."""
        image = self.world.new_image(broken=broken)

        async def send() -> None:
            self.world.say(f"somebody else sends {location} {image[-64:-60]} to {deployment}")
            now = self.world.loop.time()
            self.world.dagster.somebody_else_sends(deployment, document(location, image), now)

        self.do(send())

    @invariant()
    def holds(self) -> None:
        """What is promised holds until here."""
        if hasattr(self, "world") and self.world.watch.broken:
            note("\n".join(self.world.trace[-150:]))
            raise AssertionError("\n".join(self.world.watch.broken[:5]))
