"""Looks at failed runs are bounded, lose nothing, and count once however many processes look."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy_core.clock import SystemClock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.errors import DagsterPlusError
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.store.store import Store
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.run_observer import MOST_JOBS, MOST_PAGES, RunObserver
from sandbox.dagster_plus import server
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.dagster_plus.load_errors import LoadError
from sandbox.dagster_plus.runs import Run
from tests.store.test_watching import sent

SETTINGS = CoreSettings(deployments={"prod": DeploymentSettings(watch_channel="C0OPS")})
KINDS = ("KeyError: 'a{0}'\n", "OSError: no file {0}\n", "ValueError: row {0}\n")


@dataclass
class Watcher:
    """One process."""

    store: Store
    observer: RunObserver
    requests: Counter[str] = field(default_factory=Counter)

    async def look(self) -> bool:
        return await self.observer.look("prod")

    async def counts(self) -> list[int]:
        groups = await self.store.failed_runs.of_incidents(range(1, 100))
        return sorted(each.runs for each in groups.values())


@dataclass
class Org:
    """A Dagster+ and those who watch it, on one database."""

    dagster: server.DagsterPlus
    address: str
    stack: AsyncExitStack

    async def watcher(self, read_deadline: float = 30.0) -> Watcher:
        clock, requests = SystemClock(), Counter[str]()
        client = DagsterPlus(
            organization="sandbox",
            token=SecretStr(self.dagster.tokens.user),
            url=self.dagster.url,
            clock=clock,
            on_call=lambda operation, _outcome, _seconds: requests.update([operation]),
            read_deadline=read_deadline,
        )
        self.stack.push_async_callback(client.close)
        store = await Store.open(self.address, clock)
        self.stack.push_async_callback(store.close)
        readings = Readings(client, clock)
        recipients = Recipients(SETTINGS, store.subscriptions, clock, lambda _location: None)
        observer = RunObserver(SETTINGS, client, readings, store, clock, recipients)
        return Watcher(store, observer, requests)

    def fails(self, number: int, *, job: str = "daily", message: str | None = None) -> Run:
        run = Run("core", job)
        self.dagster.plane.deployment("prod").runs.append(run)
        run.fail(LoadError((message or KINDS[number % 3]).format(number)))
        return run

    def works(self, job: str = "daily") -> None:
        run = Run("core", job)
        self.dagster.plane.deployment("prod").runs.append(run)
        run.set_status("SUCCESS")


@pytest.fixture
async def org(tmp_path: Path) -> AsyncIterator[Org]:
    async with AsyncExitStack() as stack:
        dagster = await server.start_dagster_plus()
        stack.push_async_callback(dagster.close)
        yield Org(dagster, str(tmp_path / "store.sqlite"), stack)


async def test_a_look_is_bounded_and_the_next_one_goes_on(org: Org) -> None:
    watcher = await org.watcher()
    await watcher.look()
    for number in range(250):
        org.fails(number)
    for expected in (100, 200, 250):
        watcher.requests.clear()
        assert await watcher.look()
        assert sum(await watcher.counts()) == expected
        assert watcher.requests["ChatopsRuns"] <= MOST_PAGES + 1
        assert watcher.requests["ChatopsRunEvents"] <= 100
    assert await watcher.counts() == [83, 83, 84]
    assert [topic for _, topic in await sent(watcher.store)] == ["card"] * 3


async def test_nothing_new_costs_one_question_and_writes_nothing(org: Org) -> None:
    watcher = await org.watcher()
    await watcher.look()
    before = await watcher.store.watching.last("prod", "runs")
    watcher.requests.clear()
    assert await watcher.look()
    assert watcher.requests == {"ChatopsRuns": 1}
    assert await watcher.store.watching.last("prod", "runs") == before


async def test_processes_that_look_at_the_same_time_count_once(org: Org) -> None:
    watchers = [await org.watcher() for _ in range(3)]
    await watchers[0].look()
    for number in range(150):
        org.fails(number)
        if number % 30 == 0:
            await asyncio.gather(*(each.look() for each in watchers))
    for _ in range(4):
        await asyncio.gather(*(each.look() for each in watchers))
    assert await watchers[0].counts() == [50, 50, 50]
    assert {about for about, _ in await sent(watchers[1].store)} == {"post 1", "post 2", "post 3"}


async def test_what_fails_while_a_sweep_goes_on_is_not_lost(org: Org) -> None:
    watcher = await org.watcher()
    await watcher.look()
    for number in range(150):
        org.fails(number)
    await watcher.look()
    late = [org.fails(number) for number in range(6)]
    for _ in range(3):
        await watcher.look()
    assert sum(await watcher.counts()) == 156
    known = await watcher.store.failed_runs.known("prod", [run.run_id for run in late])
    assert len(known) == 6


async def test_what_could_not_be_asked_is_asked_again(org: Org) -> None:
    watcher = await org.watcher(read_deadline=0.5)
    await watcher.look()
    org.fails(0)
    fault = RequestFault(operation="logsForRun", kind="status", status=503, times=None)
    org.dagster.plane.faults.add(Faults(requests=[fault]))
    with pytest.raises(DagsterPlusError):
        await watcher.look()
    assert await watcher.counts() == []
    org.dagster.plane.faults.clear()
    await watcher.look()
    assert await watcher.counts() == [1]


async def test_of_many_jobs_a_few_are_asked_in_turn_until_all_work(org: Org) -> None:
    watcher = await org.watcher()
    await watcher.look()
    jobs = [f"job_{number:02}" for number in range(MOST_JOBS * 2 + 5)]
    for job in jobs:
        org.fails(0, job=job, message="OSError: gone\n")
    await watcher.look()
    for job in jobs:
        org.works(job)
    for over in (False, False, True):
        watcher.requests.clear()
        await watcher.look()
        assert watcher.requests["ChatopsRuns"] <= MOST_JOBS + MOST_PAGES
        assert (await watcher.store.failed_runs.open_groups("prod") == []) == over
    assert [topic for _, topic in await sent(watcher.store)] == ["card", "event"]


async def test_what_failed_before_anybody_looked_is_no_news(org: Org) -> None:
    org.fails(0)
    watcher = await org.watcher()
    for _ in range(3):
        await watcher.look()
    assert await watcher.counts() == []
    run = org.fails(1)
    await watcher.look()
    (found,) = (await watcher.store.failed_runs.of_incidents([1])).values()
    assert found.last_run == run.run_id
