"""What broke and what was changed, drawn."""

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deploy_core.watch.incidents import Incident, IncidentState, Said
from handlers.cards.incidents import changes_message, incidents_message
from handlers.cards.links import CardLinks
from handlers.text.incidents import said_words
from tests.handlers.slack_rules import assert_message, read
from tests.handlers.worlds import ADA, BOTO, HOSTILE, at

LINKS = CardLinks(dagster="https://acme.dagster.cloud/prod")
ANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def incident(number: int = 1, name: str = "core", **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "state": IncidentState.OPEN,
        "opened_at": at(0),
        "changed_at": at(0),
        "data": {"version": "3f2c1ab", "before": "9d8e7f6", "changed": False},
        **changes,
    }
    return Incident(number, values.pop("deployment", "prod"), "locations", name, **values)


def test_a_failure_leads_with_the_error_and_says_who_changed_it_last() -> None:
    facts = {"version": "3f2c1ab", "changed": True, "deploy": 12, "by": ADA.model_dump()}
    message = incidents_message([incident(data=facts)], {1: BOTO}, links=LINKS, now=at(60))
    assert_message(message.text, message.blocks)
    lines = read(message.blocks)
    assert lines.startswith("core on prod fails to load\n:x: core on prod fails to load since")
    assert "ModuleNotFoundError: No module named 'boto4'\nmarts/defs.py:3" in lines
    assert "`3f2c1ab` was put there just before, by <@U01ADA> with deploy 12." in lines
    assert lines.endswith("[Show status] [Redeploy] [Roll back this location] [Open in Dagster+]")
    assert ": ModuleNotFoundError: No module named 'boto4'." in message.text


def test_a_recovery_says_how_long_it_was_down() -> None:
    ended = incident(state=IncidentState.ENDED, ended_at=at(750))
    message = incidents_message([ended], {1: BOTO}, links=LINKS, now=at(9999))
    assert message.text == "core on prod loads again after 12 min 30 s."
    assert "boto4" not in read(message.blocks)


def test_nothing_was_deployed_and_it_broke_all_the_same() -> None:
    message = incidents_message([incident()], {}, links=LINKS, now=at(60))
    assert "`3f2c1ab` had loaded before: nothing was deployed to it since the last look." in read(
        message.blocks
    )


def test_many_are_counted_by_their_error() -> None:
    broken = [incident(number, f"team_{number:03}") for number in range(300)]
    errors = dict.fromkeys(range(200), BOTO)
    message = incidents_message(broken, errors, links=LINKS, now=at(60))
    assert_message(message.text, message.blocks)
    assert message.text == "prod: 300 locations failed to load at once, 300 still fail."
    lines = read(message.blocks)
    assert "*200 with*" in lines
    assert re.search(r"\nand 27\d more\n", lines)


def test_changes_from_outside() -> None:
    changes: list[JsonValue] = [
        {"location": "core", "what": "changed", "before": "core:1", "after": "core:2"},
        {"location": "dbt", "what": "removed", "before": "3f2c1ab"},
        {"location": "ml", "what": "added", "after": "unversioned"},
        {"location": "x", "what": "changed", "before": "a", "after": "a"},
    ]
    message = changes_message({"deployment": "prod", "changes": changes, "count": 300}, links=LINKS)
    assert_message(message.text, message.blocks)
    assert read(message.blocks).split("\n")[:6] == [
        ":pencil2: 300 code locations were changed outside the bot on `prod`:",
        "*core* was changed, `core:1` to `core:2`",
        "*dbt* was removed; it was `3f2c1ab`",
        "*ml* was added",
        "*x* was changed, and its version is still `a`",
        "and 296 more",
    ]


def test_what_is_said_in_the_thread() -> None:
    facts = {"since_last": 180.0, "since_opened": 600.0, "failures": 3, "redeploys": 2}
    said = {each: said_words(each, incident(), facts) for each in Said}
    assert said == {
        Said.ALERTED: "Dagster+ has alerted of this too.",
        Said.AGAIN: "core fails to load again, 3 min after it had recovered.",
        Said.FLAPPING: (
            "core flaps: it failed 3 times in 10 min. Nothing more is said of it until it has been"
            " well for 10 min."
        ),
        Said.RECOVERED: "core loads again; it failed 3 times in 10 min.",
        Said.REMOVED: "core was removed from prod.",
        Said.NEEDS_PEOPLE: (
            ":raised_hand: The medic has redeployed core 2 times, and it still fails to load."
            " A person is needed."
        ),
    }
    assert said_words(Said.RECOVERED, incident(), {"since_last": 750.0, "failures": 1}) == (
        "core loads again. It was down for 12 min 30 s."
    )


@ANY
@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(IncidentState), st.integers(1, 60))
def test_any_incident_fits(
    deployment: str, name: str, version: str, state: IncidentState, times: int
) -> None:
    facts = {"version": version, "before": version, "changed": True}
    broken = [
        incident(n, name, state=state, deployment=deployment, data=facts, failures=n + 1)
        for n in range(times)
    ]
    errors = dict.fromkeys(range(0, times, 2), BOTO)
    message = incidents_message(broken, errors, links=LINKS, now=at(9))
    assert_message(message.text, message.blocks)
    change: JsonValue = {"location": name, "what": version, "before": version, "after": name}
    changes: list[JsonValue] = [change] * times
    changed = changes_message(
        {"deployment": deployment, "changes": changes, "count": times}, links=LINKS
    )
    assert_message(changed.text, changed.blocks)
