"""The form of a new project, in the place of the form of a code location."""

from typing import Any

import pytest

from deploy_core.scaffold.options import AgentKind
from handlers.location_form import DIRECTLY, HOW, REPOSITORY, Draft
from handlers.project_form import NAME, Offer, project_form, read_instead_of
from sandbox.slack.blocks import check_view

SMALL = {"source": "shop.définitions", "namespace": "data", "image": "ghcr.io/acme/shop:1"}


def form(**typed: str) -> dict[str, Any]:
    """The form that takes the place of one with these fields."""
    draft = Draft(("prod", "staging"), "shop", False, typed, REPOSITORY, why="because")
    offer = Offer(
        "C1", "prod", AgentKind.HYBRID, "acme", "github", instead_of=draft, projects=("mono",)
    )
    drawn = project_form(offer)
    check_view(drawn)
    values = {NAME: {"value": "store"}, HOW: {"selected_option": {"value": DIRECTLY}}}
    state = {"values": {field: {field: value} for field, value in values.items()}}
    return {**drawn, "state": state}


@pytest.mark.parametrize(
    ("long", "kept"),
    [
        ({}, {}),
        ({"env_vars": "A=1\n" * 100}, {"env_vars": "A=1\n" * 100}),
        ({"env_vars": "Ä=1\n" * 500}, {}),
        (
            {"env_vars": "A=1\n" * 600, "container_context": "{k8s: {}}"},
            {"container_context": "{k8s: {}}"},
        ),
    ],
)
def test_what_was_typed_before_comes_back_as_far_as_slack_keeps_it(
    long: dict[str, str], kept: dict[str, str]
) -> None:
    back = read_instead_of(form(**SMALL, **long))
    assert back == Draft(
        ("prod", "staging"), "store", False, {**SMALL, **kept}, DIRECTLY, why="because"
    )


def test_a_form_that_took_no_others_place_gives_none_back() -> None:
    drawn = project_form(Offer("C1", "prod", AgentKind.HYBRID, "acme", "github"))
    assert HOW not in {block.get("block_id") for block in drawn["blocks"]}
    assert read_instead_of(drawn) is None
