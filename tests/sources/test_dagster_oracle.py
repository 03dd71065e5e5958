"""Our reading of `dagster_cloud.yaml` held against Dagster's own: real files and generated ones."""

import os
from typing import Any

import yaml
from dagster._config import ConfigTypeKind, resolve_to_config_type
from dagster_cloud.workspace.config_schema import LOCATION_CONFIG_SCHEMA
from dagster_cloud_cli.config import models
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from deploy_core.sources import location_schema as schema
from deploy_core.sources.defaults import BY_KEY, BY_VARIABLE, REPLACED
from deploy_core.sources.location_schema import Choice, Fields, Form, Items, Plain
from tests.sources.dagster_oracle import (
    LOOSER,
    STRICTER,
    dagsters,
    dagsters_older_form,
    difference,
    ours,
)
from tests.support.corpus import FILES, needs_corpus

INVALID = {"Ontology-Labs", "rockerben"}

# FUZZ_EXAMPLES=5000 searches at random for what the fixed examples of every run don't show.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
fuzz = settings(
    max_examples=EXAMPLES or 300,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@needs_corpus
def test_real_files_have_dagsters_verdict_and_documents() -> None:
    assert len(FILES) >= 30
    refused = set()
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert difference(text) is None, file.name
        if isinstance(ours(text), str):
            refused.add(file.name.split("__")[0])
    assert refused == INVALID


def form_of(dagster_type: Any) -> tuple[Any, ...]:  # noqa: PLR0911 - a case, a return
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
    TEXTS,
    st.integers(-3, 3),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
)
FREE_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def drawn(draw: st.DrawFn, form: Form) -> Any:
    """Draw a value of a form with few of its fields."""
    match form:
        case Plain():
            if form.env and draw(st.integers(0, 9)) == 0:
                return {"env": draw(TEXTS)}
            return draw({str: TEXTS, int: st.integers(0, 3), bool: st.booleans()}[form.kind])
        case Choice():
            return draw(st.sampled_from(form.words))
        case Items():
            return [drawn(draw, form.item) for _ in range(draw(st.integers(0, 3)))]
        case Fields():
            made = {}
            if form.free:
                made = draw(st.dictionaries(st.sampled_from(["name", "x"]), FREE_VALUES))
            for key in sorted({*form.required, *some(draw, list(form.fields))}):
                made[key] = drawn(draw, form.fields[key])
            return made


def some(draw: st.DrawFn, names: list[str]) -> list[str]:
    if not names:
        return []
    return draw(st.lists(st.sampled_from(sorted(names)), max_size=3, unique=True))


def context(draw: st.DrawFn) -> Any:
    """Draw a container context, thick where the merge has rules of its own."""
    if draw(st.booleans()):
        return drawn(draw, schema.CONTAINER_CONTEXT)
    made: dict[str, Any] = {}
    paths = [path.split(".")[1:] for path in sorted({*BY_VARIABLE, *BY_KEY, *REPLACED})]
    for path in draw(st.lists(st.sampled_from(paths), max_size=4)):
        form: Form = schema.CONTAINER_CONTEXT
        inner = made
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
            form = form.fields.get(key, schema.FREE) if isinstance(form, Fields) else form
        assert isinstance(form, Fields)
        inner[path[-1]] = drawn(draw, form.fields.get(path[-1], Items(Plain(str))))
    return made


def plain_fields(draw: st.DrawFn, form: Fields) -> dict[str, Any]:
    made = {key: drawn(draw, form.fields[key]) for key in some(draw, [*form.fields])}
    made = {key: value for key, value in made.items() if key != "container_context"}
    if draw(st.integers(0, 3)):
        made["container_context"] = context(draw)
    return made


@st.composite
def locations(draw: st.DrawFn) -> Any:
    source = draw(st.sampled_from(list(schema.CODE_SOURCE.fields)))
    name = draw(st.sampled_from(["a", "b", "c", "d", "e"]))
    made = plain_fields(draw, schema.LOCATION)
    return {**made, "location_name": name, "code_source": {source: "src"}}


@st.composite
def files(draw: st.DrawFn) -> Any:
    made: dict[str, Any] = {}
    if draw(st.integers(0, 3)):
        made["defaults"] = plain_fields(draw, schema.DEFAULTS)
    listed = [draw(locations()) for _ in range(draw(st.integers(0, 2)))]
    return {**made, "locations": listed}


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


WORDS = ["&a ", "*a", "<<: ", "!!str ", "null", "locations", "---\n", ": ", "- ", "? ", "  "]
PIECES = st.sampled_from([*WORDS, *"\t\n\r\u2028:#'\"{}[]~=%@,"])


@needs_corpus
@fuzz
@given(st.data())
def test_real_files_with_slips_of_the_pen_have_dagsters_verdict(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(FILES)).read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        removed = data.draw(st.integers(0, 5))
        text = text[:start] + data.draw(PIECES) + text[start + removed :]
    event(f"difference: {difference(text)}")


DIFFERENCES = {
    "duplicate_key": "locations: [{location_name: a, code_source: {python_file: a}, image: x,"
    " image: y}]",
    "key_not_text": "locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {1: x}}}}]",
    "not_json": "locations: [{location_name: a, code_source: {python_file: a},"
    " container_context: {k8s: {labels: {x: .nan}}}}]",
    "byte_order_mark": "locations: [{location_name: a, code_source: {python_file: 'a\ufeff'}}]",
    "tab_between_words": "locations: [{location_name: a, code_source: {python_file: a\tb}}]",
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
