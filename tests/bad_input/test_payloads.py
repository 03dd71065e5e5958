"""Any payload in Slack's name: read, or refused with a reason; nothing is started by nonsense."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.model.errors import PayloadInvalid
from handlers import actions, payloads
from handlers.desk import Ask
from handlers.modals import read_deploy_form, read_metadata
from tests.bad_input.spoil import NONSENSE, spoiled

COMMAND = {
    "command": "/dagster",
    "text": "deploy core",
    "user_id": "U1",
    "team_id": "T1",
    "channel_id": "C1",
    "trigger_id": "1.2.3",
    "response_url": "https://hooks.slack.example/1",
}
MENTION = {
    "event_id": "Ev1",
    "team_id": "T1",
    "event": {"user": "U1", "channel": "C1", "text": "<@U9> deploy core", "thread_ts": "1.1"},
}
CLICK = {
    "user": {"id": "U1", "team_id": "T1"},
    "container": {"message_ts": "1.1"},
    "channel": {"id": "C1"},
    "trigger_id": "1.2.3",
    "response_url": "https://hooks.slack.example/1",
    "actions": [{"action_id": actions.CONFIRM, "action_ts": "1.2", "value": "12"}],
}
FORM = {
    "user": {"id": "U1", "team_id": "T1"},
    "view": {
        "id": "V1",
        "hash": "1.abc",
        "private_metadata": '{"channel": "C1"}',
        "state": {
            "values": {
                "locations": {"locations": {"selected_options": [{"value": "core"}]}},
                "deployment": {"deployment": {"selected_option": {"value": "prod"}}},
                "ref": {"ref": {"value": "main"}},
                "why": {"why": {"value": None}},
            }
        },
    },
}


def told(error: PayloadInvalid) -> None:
    assert error.reason == "payload_invalid"
    assert error.summary
    assert error.detail


def submitted(body: Any) -> Ask:
    with payloads.reading("form"):
        channel = read_metadata(body["view"]).get("channel")
    return payloads.submission(body, text="deploy core", channel=channel)


READ: dict[str, tuple[Callable[[Any], Ask | None], dict[str, Any]]] = {
    "command": (payloads.command, COMMAND),
    "mention": (payloads.mention, MENTION),
    "click": (payloads.click, CLICK),
    "form": (submitted, FORM),
}


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
def test_any_payload_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, good = READ[name]
    spoilt = data.draw(spoiled(good))
    try:
        ask = read(spoilt)
    except PayloadInvalid as error:
        told(error)
        return
    if ask is not None:
        assert ask.by.id
        assert Ask.from_payload(ask.key, ask.payload()).by == ask.by


@pytest.mark.parametrize("name", READ)
def test_the_good_payloads_here_are_good(name: str) -> None:
    read, good = READ[name]
    ask = read(good)
    assert ask is not None
    assert (ask.by.id, ask.channel) == ("U1", "C1")


@given(spoiled(FORM))
def test_any_submission_is_a_command_errors_by_field_or_refused(body: Any) -> None:
    found: object = None
    with suppress(PayloadInvalid), payloads.reading("form"):
        found = read_deploy_form(body["view"])
    if isinstance(found, dict):
        assert all(isinstance(said, str) and said for said in found.values())


@given(st.dictionaries(st.sampled_from(["by", "text", "channel", "action", "value"]), NONSENSE))
def test_a_kept_row_that_is_not_ours_is_a_value_error(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any kind of it
        Ask.from_payload("key", row)
