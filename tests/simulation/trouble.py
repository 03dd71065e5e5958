"""The rules of what else happens: time, Dagster+ and its agent, Slack, and what becomes of the
processes, their database and their clock."""

import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.simulation.stage import Stage, deployments, locations, mostly_good, number
from tests.simulation.world import jump

MOST_PROCESSES = 3

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


class Trouble(Stage):
    """Nothing here is anybody's fault, and all of it happens."""

    # -- time --

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule(seconds=st.sampled_from([10.0, 40.0, 140.0]))
    def much_time_passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule()
    def all_is_well_again(self) -> None:
        self.do(self.world.heal(dagster=True))
        self.do(asyncio.sleep(5))

    # -- Dagster+ --

    @rule(where=deployments, what=locations, broken=mostly_good)
    def somebody_else_deploys(self, where: str, what: str, broken: bool) -> None:
        self.somebody_else(where, what, broken=broken)

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

        self.do(change())

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

        self.do(hang())

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
        self.do(self.world.start_process())

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

        self.do(send())

    @rule(
        which=number,
        writes=st.integers(min_value=1, max_value=12),
        how=st.sampled_from(["kill", "kill", "stop"]),
    )
    def ends_after_writes(self, which: int, writes: int, how: str) -> None:
        """Between any two writes, or just after one of which it never hears."""
        process = self.process(which)
        if process is not None:
            self.world.say(f"{process.name}: {how} after {writes} writes")
            process.writes_left, process.then_stops = writes, how == "stop"

    @rule(which=number, away=st.booleans())
    def the_store(self, which: int, away: bool) -> None:
        process = self.process(which)
        if process is not None:
            self.world.say(f"the database of {process.name} is {'away' if away else 'there'}")
            process.store_is_away = away

    @rule(which=number)
    def plans_expire(self, which: int) -> None:
        """The bot's housekeeping looks whether somebody still waits for a confirmation."""
        process = self.process(which)
        if process is not None:
            self.ask(process, "expire", process.store.deploys.expire())

    @rule(hours=st.sampled_from([30.0, 1.0, -1.0, 0.01, -0.01]))
    def the_wall_clock_jumps(self, hours: float) -> None:
        self.world.say(f"the wall clock jumps by {hours} h")
        jump(self.world, hours)
