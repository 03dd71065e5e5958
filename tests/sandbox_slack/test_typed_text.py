"""What Slack makes of typed text."""

import pytest

from sandbox.slack.manifest import Manifest
from sandbox.slack.state import Secrets, State
from sandbox.slack.typed_text import as_slack_sends

CASES = [
    ("deploy core@main to prod", "deploy core@main to prod"),
    ("@dagster status", "<@U0DAGSTER01> status"),
    ("ask @grace, please", "ask <@U0GRACE0001>, please"),
    ("ask @nobody", "ask @nobody"),
    ("see #deploys", "see <#C0DEPLOYS01|deploys>"),
    ("fix #42", "fix #42"),
    ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
    ("https://x.dev/a?b=1.", "<https://x.dev/a?b=1>."),
    ("core@x.dev", "<mailto:core@x.dev|core@x.dev>"),
    ("x.dev", "<http://x.dev|x.dev>"),
    ("keep <@U0ADA000001>", "keep <@U0ADA000001>"),
    ("`@grace x.dev`", "`@grace x.dev`"),
    ("core@v1.2.3", "core@v1.2.3"),
    ("core@feature/x.y", "core@feature/x.y"),
]


@pytest.mark.parametrize(("typed", "sent"), CASES)
def test_typed_text(typed: str, sent: str) -> None:
    state = State(Secrets("b", "a", "s"), Manifest())
    assert as_slack_sends(state, typed) == sent
