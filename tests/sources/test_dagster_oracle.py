"""Our reading of `dagster_cloud.yaml` held against Dagster's own: real files and generated ones."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import ConfigTypeKind, resolve_to_config_type
from dagster_cloud.workspace.config_schema import LOCATION_CONFIG_SCHEMA
from dagster_cloud_cli.config import models
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from deploy_core.sources import location_schema as schema
from deploy_core.sources.location_schema import Choice, Fields, Form, Items, Plain
from tests.sources.dagster_oracle import (
    LOOSER,
    STRICTER,
    dagsters,
    dagsters_older_form,
    difference,
    ours,
)

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("*.yaml"))
INVALID = {"Ontology-Labs", "rockerben"}

fuzz = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@pytest.mark.skipif(not FILES, reason="the folder with real files, ../shared/corpus, isn't here")
def test_real_files_have_dagsters_verdict_and_documents() -> None:
    assert len(FILES) >= 30
    refused = set()
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert difference(text) is None, file.name
        if isinstance(ours(text), str):
            refused.add(file.name.split("__")[0])
    assert refused == INVALID


def form_of(dagster_type: Any) -> tuple[Any, ...]:
    """Return Dagster's type in the same terms as `told` does ours."""
    kind = resolve_to_config_type(dagster_type)
    match kind.kind:
        case ConfigTypeKind.NONEABLE:
            return form_of(kind.inner_type)
        case ConfigTypeKind.ARRAY:
            return ("list", form_of(kind.inner_type))
        case ConfigTypeKind.ENUM:
            return ("choice", tuple(sorted(v.config_value for v in kind.enum_values)))
        case ConfigTypeKind.SCALAR:
            return ("plain", kind.given_name)
        case ConfigTypeKind.SCALAR_UNION:
            assert set(kind.non_scalar_type.fields) == {"env"}
            return ("plain or env", kind.scalar_type.given_name)
        case ConfigTypeKind.SELECTOR:
            fields = {k: form_of(f.config_type) for k, f in kind.fields.items()}
            return ("fields", False, fields, frozenset())
        case ConfigTypeKind.STRICT_SHAPE | ConfigTypeKind.PERMISSIVE_SHAPE:
            fields = {k: form_of(f.config_type) for k, f in kind.fields.items()}
            required = frozenset(k for k, f in kind.fields.items() if f.is_required)
            return ("fields", kind.kind == ConfigTypeKind.PERMISSIVE_SHAPE, fields, required)
    raise AssertionError(kind.kind)


def told(form: Form) -> tuple[Any, ...]:
    match form:
        case Plain():
            name = {str: "String", int: "Int", bool: "Bool"}[form.kind]
            return ("plain or env" if form.env else "plain", name)
        case Choice():
            return ("choice", tuple(sorted(form.words)))
        case Items():
            return ("list", told(form.item))
        case Fields():
            fields = {key: told(item) for key, item in form.fields.items()}
            return ("fields", form.free, fields, form.required)


def test_our_table_is_dagsters_schema() -> None:
    fields = resolve_to_config_type(LOCATION_CONFIG_SCHEMA).fields
    assert told(schema.CONTAINER_CONTEXT) == form_of(fields["container_context"].config_type)
    assert told(schema.CODE_SOURCE) == form_of(fields["code_source"].config_type)
    for name, form in schema.LOCATION.fields.items():
        if name not in {"build", "container_context", "code_source"}:
            assert told(form) == form_of(fields[name].config_type), name
    assert fields.keys() - schema.LOCATION.fields.keys() == {
        "git",
        "pex_metadata",
        "pex_bundle",
        "defs_state_info",
    }
    assert schema.LOCATION.fields.keys() == models.Location.model_fields.keys()
    assert schema.DEFAULTS.fields.keys() == models.LocationDefaults.model_fields.keys()
    assert schema.BUILD.fields.keys() == models.Build.model_fields.keys()


TEXTS = st.sampled_from(
    ["a", "b", "A=1", "A=2", "B=1", "A", "J=-Da=b", "", "5", "yes", "2026-01-01", "ä", "x: y", " "]
)
SCALARS = st.one_of(
    TEXTS, st.integers(-3, 3), st.booleans(), st.none(), st.floats(allow_nan=False, width=16)
)
FREE_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def values(form: Form) -> st.SearchStrategy[Any]:
    """Return values of a form."""
    match form:
        case Plain():
            plain = {str: TEXTS, int: st.integers(0, 3), bool: st.booleans()}[form.kind]
            return plain | st.fixed_dictionaries({"env": TEXTS}) if form.env else plain
        case Choice():
            return st.sampled_from(form.words)
        case Items():
            return st.lists(values(form.item), max_size=4)
        case Fields():
            fields = {key: values(item) for key, item in form.fields.items()}
            required = {key: fields.pop(key) for key in form.required}
            made = st.fixed_dictionaries(required, optional=fields)
            if not form.free:
                return made
            extra = st.dictionaries(st.sampled_from(["name", "key", "args", "x"]), FREE_VALUES)
            return st.builds(lambda extra, made: {**extra, **made}, extra, made)


def contexts() -> st.SearchStrategy[Any]:
    """Return container contexts, thick where the merge has rules of its own."""
    merged_lists = {
        host: Fields({k: f for k, f in form.fields.items() if isinstance(f, Items)})
        for host, form in schema.CONTAINER_CONTEXT.fields.items()
        if isinstance(form, Fields)
    }
    args = st.fixed_dictionaries(
        {},
        optional={
            name: st.fixed_dictionaries(
                {
                    "container_config": st.fixed_dictionaries(
                        {}, optional=dict.fromkeys(["args", "command", "env"], st.lists(SCALARS))
                    )
                }
            )
            for name in ("run_k8s_config", "server_k8s_config")
        },
    )
    thick = values(Fields({host: form for host, form in merged_lists.items()}))
    return st.one_of(
        values(schema.CONTAINER_CONTEXT), thick, thick, st.fixed_dictionaries({"k8s": args})
    )


def locations() -> st.SearchStrategy[Any]:
    sources = st.sampled_from(list(schema.CODE_SOURCE.fields))
    plain = {k: f for k, f in schema.LOCATION.fields.items() if isinstance(f, Plain)}
    plain.pop("location_name")
    return st.fixed_dictionaries(
        {
            "location_name": st.sampled_from(["a", "b", "c", "d", "e"]),
            "code_source": st.dictionaries(sources, st.just("src"), min_size=1, max_size=1),
        },
        optional={
            **{key: values(form) for key, form in plain.items()},
            "build": values(schema.BUILD),
            "container_context": contexts(),
        },
    )


def files() -> st.SearchStrategy[Any]:
    plain = {k: f for k, f in schema.DEFAULTS.fields.items() if isinstance(f, Plain)}
    defaults = st.fixed_dictionaries(
        {},
        optional={
            **{key: values(form) for key, form in plain.items()},
            "build": values(schema.BUILD),
            "container_context": contexts(),
        },
    )
    listed = st.lists(locations(), max_size=3, unique_by=lambda one: str(one["location_name"]))
    return st.fixed_dictionaries({"locations": listed}, optional={"defaults": defaults})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) below a value."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((value, key))
        if isinstance(item, dict | list):
            found += places(item)
    return found


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """Return a file in which something small was changed."""
    file = yaml.safe_load(yaml.safe_dump(draw(files())))
    for _ in range(draw(st.integers(1, 2))):
        where = places(file)
        if not where:
            break
        container, key = draw(st.sampled_from(where))
        change = draw(st.sampled_from(["other value", "other key", "remove", "null"]))
        if change == "remove":
            del container[key]
        elif change == "null":
            container[key] = None
        elif change == "other key" and isinstance(container, dict):
            names = ["image", "locations", "defaults", "git", "env_vars", "name", 1, "", "Ä"]
            container[draw(st.sampled_from(names))] = container.pop(key)
        else:
            container[key] = draw(FREE_VALUES)
    return file


def text_of(file: Any, flow: bool | None) -> str:
    return yaml.safe_dump(file, default_flow_style=flow, allow_unicode=True, sort_keys=False)


FLOW = st.sampled_from([None, True, False])


@fuzz
@given(files(), FLOW)
def test_generated_files_are_read_as_dagster_does(file: Any, flow: bool | None) -> None:
    text = text_of(file, flow)
    event(f"difference: {difference(text)}")
    event(f"taken: {isinstance(dagsters(text), list)}")


@fuzz
@given(spoiled(), FLOW)
def test_spoiled_files_have_dagsters_verdict(file: Any, flow: bool | None) -> None:
    text = text_of(file, flow)
    event(f"difference: {difference(text)}")
    event(f"taken: {isinstance(dagsters(text), list)}")


@fuzz
@given(st.dictionaries(st.sampled_from("abc"), locations(), max_size=3), st.booleans(), FLOW)
def test_the_older_form_is_migrated_as_dagster_does(
    named: dict[str, Any], bare: bool, flow: bool | None
) -> None:
    for location in named.values():
        location.pop("location_name")
        location.pop("build", None)
        source = location.pop("code_source")
        if not bare:
            location.update(source)
    text = text_of({"locations": named}, flow)
    we, they = ours(text), dagsters_older_form(text)
    if isinstance(they, str):
        assert isinstance(we, str)
    else:
        assert we == they


DIFFERENCES = {
    "duplicate_key": "locations: [{location_name: a, code_source: {python_file: a}, image: x,"
    " image: y}]",
    "key_not_text": "locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {1: x}}}}]",
    "not_json": "locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {x: .nan}}}}]",
    "odd_tag": "locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {x: !!binary aGk=}}}}]",
    "template": "locations: [{location_name: a, code_source: {python_file: a}, image: '{{ x }}'}]",
    "blank_name": "locations: [{location_name: '', code_source: {python_file: a}}]",
    "too_much": "locations: [{location_name: a, code_source: {python_file: a}, container_context:"
    f" {{k8s: {{labels: {{a: {'[' * 50}{']' * 50}}}}}}}}}]",
    "equals_in_default_variable": "{defaults: {container_context: {k8s: {env_vars: [A=b=c]}}},"
    " locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {env_vars: [B=1]}}}]}",
    "name_from_environment": "{defaults: {container_context: {ecs: {run_ecs_tags: [{key: {env: A},"
    " value: b}]}}}, locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {ecs: {run_ecs_tags: [{key: b, value: c}]}}}]}",
    "older_form": "locations: {a: {python_file: a}}",
    "loose_equality": "{defaults: {container_context: {k8s: {labels: {x: [1, -1]}}}},"
    " locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {x: [true, -2]}}}}]}",
}


def test_every_explained_difference_is_real() -> None:
    assert DIFFERENCES.keys() == STRICTER.keys() | LOOSER.keys() | {"loose_equality"}
    for name, text in DIFFERENCES.items():
        assert difference(text) == name
