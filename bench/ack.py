"""How long a person's command waits for its acknowledgement, beside bare Bolt.

Ours has written the command down before it acknowledges; the peers keep nothing. The time is
taken by the Slack sandbox, from sending the payload to receiving the ack.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from bench.world import Report, bare_bolt, free_port, memory_mb, our_bot, sandbox
from sandbox.slack.client import Workspace

COMMANDS = 300
AT_ONCE = 16
WARM_UP = 20
ROUNDS = 3


def program(name: str, report: Report, home: Path, port: int | None) -> Any:
    """Return the context manager that runs one of the programs."""
    made: AbstractAsyncContextManager[Any]
    if name == "dagster-chatops":
        made = our_bot(report, home / f"bot-{time.monotonic_ns()}", port=port)
    else:
        made = bare_bolt(report, name.removeprefix("Bolt, "), port=port)
    return made


PROGRAMS = ("dagster-chatops", "Bolt, default", "Bolt, before_response")


async def measure(report: Report) -> tuple[list[float], list[float]]:
    """Return the ack times in ms of commands one by one, and of sixteen at once."""
    async with Workspace(report["slack_page"]) as workspace:
        ada = workspace.person("ada")

        async def one() -> float:
            outcome = await ada.command("#deploys", "/dagster help")
            assert outcome.acked, outcome.reason
            return outcome.ack_seconds * 1000

        for _ in range(WARM_UP):
            await one()
        alone = [await one() for _ in range(COMMANDS)]
        together: list[float] = []
        for _ in range(COMMANDS // AT_ONCE):
            together += await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        return alone, together


def quantile(times: list[float], part: float) -> float:
    """Return the value below which this part of the times is."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


async def run(home: Path) -> list[str]:
    """Return the table's lines: the programs in turn, several rounds, all times together."""
    lines = [
        "| transport | program | 1: p50 | p99 | 16 at once: p50 | p99 | p50 / default |",
        "|---|---|---|---|---|---|---|",
    ]
    for transport in ("Socket Mode", "HTTP"):
        found: dict[str, tuple[list[float], list[float]]] = {p: ([], []) for p in PROGRAMS}
        for _ in range(ROUNDS):
            for name in PROGRAMS:
                async with sandbox(home / "s", "--instant-agent", "0.1") as report:
                    port = free_port() if transport == "HTTP" else None
                    async with program(name, report, home, port):
                        alone, together = await measure(report)
                found[name][0].extend(alone)
                found[name][1].extend(together)
        base = quantile(found["Bolt, default"][0], 0.5)
        for name, (alone, together) in found.items():
            ratio = quantile(alone, 0.5) / base
            lines.append(
                f"| {transport} | {name} | {quantile(alone, 0.5):.1f} | "
                f"{quantile(alone, 0.99):.1f} | {quantile(together, 0.5):.1f} | "
                f"{quantile(together, 0.99):.1f} | {ratio:.2f} × |"
            )
    return lines


async def start_and_memory(home: Path) -> list[str]:
    """Return the lines for start to connected, and idle memory."""
    starts, memory = [], []
    async with sandbox(home / "s", "--instant-agent", "0.1") as report:
        for number in range(5):
            began = time.monotonic()
            async with our_bot(report, home / "start", port=None) as bot:
                starts.append(time.monotonic() - began)
                await asyncio.sleep(3)
                memory.append(memory_mb(bot.process.pid))
            del number
    return [
        f"| start to connected, median of 5 | {sorted(starts)[2]:.2f} s |",
        f"| idle memory (RSS), median of 5 | {sorted(memory)[2]:.0f} MB |",
    ]
