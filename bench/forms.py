"""How long a person waits for the form of a code location: from the command to `views.open`,
beside a bare Bolt app that opens a view at once. Both times are the sandbox's."""

import asyncio
import time
from pathlib import Path

from bench.ack import AT_ONCE, program, quantile
from bench.world import Report, sandbox
from sandbox.slack.client import Workspace

ROUNDS = 12
PROGRAMS = ("dagster-chatops", "Bolt, default")


async def measure(report: Report, at_once: int) -> list[float]:
    """Return the times in ms of forms that so many commands at once ask for, in rounds."""
    times: list[float] = []
    async with Workspace(report["slack_page"]) as workspace:
        ada = workspace.person("ada")

        async def began() -> tuple[str, float]:
            at = time.time()
            outcome = await ada.command("#deploys", "/dagster add-location")
            assert outcome.acked, outcome.reason
            return outcome.trigger_id, at

        for number in range(ROUNDS + 1):
            asked = dict(await asyncio.gather(*(began() for _ in range(at_once))))

            async def opened(asked: dict[str, float] = asked) -> dict[str, float] | None:
                calls = await workspace.calls("views.open")
                found = {call["args"]["trigger_id"]: float(call["at"]) for call in calls}
                return found if asked.keys() <= found.keys() else None

            found = await workspace.wait_for(opened, what="the forms")
            if number:  # the first round warms up
                times += [(found[trigger] - at) * 1000 for trigger, at in asked.items()]
            await ada.close(everything=True)
    return times


async def run(home: Path) -> list[str]:
    """Return the table's lines; the programs take turns."""
    lines = ["| | 1: p50 | p99 | 16 at once: p50 | p99 |", "|---|---|---|---|---|"]
    for name in PROGRAMS:
        async with (
            sandbox(home / "s", "--instant-agent", "0.1") as report,
            program(name, report, home, None),
        ):
            alone, together = await measure(report, 1), await measure(report, AT_ONCE)
        figures = [quantile(times, part) for times in (alone, together) for part in (0.5, 0.99)]
        lines.append(f"| {name} | {' | '.join(f'{each:.0f}' for each in figures)} |")
    return lines
