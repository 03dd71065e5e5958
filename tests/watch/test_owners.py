"""Who is mentioned: a table."""

from typing import Any

import pytest

from deploy_core.watch.owners import MOST, is_slack_id, mentioned

OWNERS = {"ada@acme.com": "U0ADA000001", "team:data": "S0DATATEAM1"}
LOCATIONS = {
    "dbt*": ["team:data"],
    "billing": ["U0GRACE0001", "nobody@acme.com"],
    "platform": ["ada@acme.com"],
    "platform:core": ["U0GRACE0001"],
}


@pytest.mark.parametrize(
    ("places", "named", "ids"),
    [
        ([], [], ()),
        ([("core", None)], [], ()),
        ([("dbt_x", None)], [], ("S0DATATEAM1",)),
        ([("dbt_x", None)], ["ada@acme.com"], ("U0ADA000001", "S0DATATEAM1")),
        ([("dbt_x", None), ("dbt_y", None)], ["team:data"], ("S0DATATEAM1",)),
        ([("billing", None)], ["who@acme.com"], ("U0GRACE0001",)),
        ([("core", "platform")], [], ("U0ADA000001", "U0GRACE0001")),
        ([(None, None)], ["team:data"], ("S0DATATEAM1",)),
    ],
)
def test_who_is_mentioned(places: Any, named: list[str], ids: tuple[str, ...]) -> None:
    assert mentioned(places, named, owners=OWNERS, location_owners=LOCATIONS) == ids


def test_there_is_an_end_to_it() -> None:
    many = {f"team:{number}": f"U0{number:08}" for number in range(50)}
    assert len(mentioned([], many, owners=many, location_owners={})) == MOST


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("U0ADA000001", True),
        ("S0DATATEAM1", True),
        ("UNKNOWN@acme.com", False),
        ("team:data", False),
        ("USER", False),
    ],
)
def test_what_is_a_slack_id(text: str, is_one: bool) -> None:
    assert is_slack_id(text) is is_one
