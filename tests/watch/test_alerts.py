"""What Dagster+ sends, read as the template makes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.watch.alerts import FIELDS, About, Alert, read_alert

ALL_KINDS = {
    "deployment": "prod",
    "policy": "Critical",
    "summary": "Something happened",
    "sample": "false",
}


def body(**more: Any) -> dict[str, Any]:
    """What comes of the template: a token without a value is left empty."""
    return {**dict.fromkeys(FIELDS, ""), **ALL_KINDS, **more}


@pytest.mark.parametrize(
    ("more", "about", "subject"),
    [
        ({"location": "core"}, About.LOCATION, "core"),
        ({"run": "abc-1", "status": "FAILURE"}, About.RUN, "abc-1"),
        ({"run": "abc-1", "location": "core"}, About.RUN, "abc-1"),
        (
            {"instigator": "daily", "instigator_type": "Schedule"},
            About.TICK,
            "schedule daily",
        ),
        ({"agents": "https://acme.dagster.cloud/prod/agents"}, About.AGENT, "agents"),
        ({}, About.OTHER, "Something happened"),
    ],
)
def test_what_an_alert_is_about(more: dict[str, Any], about: About, subject: str) -> None:
    assert read_alert(body(**more)) == Alert(
        "prod", about, subject, "Something happened", "Critical"
    )


def test_tokens_that_were_left_as_they_are_have_no_value() -> None:
    assert read_alert({**FIELDS, **ALL_KINDS, "location": "core"}).about is About.LOCATION
    assert read_alert({**FIELDS, **ALL_KINDS}).about is About.OTHER


def test_samples_and_good_news_are_told_apart() -> None:
    for value in ("true", "True", True):
        assert read_alert(body(sample=value)).sample
    assert not read_alert(body(sample=False)).sample
    assert read_alert(body(run="a", status="SUCCESS")).good


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ([], "the body must be a JSON object"),
        ("prod", "the body must be a JSON object"),
        ({"location": "core"}, "deployment is missing"),
        ({"deployment": "{{deployment_name}}"}, "deployment is missing"),
        ({"deployment": "prod"}, "neither a summary nor anything"),
    ],
)
def test_what_is_not_as_the_template_makes_it_is_refused(sent: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_alert(sent)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON))
def test_whatever_comes_is_read_or_refused(sent: dict[str, Any]) -> None:
    try:
        found = read_alert(sent)
    except ValueError:
        return
    assert found.deployment
    assert 0 < len(found.subject) <= 1_000
    assert json.dumps(vars(found))
