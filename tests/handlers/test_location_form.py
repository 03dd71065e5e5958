"""The form of a code location: the fields for what was chosen, and all that Dagster+ takes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dagster._config import ConfigTypeKind, resolve_to_config_type
from dagster_cloud.workspace.config_schema import LOCATION_CONFIG_SCHEMA

from deploy_core.model.adding import NOT_SAID
from deploy_core.sources import location_fields as fields
from deploy_core.sources.location_fields import document_of, fields_of
from handlers.location_form import (
    BASE,
    DEPLOYMENT,
    DIRECTLY,
    HOW,
    NAME,
    NEW,
    PROJECT,
    PYTHON,
    REPOSITORY,
    WHY,
    Described,
    Draft,
    Offer,
    location_form,
    read_location_form,
)
from handlers.text import location_form as text
from sandbox.slack.blocks import check_view

COMMON = [fields.SOURCE_KIND, fields.SOURCE, "attribute", "working_directory"]
HYBRID = [fields.QUEUE, "executable_path", fields.PLATFORM, fields.ENV, fields.MORE]
CODE_OF_SHOP = "code:shop"


def offer(*, hybrid: bool = True, serverless: bool = False, **changes: Any) -> Offer:
    """What can be chosen, with these `changes` of what is in the form."""
    told: dict[str, Any] = {"deployments": ("prod",), "name": "", "edits": False, "typed": {}}
    return Offer(
        channel="C1",
        draft=Draft(**{**told, **changes}),
        deployments=("prod", "staging"),
        hybrid=hybrid,
        serverless=serverless,
        projects=("shop",),
    )


def shown(asked: Offer) -> set[str]:
    view = location_form(asked)
    check_view(view)
    return {block["block_id"] for block in view["blocks"] if block["type"] == "input"}


ALWAYS = {NAME, DEPLOYMENT, HOW, WHY, *COMMON}


def of(platform: str) -> set[str]:
    return {field for field, its in fields.PLATFORM_OF.items() if its == platform}


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (offer(), {fields.IMAGE, *HYBRID}),
        (offer(typed={fields.PLATFORM: "k8s"}), {fields.IMAGE, *HYBRID, *of("k8s")}),
        (offer(typed={fields.PLATFORM: "ecs"}), {fields.IMAGE, *HYBRID, *of("ecs")}),
        (offer(typed={fields.PLATFORM: "docker"}), {fields.IMAGE, *HYBRID, fields.NETWORKS}),
        (offer(way=f"{PROJECT}shop"), {NEW, fields.IMAGE, *HYBRID, *fields.BUILD}),
        (offer(new=True), {NEW, fields.IMAGE, *HYBRID}),
        (offer(hybrid=False, serverless=True), {fields.IMAGE}),
        (offer(hybrid=False, serverless=True, way=CODE_OF_SHOP), {PYTHON, BASE}),
        (
            offer(hybrid=False, serverless=True, way=f"{PROJECT}shop"),
            {NEW, fields.IMAGE, "build_directory"},
        ),
        (offer(serverless=True), {fields.IMAGE, *HYBRID}),
    ],
)
def test_the_fields_are_those_of_what_was_chosen(asked: Offer, more: set[str]) -> None:
    assert shown(asked) == ALWAYS | more


def test_what_was_typed_stays_when_something_else_is_chosen() -> None:
    typed = {"namespace": "a", fields.NETWORKS: "b", fields.QUEUE: "gpu", fields.PLATFORM: "k8s"}
    asked = offer(hybrid=False, serverless=True, way=CODE_OF_SHOP, typed=typed)
    kept = {"namespace", fields.NETWORKS, fields.QUEUE}
    assert shown(asked) == ALWAYS | {PYTHON, BASE} | kept


def test_code_of_a_project_is_offered_where_dagster_has_the_agents() -> None:
    def ways(asked: Offer) -> list[str]:
        blocks = {each["block_id"]: each for each in location_form(asked)["blocks"]}
        return [each["value"] for each in blocks[HOW]["element"]["options"]]

    assert ways(offer()) == [DIRECTLY, REPOSITORY, f"{PROJECT}shop"]
    serverless = [DIRECTLY, REPOSITORY, CODE_OF_SHOP, f"{PROJECT}shop"]
    assert ways(offer(serverless=True)) == serverless
    assert ways(replace(offer(), projects=())) == [DIRECTLY, REPOSITORY]


def submitted(values: dict[str, Any]) -> dict[str, Any]:
    def state(name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            return {"selected_options": [{"value": each} for each in value]}
        chosen = name in {HOW, PYTHON, fields.SOURCE_KIND, fields.PLATFORM}
        return {"selected_option": {"value": value}} if chosen else {"value": value}

    given = {NAME: "shop", DEPLOYMENT: ["prod"], fields.SOURCE: "shop", **values}
    return {"state": {"values": {name: {name: state(name, given[name])} for name in given}}}


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (
            {DEPLOYMENT: ["prod", "staging"], HOW: f"{PROJECT}shop"},
            {DEPLOYMENT: text.ONE_DEPLOYMENT},
        ),
        ({HOW: CODE_OF_SHOP, fields.IMAGE: "a/b:1"}, {fields.IMAGE: text.NOT_FROM_CODE}),
        (
            {HOW: CODE_OF_SHOP, fields.SOURCE_KIND: "autoload_defs_module_name"},
            {fields.SOURCE_KIND: text.NOT_FROM_CODE},
        ),
        ({HOW: CODE_OF_SHOP, PYTHON: "3.12", BASE: "x"}, {PYTHON: text.NOT_BOTH}),
        ({HOW: CODE_OF_SHOP, NAME: "there"}, {NAME: text.IS_THERE}),
        ({PYTHON: "3.12"}, {PYTHON: text.ONLY_FROM_CODE}),
        ({BASE: "x"}, {BASE: text.ONLY_FROM_CODE}),
        ({"build_directory": "x"}, {"build_directory": text.ONLY_IN_A_PROJECT}),
    ],
)
def test_what_does_not_go_together_is_said_under_its_field(
    values: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert read_location_form(submitted(values), lambda _: {"there"}) == wrong


def test_what_is_read_is_kept_and_read_again() -> None:
    values = {DEPLOYMENT: ["prod", "staging"], HOW: CODE_OF_SHOP, PYTHON: "3.12", WHY: "a\n b"}
    found = read_location_form(submitted(values), lambda _: ())
    assert isinstance(found, Described)
    assert (found.deployments, found.code_of, found.why) == (("prod", "staging"), "shop", "a b")
    assert Described.read(found.value()) == found
    assert Described.read("[]") is None
    assert Described.read("{}") is None


LEFT_OUT = {"location_name", "code_source", *NOT_SAID}
"""Said by the form itself, or made by a build."""


def samples(config_type: Any) -> Iterator[Any]:
    """Return a value for each leaf of Dagster's schema."""
    kind = config_type.kind
    if kind == ConfigTypeKind.NONEABLE:
        yield from samples(config_type.inner_type)
    elif kind == ConfigTypeKind.ARRAY:
        yield from ([each] for each in samples(config_type.inner_type))
    elif kind == ConfigTypeKind.ENUM:
        yield config_type.enum_values[0].config_value
    elif kind == ConfigTypeKind.SCALAR:
        yield {"String": "a", "Int": 1, "Bool": True}[config_type.given_name]
    elif kind == ConfigTypeKind.SCALAR_UNION:
        yield from samples(config_type.scalar_type)
        yield {"env": "A"}
    elif config_type.fields:
        required = {
            name: next(samples(each.config_type))
            for name, each in config_type.fields.items()
            if each.is_required
        }
        for name, each in config_type.fields.items():
            yield from ({**required, name: value} for value in samples(each.config_type))
    else:
        yield {"a": "b"}


def everything() -> Iterator[tuple[str, Any]]:
    known = resolve_to_config_type(LOCATION_CONFIG_SCHEMA).fields
    for name, each in known.items():
        if name not in LEFT_OUT:
            for value in samples(each.config_type):
                yield name, value


def test_every_field_that_dagster_takes_can_be_said_in_the_form() -> None:
    tried = 0
    for name, value in everything():
        document = {
            "location_name": "shop",
            "code_source": {"module_name": "shop"},
            name: value,
        }
        filled = fields_of(document)
        assert filled.keys() <= text.LABELS.keys(), name
        assert document_of("shop", filled) == (document, {}), (name, value)
        tried += 1
    assert tried > 100


@pytest.mark.parametrize("kind", text.KINDS)
def test_every_place_of_definitions_can_be_said(kind: str) -> None:
    source = resolve_to_config_type(LOCATION_CONFIG_SCHEMA).fields["code_source"].config_type
    assert set(text.KINDS) == set(source.fields)
    made, errors = document_of("shop", {fields.SOURCE_KIND: kind, fields.SOURCE: "a"})
    assert (made["code_source"], errors) == ({kind: "a"}, {})
