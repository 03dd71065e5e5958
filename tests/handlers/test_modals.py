"""The deploy form: drawn within Slack's limits, and read back with the same checks as text."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy_core.model.plan import CodeOptions
from handlers.commands import Deploy, OpenDeployForm
from handlers.modals import (
    CODE,
    DEPLOYMENT,
    IMAGE,
    LOCATIONS,
    REF,
    WHY,
    FormChoices,
    deploy_form,
    detail_view,
    image_options,
    loading_view,
    options,
    problem_view,
    read_deploy_form,
    read_metadata,
)
from handlers.text.forms import CODE_UNREADABLE
from sandbox.slack.blocks import check_view
from tests.handlers.worlds import HOSTILE

CHOICES = FormChoices(("core", "dbt"), ("prod", "dev"), "prod", "main")


def submitted(metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The view of a submission, with the fields' values as Slack sends them."""
    values: dict[str, Any] = {name: {name: {"value": None}} for name in (REF, WHY)}
    values[LOCATIONS] = {LOCATIONS: {"selected_options": []}}
    values[DEPLOYMENT] = {DEPLOYMENT: {"selected_option": None}}
    for name, value in fields.items():
        if name == LOCATIONS:
            chosen: Any = {"selected_options": [{"value": each} for each in value]}
        elif name in {DEPLOYMENT, IMAGE}:
            chosen = {"selected_option": {"value": value}}
        else:
            chosen = {"value": value}
        values[name] = {name: chosen}
    return {"state": {"values": values}, "private_metadata": json.dumps(metadata or {})}


def elements(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block["element"] for block in view["blocks"]}


def test_form_offers_the_names_and_is_filled_with_what_was_typed() -> None:
    view = deploy_form(
        CHOICES,
        metadata={"channel": "C1"},
        filled=OpenDeployForm(ref="v2", deployment="dev", image="a:1", why="because"),
    )
    check_view(view)
    found = elements(view)
    assert found[LOCATIONS]["type"] == "multi_static_select"
    assert [each["value"] for each in found[LOCATIONS]["options"]] == ["core", "dbt"]
    assert found[REF]["initial_value"] == "v2"
    assert found[DEPLOYMENT]["initial_option"]["value"] == "dev"
    assert found[WHY]["initial_value"] == "because"
    assert read_metadata(view) == {"channel": "C1", "image": "a:1"}


def test_more_than_a_hundred_names_are_looked_up_while_typing() -> None:
    names = tuple(f"loc_{number:03}" for number in range(300))
    view = deploy_form(FormChoices(names, ("prod",)), metadata={})
    check_view(view)
    assert elements(view)[LOCATIONS]["type"] == "multi_external_select"
    assert [each["value"] for each in options(names, "29")][:3] == ["loc_029", "loc_129", "loc_229"]
    assert len(options(names, "LOC")) == 100


def test_no_names_yet_is_a_form_all_the_same() -> None:
    check_view(deploy_form(FormChoices((), ()), metadata={}))


def test_names_that_begin_with_what_was_typed_come_first() -> None:
    assert [each["value"] for each in options(("my_core", "core_b", "core_a"), "core")] == [
        "core_a",
        "core_b",
        "my_core",
    ]


def test_images_are_a_field_where_ci_pushes_them() -> None:
    assert IMAGE not in elements(deploy_form(CHOICES, metadata={}))
    view = deploy_form(replace(CHOICES, images=True), metadata={})
    check_view(view)
    assert elements(view)[IMAGE]["type"] == "external_select"
    read = read_deploy_form(submitted({"image": "a:1"}, locations=["core"], image="a:2"))
    assert isinstance(read, Deploy)
    assert read.image == "a:2"


def test_image_options_keep_their_order_and_name_the_repository_where_it_matters() -> None:
    images = ("r.example/team/core:b", "r.example/team/core:a", f"r.example/{'x' * 150}:a")
    assert [(o["text"]["text"], o["value"]) for o in image_options(images[:2])] == [
        ("b", images[0]),
        ("a", images[1]),
    ]
    assert [o["value"] for o in image_options(images, "core:A")] == [images[1]]
    assert [o["text"]["text"] for o in image_options(images)] == ["core:b", "core:a"]
    assert len(image_options([f"r.example/core:{n}" for n in range(300)])) == 100


def test_submission_is_read_as_a_command() -> None:
    view = submitted(
        {"image": "a:1"}, locations=["core"], ref=" v2 ", deployment="prod", why="a\nb <c> & “d”"
    )
    assert read_deploy_form(view) == Deploy(
        ("core",), ref="v2", deployment="prod", image="a:1", why="a b <c> & “d”"
    )


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, {LOCATIONS: "Choose at least one code location."}),
        (
            {"locations": ["core"], "ref": "-x"},
            {REF: "“-x” can't be the name of a branch, tag or commit."},
        ),
        (
            {"locations": ["core"], "why": "x\u202ey"},
            {WHY: "The text has a hidden character (U+202E) that changes how it reads."},
        ),
        (
            {"locations": ["core"], "why": "x" * 501},
            {WHY: "The value of --why is longer than 500 characters."},
        ),
        (
            {"locations": ["co\u200bre"]},
            {LOCATIONS: "This has characters that can't be used here."},
        ),
    ],
)
def test_what_is_wrong_is_said_under_its_field(
    fields: dict[str, Any], errors: dict[str, str]
) -> None:
    assert read_deploy_form(submitted(**fields)) == errors


def test_options_of_the_code_are_one_field() -> None:
    code = CodeOptions(module_name="shop.definitions", python_version="3.12")
    view = deploy_form(CHOICES, metadata={}, filled=OpenDeployForm(code=code))
    check_view(view)
    text = elements(view)[CODE]["initial_value"]
    assert text == '--module-name "shop.definitions" --python-version "3.12"'
    assert read_deploy_form(submitted(locations=["core"], code=text)) == Deploy(
        ("core",), code=code
    )
    wrong = {
        "--why x": CODE_UNREADABLE,
        "to prod": CODE_UNREADABLE,
        "--colour red": "deploy has no option --colour.",
    }
    for said, problem in wrong.items():
        assert read_deploy_form(submitted(locations=["core"], code=said)) == {CODE: problem}


def test_metadata_that_is_not_ours_is_empty() -> None:
    assert read_metadata({"private_metadata": "[1"}) == {}
    assert read_metadata({"private_metadata": "[1]"}) == {}
    assert read_metadata({}) == {}


def test_too_much_metadata_is_refused_before_slack_does() -> None:
    with pytest.raises(ValueError, match="private_metadata"):
        deploy_form(CHOICES, metadata={"x": "y" * 3_000})


def test_other_views_fit() -> None:
    check_view(loading_view())
    check_view(problem_view("<!channel>" * 300, "`x`" * 300))


ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(HOSTILE, HOSTILE, st.integers(1, 40))
def test_any_detail_fits(title: str, detail: str, times: int) -> None:
    check_view(detail_view(title, detail * times))


@ANY
@given(
    st.lists(HOSTILE, max_size=5).map(tuple),
    st.lists(HOSTILE, max_size=5).map(tuple),
    st.none() | HOSTILE,
    st.none() | HOSTILE,
)
def test_any_choices_fit(
    locations: tuple[str, ...], deployments: tuple[str, ...], first: str | None, why: str | None
) -> None:
    check_view(
        deploy_form(
            FormChoices(locations, deployments, first, first),
            metadata={},
            filled=OpenDeployForm(ref=why, why=why),
        )
    )


@ANY
@given(st.lists(HOSTILE, max_size=3), st.none() | HOSTILE, st.none() | HOSTILE)
def test_any_submission_is_a_command_or_errors_by_field(
    locations: list[str], ref: str | None, why: str | None
) -> None:
    found = read_deploy_form(submitted(locations=locations, ref=ref, why=why))
    assert isinstance(found, Deploy) or set(found) <= {LOCATIONS, REF, WHY}
