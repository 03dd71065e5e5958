"""What changed from one look to the next."""

from hypothesis import given
from hypothesis import strategies as st

from deploy_core.watch.reading import Health, LocationSeen, Reading
from deploy_core.watch.transitions import Happened, Observation, compare
from tests.watch.support import F, at, reading, seen

H = Happened


def happened(*readings: Reading, **more: dict[str, str]) -> list[list[tuple[str, str]]]:
    """Return what happened at each look after the first."""
    before: Observation | None = None
    found = []
    for each in readings:
        before, transitions = compare(before, each, **more)
        found.append([(t.location, t.happened.value) for t in transitions])
    return found[1:]


def test_nothing_happens_at_the_first_look() -> None:
    _, transitions = compare(None, reading(0, seen("core", F), seen("dbt")))
    assert transitions == ()


def test_what_was_broken_before_anybody_watched_is_not_told_when_it_recovers_as_new() -> None:
    looks = happened(reading(0, seen("core", F)), reading(1, seen("core", F)))
    assert looks == [[]]


def test_a_failure_and_a_recovery() -> None:
    assert happened(
        reading(0, seen("core"), seen("dbt")),
        reading(1, seen("core", F, report="x"), seen("dbt")),
        reading(2, seen("core", F, report="x"), seen("dbt")),
        reading(3, seen("core", F, report="y"), seen("dbt")),
        reading(4, seen("core"), seen("dbt")),
    ) == [[("core", H.FAILED)], [], [("core", H.FAILED_DIFFERENTLY)], [("core", H.RECOVERED)]]


def test_loading_again_is_not_a_recovery_and_no_second_failure() -> None:
    assert happened(
        reading(0, seen("core")),
        reading(1, seen("core", F, report="x")),
        reading(2, seen("core", Health.LOADING, report="x")),
        reading(3, seen("core", F, report="x")),
        reading(4, seen("core", Health.LOADING, report="x")),
        reading(5, seen("core")),
    ) == [[("core", H.FAILED)], [], [], [], [("core", H.RECOVERED)]]


def test_an_agent_that_is_away_changes_nothing_of_its_locations() -> None:
    down, failed = Health.AGENT_DOWN, f"v1 {F}"
    assert happened(
        reading(0, seen("core"), seen("dbt", F)),
        reading(1, seen("core", down, report="v1 loaded"), seen("dbt", down, report=failed)),
        reading(2, seen("core"), seen("dbt", F)),
    ) == [[], []]


def test_changes_from_outside() -> None:
    assert happened(
        reading(0, seen("core"), seen("old")),
        reading(1, seen("core", requested="v2"), seen("new")),
    ) == [[("core", H.CHANGED), ("new", H.ADDED), ("old", H.REMOVED)]]


def test_our_own_change_is_none_from_outside() -> None:
    looks = reading(0, seen("core")), reading(1, seen("core", requested="v2"))
    assert happened(*looks, ours={"core": "v2"}) == [[]]
    assert happened(*looks, ours={"core": "v1"}) == [[("core", H.CHANGED)]]


def test_what_a_deploy_is_at_work_on_waits_for_its_end() -> None:
    first, _ = compare(None, reading(0, seen("core")))
    during, transitions = compare(first, reading(1, seen("core", F, "v2")), held=["core"])
    assert transitions == ()
    assert during.locations == first.locations
    _, back = compare(during, reading(2, seen("core")))
    assert back == ()
    _, left = compare(during, reading(2, seen("core", F, "v2")), ours={"core": "v2"})
    assert [(t.happened, t.before, t.after, t.changed) for t in left] == [
        (H.FAILED, "core:v1", "core:v2", True)
    ]


def test_since_is_when_it_began() -> None:
    first, _ = compare(None, reading(0, seen("core")))
    broken, _ = compare(first, reading(5, seen("core", F)))
    still, _ = compare(broken, reading(9, seen("core", F)))
    assert still.locations["core"].since == at(5)


LOCATIONS = st.lists(
    st.builds(
        seen,
        st.sampled_from("abc"),
        st.sampled_from(Health),
        st.sampled_from(["v1", "v2"]),
        report=st.sampled_from(["x", "y"]),
    ),
    max_size=4,
)


@given(st.lists(LOCATIONS, min_size=2, max_size=8))
def test_failures_and_recoveries_take_turns_and_looking_twice_says_nothing(
    looks: list[list[LocationSeen]],
) -> None:
    before: Observation | None = None
    failing: dict[str, bool] = {}
    for minute, locations in enumerate(looks):
        look = reading(minute, *locations)
        first = before is None
        before, transitions = compare(before, look)
        assert Observation.model_validate_json(before.model_dump_json()) == before
        for each in transitions:
            if each.happened is H.FAILED:
                assert not failing.get(each.location, False)
            if each.happened in {H.RECOVERED, H.FAILED_DIFFERENTLY}:
                assert failing[each.location]
        failing = {name: noted.failing for name, noted in before.locations.items()}
        assert not (first and transitions)
        assert compare(before, look)[1] == ()
