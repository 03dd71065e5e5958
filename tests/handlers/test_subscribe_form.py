"""The form by which a channel is subscribed: within Slack's limits, and read as text is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import limits
from handlers.modals import DEPLOYMENT
from handlers.subscribe_form import (
    CHANNEL,
    DIGEST,
    DIGEST_TIME,
    EVENTS,
    FIELDS,
    ONLY,
    QUIET_FROM,
    QUIET_TO,
    ZONE,
    Filled,
    Offer,
    read_subscribe_form,
    subscribe_form,
    zone_names,
)
from handlers.subscription_commands import Subscribe
from handlers.text import subscribe_form as text
from sandbox.slack.blocks import check_view
from sandbox.slack.forms import initial_state
from tests.handlers.worlds import HOSTILE

HERE = "C0DATAPLAT1"
OTHER = "C0DEPLOYS01"


def state_of(name: str, value: Any) -> dict[str, Any]:
    if name == EVENTS:
        return {"selected_options": [{"value": each} for each in value]}
    if name in {DEPLOYMENT, DIGEST, ZONE}:
        return {"selected_option": {"value": value}}
    key = {CHANNEL: "selected_conversation", ONLY: "value"}.get(name, "selected_time")
    return {key: value}


def submitted(here: str = HERE, **fields: Any) -> dict[str, Any]:
    """The view of a submission, with the fields' values as Slack sends them."""
    values = {name: {name: state_of(name, value)} for name, value in fields.items()}
    return {"state": {"values": values}, "private_metadata": json.dumps({"channel": here})}


def read_back(view: dict[str, Any]) -> Filled | dict[str, str]:
    """What comes of a form that is submitted as it was drawn."""
    values = initial_state(view["blocks"])
    return read_subscribe_form({**view, "state": {"values": values}})


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, Subscribe(HERE)),
        ({CHANNEL: OTHER, EVENTS: ["runs", "failures"]}, Subscribe(OTHER, ("runs", "failures"))),
        (
            {ONLY: "core, dbt*\ntag:team=data “my loc” a&b", DEPLOYMENT: "prod"},
            Subscribe(
                HERE, only=("core", "dbt*", "tag:team=data", "my loc", "a&b"), deployment="prod"
            ),
        ),
        (
            {QUIET_FROM: "22:00", QUIET_TO: "07:00", ZONE: "Europe/Berlin"},
            Subscribe(HERE, quiet="22:00-07:00 Europe/Berlin"),
        ),
        (
            {DIGEST: "weekly mon", DIGEST_TIME: "09:30", ZONE: "UTC"},
            Subscribe(HERE, digest="weekly mon 09:30 UTC"),
        ),
        ({DIGEST: "daily", DIGEST_TIME: "09:00"}, Subscribe(HERE, digest="daily 09:00")),
        ({DIGEST_TIME: "09:00", ZONE: "UTC"}, Subscribe(HERE)),
    ],
)
def test_what_is_filled_in_is_what_can_be_typed(fields: dict[str, Any], wanted: Subscribe) -> None:
    found = read_subscribe_form(submitted(**fields))
    assert isinstance(found, Filled), found
    assert found.command == wanted
    assert Filled.read(found.value()) == found


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({ONLY: "core in prod"}, {ONLY: text.NAMES_UNREADABLE}),
        ({ONLY: "core quiet 22:00-07:00"}, {ONLY: text.NAMES_UNREADABLE}),
        ({ONLY: "--here"}, {ONLY: "subscribe has no option --here."}),
        ({ONLY: "x" * 201}, {ONLY: "A name is empty, or longer than 200 characters."}),
        (
            {ONLY: " ".join(f"n{number}" for number in range(51))},
            {ONLY: "More than 50 names are given."},
        ),
        ({QUIET_FROM: "22:00"}, {QUIET_TO: text.BOTH_TIMES}),
        ({QUIET_TO: "22:00", ZONE: "UTC"}, {QUIET_FROM: text.BOTH_TIMES}),
        (
            {QUIET_FROM: "22:00", QUIET_TO: "22:00"},
            {QUIET_TO: "Quiet hours end at another time than they begin."},
        ),
        ({DIGEST: "daily"}, {DIGEST_TIME: text.NO_TIME}),
        (
            {DIGEST: "daily", DIGEST_TIME: "09:00", ZONE: "Mars/Olympus"},
            {ZONE: "There is no time zone Mars/Olympus."},
        ),
    ],
)
def test_what_is_wrong_is_said_under_its_field(
    fields: dict[str, Any], errors: dict[str, str]
) -> None:
    assert read_subscribe_form(submitted(**fields)) == errors


def test_on_the_home_tab_a_channel_must_be_chosen() -> None:
    assert read_subscribe_form(submitted(here="")) == {CHANNEL: text.NO_CHANNEL}
    found = read_subscribe_form(submitted(here="", **{CHANNEL: OTHER}))
    assert isinstance(found, Filled)
    assert found.command == Subscribe(OTHER)


def test_it_opens_with_the_channel_and_a_zone() -> None:
    view = subscribe_form(Offer(HERE, ("prod", "dev"), "Europe/Berlin"))
    check_view(view)
    found = read_back(view)
    assert isinstance(found, Filled)
    assert found.fields == {CHANNEL: [HERE], DIGEST_TIME: ["09:00"], ZONE: ["Europe/Berlin"]}
    assert all(block["optional"] for block in view["blocks"])
    direct = subscribe_form(Offer("D0ADA000001", ("prod",), "UTC"))
    found = read_back(direct)
    assert isinstance(found, Filled)
    assert found.command == Subscribe("D0ADA000001")
    home = subscribe_form(Offer("", ("prod",), "UTC"))
    check_view(home)
    assert [block["block_id"] for block in home["blocks"] if not block["optional"]] == [CHANNEL]


def test_it_opens_again_as_it_was_filled_in() -> None:
    fields: dict[str, Any] = {
        CHANNEL: OTHER,
        EVENTS: ["runs", "silence"],
        ONLY: 'core "my loc"',
        DEPLOYMENT: "dev",
        QUIET_FROM: "22:00",
        QUIET_TO: "07:00",
        DIGEST: "weekdays",
        DIGEST_TIME: "08:15",
        ZONE: "Europe/Berlin",
    }
    assert set(fields) == set(FIELDS)
    found = read_subscribe_form(submitted(**fields))
    assert isinstance(found, Filled)
    again = subscribe_form(Offer(HERE, ("prod", "dev"), "UTC", found.fields, "No such <thing>."))
    check_view(again)
    assert "No such &lt;thing&gt;." in again["blocks"][0]["text"]["text"]
    assert read_back({**again, "blocks": again["blocks"][1:]}) == found


PARTS = HOSTILE | st.sampled_from(["a b", '"a b"', 'say "hi', "in", "dbt*", "1st", "a,b"])


@given(st.lists(PARTS, max_size=4))
def test_whatever_is_typed_opens_again_and_reads_the_same(names: list[str]) -> None:
    said = " ".join(" ".join(names)[: limits.PLAIN_TEXT_INPUT].split())
    view = subscribe_form(Offer(HERE, ("prod",), "UTC", {ONLY: [said]} if said else {}))
    check_view(view)
    assert read_back(view) == read_subscribe_form(submitted(**({ONLY: said} if said else {})))


def test_many_deployments_are_looked_up_while_typing() -> None:
    names = tuple(f"dev-{number}" for number in range(120))
    view = subscribe_form(Offer(HERE, names, "UTC"))
    check_view(view)
    kinds = {block["block_id"]: block["element"]["type"] for block in view["blocks"]}
    assert kinds[DEPLOYMENT] == "external_select"


def test_the_zones_that_are_offered_can_be_typed() -> None:
    names = zone_names()
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"} <= set(names)
    assert len(names) > 400
