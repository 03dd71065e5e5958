"""A code location of real Dagster for tests: a job that fails until a file is there."""

import os
from pathlib import Path

from dagster import (
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    OpExecutionContext,
    SensorEvaluationContext,
    SkipReason,
    job,
    op,
    schedule,
    sensor,
)

MARKER = Path(os.environ.get("REAL_CODE_MARKER", "/nonexistent/marker"))


@op
def extract(context: OpExecutionContext) -> int:
    context.log.info("extracted")
    return 1


@op
def load(number: int) -> int:
    if not MARKER.exists():
        raise KeyError("EUR")
    return number


@job
def daily() -> None:
    load(extract())


@job(tags={"dagster/max_retries": "1"})
def patient() -> None:
    load(extract())


@sensor(job=daily, default_status=DefaultSensorStatus.RUNNING, minimum_interval_seconds=1)
def watcher(_context: SensorEvaluationContext) -> SkipReason:
    if not MARKER.exists():
        raise ConnectionError("the bucket is away")
    return SkipReason("nothing new")


@schedule(
    job=daily,
    cron_schedule="0 * * * *",
    execution_timezone="Europe/Berlin",
    default_status=DefaultScheduleStatus.RUNNING,
)
def hourly() -> SkipReason:
    return SkipReason("only a test")


defs = Definitions(jobs=[daily, patient], sensors=[watcher], schedules=[hourly])
