"""An alert of Dagster+ that belongs to no incident, drawn."""

from hypothesis import given

from handlers.cards.alerts import alert_message
from tests.handlers.slack_rules import assert_message, read
from tests.handlers.worlds import HOSTILE

ALERT = {
    "deployment": "prod",
    "summary": "core can't be loaded",
    "policy": "Critical",
    "url": "https://acme.dagster.cloud/prod",
}


def test_an_alert_says_what_dagster_plus_says_and_that_nothing_was_seen() -> None:
    message = alert_message(ALERT)
    assert_message(message.text, message.blocks)
    assert message.text == "Dagster+ alerts on prod: core can't be loaded"
    assert read(message.blocks).split("\n") == [
        ":rotating_light: Dagster+ alerts on prod: core can't be loaded",
        "Sent by Dagster+, by its policy Critical. The bot itself has seen nothing of it.",
        "[Open in Dagster+]",
    ]


def test_without_an_address_there_is_no_button() -> None:
    message = alert_message({**ALERT, "url": "javascript:alert(1)", "policy": ""})
    assert [block["type"] for block in message.blocks] == ["section", "context"]
    assert "Sent by Dagster+. The bot" in read(message.blocks)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_any_alert_fits(deployment: str, summary: str, policy: str) -> None:
    said = {"deployment": deployment, "summary": summary, "policy": policy, "subject": "x"}
    message = alert_message({**ALERT, **said})
    assert_message(message.text, message.blocks)
