"""Fault 30, in small: deploys under load while the bot is killed every few seconds.
`make chaos` plays it for as long as one likes."""

import pytest

from bench import chaos

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("store", ["SQLite", "PostgreSQL"])
async def test_killed_again_and_again_nothing_is_lost_or_doubled(store: str) -> None:
    (tally,) = await chaos.run(12, (store,), pauses=(2.0, 4.0), lease_seconds=3)
    assert tally.lost == []
    assert tally.doubled == []
    assert tally.kills >= 1
    assert tally.finished == tally.started > 0
