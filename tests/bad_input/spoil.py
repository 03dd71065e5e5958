"""Good JSON with something in it that shouldn't be there, or without something that should."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["<!channel>", "\u202e", "\x00", "🚀" * 40, "a" * 5_000]),
    st.lists(st.none() | st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=3), max_size=2),
)


@st.composite
def spoiled(draw: st.DrawFn, good: Any) -> Any:
    """Return a copy of something good in which one to three places are changed or gone."""
    found = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        where = list(_places(found))
        if not where:
            break
        container, key = draw(st.sampled_from(where))
        if draw(st.booleans()):
            del container[key]
        else:
            container[key] = draw(NONSENSE)
    return found


def _places(found: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(found, dict):
        pairs: list[tuple[Any, Any]] = list(found.items())
    elif isinstance(found, list):
        pairs = list(enumerate(found))
    else:
        return
    for key, value in pairs:
        yield found, key
        yield from _places(value)
