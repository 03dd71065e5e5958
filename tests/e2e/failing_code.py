"""A code location whose jobs fail in different ways.

As a program it reads how many times to execute `imports`, and says when it has.
"""

import os
import sys
import time
from pathlib import Path

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    Definitions,
    InitResourceContext,
    OpExecutionContext,
    SkipReason,
    in_process_executor,
    job,
    op,
    resource,
    sensor,
)

FOLDER = Path(os.environ.get("FAILING_CODE_FOLDER", "/nonexistent"))
_RATES = {"EUR": 1.0}


class RatesUnavailable(Exception):
    pass


@op
def extract() -> int:
    return 1


@op
def load(number: int) -> int:
    if not (FOLDER / "mended").exists():
        raise PermissionError("the warehouse takes no writes")
    return number


@job
def daily() -> None:
    load(extract())


def rate(currency: str) -> float:
    return _RATES[currency]


@op
def convert() -> float:
    try:
        return rate("clics")
    except KeyError as missing:
        raise RatesUnavailable("exchange rates could not be set up") from missing


@job
def revenue() -> None:
    convert()


@resource
def warehouse(_context: InitResourceContext) -> None:
    raise ConnectionError("warehouse.acme.com:5432 refuses connections")


@op(required_resource_keys={"warehouse"})
def write() -> None:
    pass


@job(resource_defs={"warehouse": warehouse})
def nightly() -> None:
    write()


@op
def wait() -> None:
    while True:
        time.sleep(0.05)


@job
def endless() -> None:
    wait()


@op
def fetch(context: OpExecutionContext) -> None:
    if "dagster/retry_number" not in context.run.tags:
        raise TimeoutError("the first try is too slow")


@job(tags={"dagster/max_retries": "1"})
def patient() -> None:
    fetch()


@op
def fetch_again(context: OpExecutionContext) -> None:
    if "dagster/retry_number" not in context.run.tags:
        raise InterruptedError("the connection broke")
    raise BrokenPipeError("the second one too")


@job(tags={"dagster/max_retries": "1"})
def stubborn() -> None:
    fetch_again()


@op(config_schema={"row": int})
def import_row(context: OpExecutionContext) -> None:
    row = context.op_config["row"]
    match row % 3:
        case 0:
            rate(f"currency {row}")
        case 1:
            (FOLDER / f"{row}.csv").read_text()
        case _:
            int(f"{row},50")


@job
def imports() -> None:
    import_row()


@sensor(job=daily, minimum_interval_seconds=5, default_status=DefaultSensorStatus.RUNNING)
def files() -> SkipReason:
    return SkipReason("there is no new file")


defs = Definitions(
    jobs=[daily, revenue, nightly, endless, patient, stubborn, imports],
    sensors=[files],
    executor=in_process_executor,
)


def main() -> None:
    with DagsterInstance.get() as instance:
        _say("ready")
        for line in sys.stdin:
            for row in range(int(line)):
                config = {"ops": {"import_row": {"config": {"row": row}}}}
                imports.execute_in_process(config, instance=instance, raise_on_error=False)
            _say("failed")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
