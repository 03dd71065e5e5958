"""What stands under an address of Dagster+, within Slack's limits; and who it is for."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from deploy_core.dagster_plus.values import Run, RunError, RunStatus
from deploy_core.model.errors import PayloadInvalid
from deploy_core.model.python_error import PythonError
from deploy_core.watch.reading import Health
from handlers.cards.unfurls import deployment_unfurl, location_unfurl, run_unfurl
from handlers.payloads import links
from tests.handlers.slack_rules import UGLY, assert_message, read
from tests.handlers.test_status import board, location
from tests.handlers.worlds import at


def run(status: RunStatus = "FAILURE", **more: Any) -> Run:
    values: dict[str, Any] = {"started_at": at(0), "ended_at": at(90), **more}
    return Run("0b9c1234-5678", status, "daily", "core", at(-5), **values)


def test_a_deployment_shows_what_is_broken() -> None:
    status = board(location("marts", Health.FAILED), location())
    blocks = deployment_unfurl(status, now=at(1))
    assert_message("x", blocks)
    assert "*prod*: 1 failed to load, 1 loaded\n:x: *marts*: failed to load" in read(blocks)


def test_a_run_shows_how_it_ended() -> None:
    error = RunError("load", PythonError(message="KeyError: 'EUR'\n"))
    text = read(run_unfurl(run(), error, "prod", now=at(100)))
    assert ":x: *daily* in core on prod failed after 1 min 30 s" in text
    assert "KeyError: 'EUR'" in text
    assert "Run `0b9c1234`, created" in text
    going = read(run_unfurl(run("STARTED", ended_at=None), None, "prod", now=at(30)))
    assert "is running for 30 s" in going


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_every_state_of_a_run_has_words(status: RunStatus) -> None:
    assert_message("x", run_unfurl(run(status), None, "prod", now=at(0)))


def test_however_long_the_names_are_it_fits() -> None:
    error = PythonError(message=UGLY * 100)
    many = [location(f"{UGLY}{n}"[:200], Health.FAILED, error=error) for n in range(300)]
    assert_message("x", deployment_unfurl(board(*many), now=at(1)))
    assert_message("x", location_unfurl(board(*many), many[0], now=at(1)))
    hostile = replace(run(), location=UGLY, job=UGLY)
    assert_message("x", run_unfurl(hostile, RunError(None, error), UGLY, now=at(1)))


BODY: dict[str, Any] = {
    "team_id": "T1",
    "event": {
        "user": "U0ADA000001",
        "channel": "C1",
        "message_ts": "1.2",
        "links": [{"url": "https://a.dagster.cloud/prod"}],
    },
}


def test_links_are_read() -> None:
    found = links(BODY)
    assert found is not None
    assert (found.by.id, found.where) == ("U0ADA000001", {"channel": "C1", "ts": "1.2"})
    assert found.urls == ("https://a.dagster.cloud/prod",)
    event = {**BODY["event"], "unfurl_id": "u", "source": "composer", "channel": "COMPOSER"}
    found = links({**BODY, "event": event})
    assert found is not None
    assert found.where == {"unfurl_id": "u", "source": "composer"}


def test_what_other_workspaces_would_see_is_not_shown() -> None:
    assert links({**BODY, "is_ext_shared_channel": True}) is None
    assert links({**BODY, "event": {**BODY["event"], "bot_id": "B1"}}) is None


def test_links_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(PayloadInvalid):
        links({"event": {"links": 3}})
