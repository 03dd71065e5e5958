"""How an incident moves, and what is said of it."""

from datetime import timedelta

from deploy_core.watch.incidents import (
    FLAPPING,
    FLAPS_WITHIN,
    SETTLES_IN,
    Incident,
    IncidentState,
    Said,
    may_reopen,
    move,
    settle,
)
from deploy_core.watch.transitions import Happened
from tests.watch.support import at

FRESH = Incident(1, "prod", "locations", "core", IncidentState.OPEN, at(0), at(0))


def test_down_and_up() -> None:
    after, said = move(FRESH, Happened.RECOVERED, at(12))
    assert (after.state, after.ended_at, said) == (IncidentState.ENDED, at(12), Said.RECOVERED)
    assert move(after, Happened.RECOVERED, at(13)) == (after, None)


def test_a_failure_soon_after_is_the_same_incident() -> None:
    ended, _ = move(FRESH, Happened.RECOVERED, at(1))
    assert may_reopen(ended, at(1) + FLAPS_WITHIN)
    assert not may_reopen(ended, at(1) + FLAPS_WITHIN + timedelta(seconds=1))
    again, said = move(ended, Happened.FAILED, at(3))
    assert (again.state, again.failures, again.ended_at, said) == (
        IncidentState.OPEN,
        2,
        None,
        Said.AGAIN,
    )


def test_flapping_is_said_once_and_ends_when_it_was_well_for_a_while() -> None:
    incident, heard = FRESH, []
    for minute in range(1, 20):
        what = Happened.RECOVERED if minute % 2 else Happened.FAILED
        incident, said = move(incident, what, at(minute))
        heard.append(said)
    assert [said for said in heard if said] == [
        Said.RECOVERED,
        Said.AGAIN,
        Said.RECOVERED,
        Said.FLAPPING,
    ]
    assert incident.failures == 10
    assert incident.failures > FLAPPING
    assert settle(incident, at(19) + SETTLES_IN - timedelta(seconds=1)) == (incident, None)
    ended, said = settle(incident, at(19) + SETTLES_IN)
    assert (ended.state, said) == (IncidentState.ENDED, Said.RECOVERED)


def test_a_removed_location_is_no_longer_broken() -> None:
    after, said = move(FRESH, Happened.REMOVED, at(1))
    assert (after.state, said) == (IncidentState.ENDED, Said.REMOVED)
    assert settle(after, at(99)) == (after, None)
