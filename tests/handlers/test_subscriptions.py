"""Who is told of what, drawn: within Slack's limits whatever the names are."""

from typing import Any

from deploy_core.model.states import TargetState
from deploy_core.store.subscriptions import Kept
from deploy_core.watch.incidents import Incident, IncidentState
from deploy_core.watch.subscriptions import Event, Mute, Subscription
from handlers.blocks import Message, section
from handlers.blocks import actions as row
from handlers.blocks import button as blocks_button
from handlers.cards.owners import with_owners
from handlers.cards.subscriptions import (
    closed_message,
    ended_message,
    meanwhile_message,
    subscriptions_message,
)
from handlers.mrkdwn import date
from tests.handlers.slack_rules import UGLY, assert_message, read
from tests.handlers.worlds import ADA, at, deploy, target

CHANNEL = "C0DATAPLAT1"


def subscription(**more: Any) -> Subscription:
    return Subscription(**{"channel": CHANNEL, **more})


def kept(number: int, **more: Any) -> Kept:
    return Kept(number, subscription(**more), ADA, at(0))


def incident(number: int, kind: str = "locations", **more: Any) -> Incident:
    values: dict[str, Any] = {
        "subject": "core",
        "state": IncidentState.ENDED,
        "opened_at": at(0),
        "changed_at": at(90),
        "ended_at": at(90),
        "data": {"job": "daily"},
        **more,
    }
    return Incident(id=number, deployment="prod", kind=kind, **values)


def test_a_channel_says_all_that_it_is_told_of() -> None:
    message = subscriptions_message(
        CHANNEL,
        [],
        [
            kept(3, events=(Event.RUNS,), only=("dbt*", "core"), deployment="prod"),
            kept(4, digest="daily 09:00 UTC", quiet="22:00-07:00 UTC"),
            kept(5),
        ],
        [Mute(channel=CHANNEL, only=("core",), until=at(60))],
        own_of=["prod"],
    )
    assert_message(message.text, message.blocks)
    assert read(message.blocks).split("\n") == [
        "It is the own channel of prod: it is told of everything there.",
        "*3* · runs that fail, for `dbt*`, `core` on prod [Unsubscribe]",
        "*4* · a digest `daily 09:00 UTC`, for everything; quiet `22:00-07:00 UTC` [Unsubscribe]",
        "*5* · all that happens, for everything [Unsubscribe]",
        f"<#{CHANNEL}>: muted until {_date(60)}: all that happens, for `core`",
        "[Subscribe…]",
    ]


def test_what_the_file_goes_over_is_said() -> None:
    message = subscriptions_message(CHANNEL, [subscription()], [kept(3)], [])
    assert "all that happens, for everything (the configuration file)" in read(message.blocks)
    assert "Subscription 3 doesn't count" in read(message.blocks)
    assert "Subscribe…" not in read(message.blocks)


def test_however_many_there_are_they_fit() -> None:
    names = tuple(f"{UGLY[:150]}{number}" for number in range(50))
    many = [kept(number, only=names, deployment=UGLY[:200]) for number in range(100)]
    message = subscriptions_message(None, [], many, [])
    assert_message(message.text, message.blocks)
    assert "more" in read(message.blocks)


def test_what_came_and_went_is_listed_and_counted() -> None:
    data: dict[str, Any] = {
        "deployment": "prod",
        "incidents": [*range(40)],
        "since": at(0).isoformat(),
    }
    found = [incident(1), incident(2, "runs"), incident(3, "agents", subject="queue gpu")]
    message = meanwhile_message(data, found)
    assert_message(message.text, message.blocks)
    assert read(message.blocks).split("\n")[1:] == [
        "• *core* failed to load, for 1 min 30 s",
        "• runs of daily failed, for 1 min 30 s",
        "• queue gpu, for 1 min 30 s",
        "and 37 more",
    ]
    hostile = meanwhile_message(data, [incident(n, subject=UGLY) for n in range(40)])
    assert_message(hostile.text, hostile.blocks)


def test_a_closed_channel_is_named() -> None:
    message = closed_message({"closed": CHANNEL, "deployments": ["prod", "staging"]})
    assert_message(message.text, message.blocks)
    assert f"I can't post in <#{CHANNEL}>, which is told of prod, staging" in message.text


def test_the_end_of_a_deploy_is_one_line_and_its_author() -> None:
    good = deploy(target(TargetState.VERIFIED), why="new rates")
    message = ended_message(good, "https://acme.slack.com/archives/C1/p1", now=at(20))
    assert_message(message.text, message.blocks)
    assert ":white_check_mark: quickstart is live on prod" in read(message.blocks)
    assert "“new rates” · <https://acme.slack.com/archives/C1/p1|its message>" in read(
        message.blocks
    )
    bad = ended_message(deploy(target(TargetState.FAILED)), None, now=at(20))
    assert read(bad.blocks).startswith(":x: ")


def test_owners_stand_above_the_buttons() -> None:
    buttons = row(blocks_button("Open", "x", "1"))
    message = with_owners(
        Message("It broke.", [section("It broke."), buttons]), ["U0ADA000001", "S0TEAM00001"]
    )
    line = "Owned by <@U0ADA000001>, <!subteam^S0TEAM00001>"
    assert message.text == f"It broke. {line}."
    assert [block["type"] for block in message.blocks] == ["section", "context", "actions"]
    assert message.blocks[1]["elements"][0]["text"] == line
    assert with_owners(Message("It broke."), []) == Message("It broke.")


def _date(seconds: float) -> str:
    return date(at(seconds))
