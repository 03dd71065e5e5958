"""What real Dagster does when failed runs are executed again, and when it tries again by itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy_core.clock import SystemClock
from deploy_core.model.errors import LaunchRefused, ServerError
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.store.store import Store
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.run_observer import RunObserver
from tests.dagster_plus.real_dagster import RealDagster, opened

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]
"""Each starts a code server, and runs in processes of their own."""

SETTINGS = CoreSettings(deployments={"prod": DeploymentSettings(watch_channel="C0OPS")})
RETRIES = {"run_retries": {"enabled": True, "max_retries": 0}}


@pytest.fixture
async def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDagster]:
    monkeypatch.setenv("REAL_CODE_MARKER", str(tmp_path / "marker"))
    async with opened(tmp_path, **RETRIES) as dagster:
        yield dagster


async def test_a_failed_run_goes_on_from_where_it_failed(real: RealDagster) -> None:
    first = await real.launch("daily")
    assert await real.ended(first) == "FAILURE"
    assert await real.client.executed_again("prod", first) == []
    real.marker.touch()
    child = await real.client.reexecute_run("prod", first, "press-1")
    assert await real.ended(child) == "SUCCESS"
    (again,) = await real.client.executed_again("prod", first)
    assert (again.id, again.parent_id, again.root, again.order, again.automatic) == (
        child,
        first,
        first,
        "press-1",
        False,
    )
    steps = {
        record.event_log_entry.step_key
        for record in real.instance.get_records_for_run(child).records
        if record.event_log_entry.is_dagster_event
        and record.event_log_entry.get_dagster_event().is_step_start
    }
    assert steps == {"load"}, "what had succeeded is not done again"


async def test_what_dagster_refuses_is_a_typed_error(real: RealDagster) -> None:
    with pytest.raises(ServerError, match="ChatopsReexecuteRun"):
        await real.client.reexecute_run("prod", "5c0a5b52-0000-4000-8000-000000000000", "press-1")
    real.marker.touch()
    good = await real.launch("daily")
    assert await real.ended(good) == "SUCCESS"
    with pytest.raises((ServerError, LaunchRefused)):
        await real.client.reexecute_run("prod", good, "press-2")
    assert await real.client.executed_again("prod", good) == []


async def test_a_run_that_dagster_tries_again_is_told_with_its_last_try(
    real: RealDagster, tmp_path: Path
) -> None:
    clock = SystemClock()
    store = await Store.open(str(tmp_path / "store.sqlite"), clock)
    try:
        readings = Readings(real.client, clock)
        recipients = Recipients(SETTINGS, store.subscriptions, clock, lambda _location: None)
        observer = RunObserver(SETTINGS, real.client, readings, store, clock, recipients)
        await observer.look("prod")
        first = await real.launch("patient")
        assert await real.ended(first) == "FAILURE"
        (run,) = await real.client.runs("prod", ids=[first])
        assert (run.will_retry, run.retried_by) == (True, None)
        await observer.look("prod")
        assert await store.failed_runs.of_incidents(range(1, 9)) == {}
        # As Dagster's daemon does it.
        parent = real.instance.get_run_by_id(first)
        assert parent is not None
        last = await real.client.reexecute_run("prod", first, "the-daemon")
        real.instance.add_run_tags(first, {"dagster/auto_retry_run_id": last})
        real.instance.add_run_tags(last, {"dagster/retry_number": "1"})
        assert await real.ended(last) == "FAILURE"
        await observer.look("prod")
        (found,) = (await store.failed_runs.of_incidents(range(1, 9))).values()
        assert (found.runs, found.attempts) == (1, 2)
    finally:
        await store.close()
