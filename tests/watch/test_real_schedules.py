"""Ticks of real Dagster, made by its daemon's own code, are read and judged rightly."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy_core.dagster_plus.values import Instigator
from deploy_core.watch.schedules import Loads, Trouble, judge_schedules, subject_of
from deploy_core.watch.transitions import Happened
from tests.dagster_plus.real_dagster import LOCATION, WAIT_SECONDS, RealDagster, opened

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]
"""Each starts a code server."""

LOADS = Loads({LOCATION: "v1"}, {LOCATION: "v1"}, {LOCATION})
WEEK = timedelta(days=7)


@pytest.fixture
async def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDagster]:
    monkeypatch.setenv("REAL_CODE_MARKER", str(tmp_path / "marker"))
    async with opened(tmp_path) as dagster:
        yield dagster


async def ticked(real: RealDagster, times: int) -> Instigator:
    """Wait until the sensor was evaluated so often: its interval is a second."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            await real.tick_sensors()
            seen = await real.client.schedules("prod", 9)
            assert seen.locations == {LOCATION}
            (sensor,) = [one for one in seen.instigators if one.kind == "sensor"]
            if len(sensor.ticks) >= times:
                return sensor
            await asyncio.sleep(0.2)


async def test_a_sensor_that_fails_each_tick_and_then_works(real: RealDagster) -> None:
    sensor = await ticked(real, 3)
    assert (sensor.name, sensor.running) == ("watcher", True)
    assert {tick.status for tick in sensor.ticks} == {"FAILURE"}
    assert "the bucket is away" in str(sensor.ticks[0].error)
    now = datetime.now(UTC)
    before, _ = judge_schedules(None, [], LOADS, now - timedelta(seconds=1), WEEK)
    noted, (move,) = judge_schedules(before, [sensor], LOADS, now, WEEK)
    assert (move.happened, move.why) == (Happened.FAILED, Trouble.FAILING)
    real.marker.touch()
    again = await ticked(real, 4)
    assert again.ticks[0].status == "SKIPPED"
    _, (move,) = judge_schedules(noted, [again], LOADS, now, WEEK)
    assert (move.subject, move.happened) == (subject_of(sensor), Happened.RECOVERED)


async def test_a_schedule_that_ticks_is_late_once_its_scheduler_stops(real: RealDagster) -> None:
    now = datetime.now(UTC)
    await real.tick_schedules(now)
    later = now + timedelta(hours=2)
    await real.tick_schedules(later)
    seen = await real.client.schedules("prod", 4)
    (schedule,) = [one for one in seen.instigators if one.kind == "schedule"]
    assert (schedule.name, schedule.cron, schedule.timezone) == (
        "hourly",
        "0 * * * *",
        "Europe/Berlin",
    )
    assert schedule.running
    last = schedule.ticks[0]
    assert (last.status, last.at.minute) == ("SKIPPED", 0)
    assert later - timedelta(hours=1) < last.at <= later
    noted, _ = judge_schedules(None, [schedule], LOADS, now, WEEK)
    for hours, late in ((1, False), (2, False), (2.2, True)):
        noted, moves = judge_schedules(
            noted, [schedule], LOADS, last.at + timedelta(hours=hours), WEEK
        )
        assert [move.why for move in moves] == ([Trouble.LATE] if late else [])
