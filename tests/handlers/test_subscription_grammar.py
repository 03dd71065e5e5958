"""What is typed about who is told."""

import pytest

from deploy_core.model.errors import UsageError
from handlers.commands import Command
from handlers.grammar import parse
from handlers.subscription_commands import (
    MuteChannel,
    OpenSubscribeForm,
    Subscribe,
    Subscriptions,
    Unsubscribe,
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("subscribe", OpenSubscribeForm()),
        ("subscribe failures, runs", Subscribe(events=("failures", "runs"))),
        ("subscribe <#C0DATAPLAT1|data>  Runs", Subscribe("C0DATAPLAT1", ("runs",))),
        (
            "subscribe all",
            Subscribe(events=("failures", "agents", "changes", "runs", "silence", "deploys")),
        ),
        (
            "subscribe runs for core dbt*,marts tag:team=data in prod",
            Subscribe(None, ("runs",), ("core", "dbt*", "marts", "tag:team=data"), "prod"),
        ),
        (
            "subscribe runs quiet 22–7:30 Europe/Berlin digest weekly Monday 9:00",  # noqa: RUF001
            Subscribe(
                events=("runs",), quiet="22:00-07:30 Europe/Berlin", digest="weekly mon 09:00"
            ),
        ),
        ("subscribe digest daily 09:00 UTC", Subscribe(digest="daily 09:00 UTC")),
        ('subscribe for "in" "my loc"', Subscribe(only=("in", "my loc"))),
        ("follow runs", None),
        ("unsubscribe 12", Unsubscribe(12)),
        ("unsubscribe #12", Unsubscribe(12)),
        ("unsubscribe #C0DATAPLAT1 --all", Unsubscribe(None, "C0DATAPLAT1", True)),
        ("subscriptions —all", Subscriptions(all=True)),
        ("mute 2h", MuteChannel(120)),
        (
            "mute <#C0DATAPLAT1> 1d runs for marts",
            MuteChannel(1_440, "C0DATAPLAT1", ("runs",), ("marts",)),
        ),
        ("mute off", MuteChannel(0)),
    ],
)
def test_who_is_told_is_read(text: str, command: Command | None) -> None:
    if command is None:
        with pytest.raises(UsageError) as caught:
            parse(text)
        assert caught.value.choices == ("subscribe",)
    else:
        assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "subscribe core",
            (
                "“core” is no event: there are failures, agents, changes, runs, silence, deploys"
                " and all."
            ),
        ),
        ("subscribe #secret runs", "Slack doesn't say which channel #secret is"),
        ("subscribe <#C0DATAPLAT1|a> <#C0DEPLOYS01|b>", "Two channels are named"),
        ("subscribe runs quiet", "Something is missing: quiet hours"),
        ("subscribe runs quiet 22:00-22:00", "Quiet hours end at another time"),
        ("subscribe runs quiet 22:00-07:00 Mars/Olympus", "There is no time zone Mars/Olympus."),
        ("subscribe digest", "Something is missing: the times of a digest"),
        ("subscribe digest daily 25:00", "A digest is daily 09:00"),
        ("subscribe runs in", "Something is missing: a deployment"),
        ("subscribe --here", "subscribe has no option --here."),
        ("unsubscribe core", "“core” has no place here."),
        ("mute", "It isn't said for how long."),
        ("mute 15d", "Nothing is muted for more than 14 days."),
    ],
)
def test_what_cannot_be_told_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert says in caught.value.summary
    assert caught.value.next_step
