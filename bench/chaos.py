"""Bots under load that are killed again and again (`kill -9`), on SQLite and on PostgreSQL.

What counts is asked of those who know: commands that Slack saw acknowledged, rows of deploys,
mutations at the control plane, cards in the channel.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from bench.world import sandbox
from deploy_core.clock import SystemClock
from deploy_core.model.deploys import Deploy, StepState
from deploy_core.model.errors import StoreError
from deploy_core.model.plan import StepName
from deploy_core.model.states import HOLDS_THE_TARGET
from deploy_core.store.store import Store
from deploy_core.store.tables import outbox, targets
from sandbox.bot_process import BotProcess, start_bot
from sandbox.slack.client import Workspace
from tests.support.postgres import running_server, server_programs

CHANNEL = "#deploys"
LOCATIONS = ("quickstart", "core", "marts", "ml")
MOST_OPEN = 8
"""People wait for what runs before they start more."""

SETTLE_SECONDS = 180.0


@dataclass
class Tally:
    """What came of it. `lost`: acknowledged without a deploy, or a deploy that never ended.
    `doubled`: deploys, changes or cards that are there twice."""

    store: str
    seconds: float = 0.0
    kills: int = 0
    typed: int = 0
    acked: list[str] = field(default_factory=list)
    started: int = 0
    finished: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    recovery: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.lost and not self.doubled and self.finished > 0

    def row(self) -> str:
        """Return it as a row of the table."""
        took = sorted(self.recovery)
        middle = f"{took[len(took) // 2]:.1f} s" if took else "none was at work"
        most = f"{took[-1]:.1f} s" if took else ""
        ends = ", ".join(f"{number} {state}" for state, number in self.ends.most_common())
        return (
            f"| {self.store} | {self.seconds / 60:.1f} min | {self.kills} | {self.started} | "
            f"{self.finished} ({ends}) | {len(self.lost)} | {len(self.doubled)} | {middle} | "
            f"{most} |"
        )


HEAD = (
    "| store | time | kills | deploys started | finished | lost | doubled | recovery p50 | max |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass
class Chaos:
    """One store, its bots, and the people who type."""

    report: dict[str, Any]
    home: Path
    changes: dict[str, Any]
    store: Store
    workspace: Workspace
    dagster: httpx.AsyncClient
    tally: Tally
    pauses: tuple[float, float]
    dice: random.Random
    bots: list[BotProcess] = field(default_factory=list)

    async def run(self, seconds: float, bots: int) -> None:
        """Play for so long, then let everything come to its end and count."""
        for number in range(bots):
            self.bots.append(await self._start(number))
        await self.workspace.wait_for_sockets(bots, 90)
        began = time.monotonic()
        load = asyncio.create_task(self._load())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await asyncio.sleep(self.dice.uniform(*self.pauses))
                    await self._kill(self.dice.randrange(bots))
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        self.tally.seconds = time.monotonic() - began
        await self._settle()
        await self._count()

    async def _start(self, number: int) -> BotProcess:
        return await start_bot(self.report, self.home / f"bot{number}", self.changes)

    async def _load(self) -> None:
        people = [self.workspace.person(name) for name in ("ada", "grace")]
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 0.8))
            if len(await self.store.deploys.running()) >= MOST_OPEN:
                continue
            self.tally.typed += 1
            why = f"chaos {self.tally.typed}"
            text = f'/dagster deploy {self.dice.choice(LOCATIONS)} --why "{why}"'
            # Nobody is connected just after a kill: then Slack tells the person so.
            outcome = await self.dice.choice(people).command(CHANNEL, text)
            if outcome.acked:
                self.tally.acked.append(why)

    async def _kill(self, number: int) -> None:
        bot = self.bots[number]
        held = await self._held(bot.process.pid)
        bot.process.kill()
        await bot.process.wait()
        killed = time.monotonic()
        self.tally.kills += 1
        self.bots[number] = await self._start(number)
        if held:
            await self._taken_over(held)
            self.tally.recovery.append(time.monotonic() - killed)

    async def _held(self, pid: int) -> dict[int, int]:
        """Return the targets that a process runs, with their fences."""
        query = sa.select(targets.c.id, targets.c.fence).where(
            targets.c.worker.contains(f"-{pid}-"),
            targets.c.state.in_([state.value for state in HOLDS_THE_TARGET]),
        )
        async with self.store.database.read() as connection:
            return {row.id: row.fence for row in (await connection.execute(query)).all()}

    async def _taken_over(self, held: dict[int, int]) -> None:
        """Wait until every target is with another worker."""
        query = sa.select(targets.c.id, targets.c.fence).where(targets.c.id.in_(held))
        while True:
            with suppress(StoreError):
                async with self.store.database.read() as connection:
                    rows = (await connection.execute(query)).all()
                if all(row.fence > held[row.id] for row in rows):
                    return
            await asyncio.sleep(0.02)

    async def _settle(self) -> None:
        """Wait for the end of all, and until Slack was told."""
        until = time.monotonic() + SETTLE_SECONDS
        waiting = sa.select(sa.func.count()).where(
            outbox.c.state.in_(["pending", "sending", "unsure"])
        )
        while time.monotonic() < until:
            with suppress(StoreError):
                running = await self.store.deploys.running()
                async with self.store.database.read() as connection:
                    unsent = (await connection.execute(waiting)).scalar_one()
                whys = {each.why for each in await self._deploys()}
                if not running and not unsent and set(self.tally.acked) <= whys:
                    return
            await asyncio.sleep(0.2)

    async def _deploys(self) -> list[Deploy]:
        return await self.store.deploys.recent(most=100_000)

    async def _count(self) -> None:
        tally, deploys = self.tally, await self._deploys()
        tally.started = len(deploys)
        tally.finished = sum(deploy.ended for deploy in deploys)
        tally.ends = Counter(deploy.targets[0].state.value for deploy in deploys)
        whys = Counter(str(deploy.why) for deploy in deploys)
        tally.lost = [why for why in tally.acked if why not in whys]
        tally.lost += [f"deploy {deploy.id}" for deploy in deploys if not deploy.ended]
        tally.doubled = [f"{why}: {count} deploys" for why, count in whys.items() if count > 1]
        sent = Counter(
            request["variables"]["document"]["location_name"]
            for request in (await self.dagster.get("/sandbox/state")).json()["requests"]
            if request["kind"] == "mutation"
        )
        wanted: Counter[str] = Counter()
        for deploy in deploys:
            wanted[deploy.targets[0].location] += _changes(deploy)
        for name in LOCATIONS:
            if sent[name] > wanted[name]:
                tally.doubled.append(f"{name}: {sent[name]} changes, {wanted[name]} wanted")
            if sent[name] < wanted[name]:
                tally.lost.append(f"{name}: {sent[name]} changes, {wanted[name]} wanted")
        cards = Counter(
            payload["deploy"]
            for message in await self.workspace.messages(CHANNEL)
            if (payload := (message.metadata or {}).get("event_payload", {})).get("topic") == "card"
        )
        tally.doubled += [f"deploy {n}: {count} cards" for n, count in cards.items() if count > 1]
        tally.lost += [f"deploy {d.id}: no card" for d in deploys if d.ended and not cards[d.id]]


def _changes(deploy: Deploy) -> int:
    """Return how many changes a deploy has sent, by its journal."""
    steps = (StepName.APPLY, StepName.PUT_BACK_APPLY)
    found = [deploy.targets[0].step(step) for step in steps]
    return sum(step is not None and step.state is StepState.FINISHED for step in found)


async def run(
    seconds: float,
    kinds: tuple[str, ...] = ("SQLite", "PostgreSQL"),
    pauses: tuple[float, float] = (5.0, 40.0),
    **changes: Any,
) -> list[Tally]:
    """Play on each store, half of the time; `pauses` are the seconds between two kills."""
    tallies = []
    for kind in kinds:
        tally = Tally(kind)
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, _server(kind) as server:
            store = str(Path(folder) / "store.sqlite") if server is None else server
            async with _opened(Path(folder), store, tally, pauses, changes) as chaos:
                await chaos.run(seconds / len(kinds), bots=1 if kind == "SQLite" else 2)
        tallies.append(tally)
    return tallies


@contextmanager
def _server(kind: str) -> Any:
    programs = server_programs()
    if kind == "SQLite":
        yield None
    elif programs is None:
        raise SystemExit("PostgreSQL isn't installed (the package `postgresql`).")
    else:
        with running_server(programs) as address:
            yield f"{address}/postgres"


@asynccontextmanager
async def _opened(
    home: Path, store: str, tally: Tally, pauses: tuple[float, float], changes: dict[str, Any]
) -> AsyncIterator[Chaos]:
    async with AsyncExitStack() as stack:
        report = await stack.enter_async_context(
            sandbox(home / "sandbox", "--instant-agent", "0.3")
        )
        workspace = await stack.enter_async_context(Workspace(report["slack_page"]))
        dagster = await stack.enter_async_context(
            httpx.AsyncClient(base_url=report["dagster_url"], trust_env=False, timeout=60)
        )
        opened = await Store.open(store, SystemClock())
        stack.push_async_callback(opened.close)
        known = {"store": store, "work_folder": str(home / "work"), "drain_seconds": 1}
        chaos = Chaos(
            report=report,
            home=home,
            changes={**known, **changes},
            store=opened,
            workspace=workspace,
            dagster=dagster,
            tally=tally,
            pauses=pauses,
            dice=random.Random(),
        )
        try:
            yield chaos
        finally:
            await asyncio.gather(*(bot.stop() for bot in chaos.bots))


def main() -> None:
    """`python -m bench.chaos --minutes 10`. Exits with 1 on any loss or double."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--store", choices=["SQLite", "PostgreSQL"], action="append")
    asked = parser.parse_args()
    kinds = tuple(asked.store or ("SQLite", "PostgreSQL"))
    tallies = asyncio.run(run(asked.minutes * 60, kinds))
    print(HEAD)
    for tally in tallies:
        print(tally.row())
    for tally in tallies:
        for each in (*tally.lost, *tally.doubled):
            print(f"{tally.store}: {each}")
    sys.exit(not all(tally.good for tally in tallies))


if __name__ == "__main__":
    main()
