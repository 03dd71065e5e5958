"""`dagster_cloud.yaml`: what is read, and every error with its line."""

from pathlib import Path

import pytest

from deploy_core.model.errors import FileInvalid
from deploy_core.sources.dagster_cloud_yaml import Build, FileLocation, parse_dagster_cloud_yaml


def errors_of(text: str) -> list[str]:
    with pytest.raises(FileInvalid) as raised:
        parse_dagster_cloud_yaml(text, path="f.yaml")
    lines = raised.value.detail.splitlines()
    assert all(line.startswith("f.yaml:") for line in lines if not line.startswith("…"))
    first = lines[0].removeprefix("f.yaml:")
    assert raised.value.summary.startswith("`f.yaml` has ")
    assert raised.value.summary.endswith(f"line {first}")
    return [line.removeprefix("f.yaml:") for line in lines]


def location(extra: str = "") -> str:
    return f"locations:\n- location_name: a\n  code_source: {{python_file: a.py}}\n{extra}"


def test_every_field() -> None:
    text = """
locations:
  - location_name: core
    code_source: {module_name: core.definitions}
    build: {directory: ./core, registry: ghcr.io/acme/core}
    working_directory: src
    image: ghcr.io/acme/core:1
    executable_path: /usr/bin/python
    attribute: defs
    agent_queue: big
    container_context:
      k8s:
        namespace: data
        env_vars: [A=1]
        server_replica_count: 2
        volume_mounts: [{name: v, mount_path: /v, read_only: true, anything: [1]}]
        run_k8s_config: {container_config: {resources: {limits: {cpu: 500m}}}, merge_behavior: DEEP}
  - location_name: other
    code_source: {package_name: other}
    build:
      registry:
"""
    core, other = parse_dagster_cloud_yaml(text, path="f.yaml")
    assert core.name == "core"
    assert core.build == Build("./core", "ghcr.io/acme/core")
    assert core.document == {
        "location_name": "core",
        "code_source": {"module_name": "core.definitions"},
        "working_directory": "src",
        "image": "ghcr.io/acme/core:1",
        "executable_path": "/usr/bin/python",
        "attribute": "defs",
        "agent_queue": "big",
        "container_context": {
            "k8s": {
                "namespace": "data",
                "env_vars": ["A=1"],
                "server_replica_count": 2,
                "volume_mounts": [
                    {"name": "v", "mount_path": "/v", "read_only": True, "anything": [1]}
                ],
                "run_k8s_config": {
                    "container_config": {"resources": {"limits": {"cpu": "500m"}}},
                    "merge_behavior": "DEEP",
                },
            }
        },
    }
    assert (other.name, other.build) == ("other", Build(None, None))
    assert other.document == {"location_name": "other", "code_source": {"package_name": "other"}}


def test_defaults_are_merged_by_dagsters_rules() -> None:
    text = """
defaults:
  agent_queue: big
  build: {registry: ghcr.io/acme}
  container_context:
    k8s:
      namespace: data
      env_vars: [A=1, J=-Da=b, C]
      env_secrets: [one, two]
      volumes: [{name: v, emptyDir: {}}, {name: w}]
      run_k8s_config: {container_config: {args: [x, y]}}
locations:
  - location_name: a
    code_source: {python_file: a.py}
    build: {directory: a}
    container_context:
      k8s:
        env_vars: [A=2, B=3=4]
        env_secrets: [two, three]
        volumes: [{name: v, secret: s}]
        run_k8s_config: {container_config: {args: [z]}}
  - location_name: b
    code_source: {python_file: b.py}
    agent_queue: small
"""
    a, b = parse_dagster_cloud_yaml(text, path="f.yaml")
    assert a.build == Build("a", "ghcr.io/acme")
    assert a.document["agent_queue"] == "big"
    assert a.document["container_context"] == {
        "k8s": {
            "namespace": "data",
            "env_vars": ["J=-Da=b", "C", "A=2", "B=3=4"],
            "env_secrets": ["one", "two", "three"],
            "volumes": [{"name": "w"}, {"name": "v", "secret": "s"}],
            "run_k8s_config": {"container_config": {"args": ["z"]}},
        }
    }
    assert b.document["agent_queue"] == "small"
    assert b.build == Build(None, "ghcr.io/acme")


def test_what_one_location_gets_by_default_is_not_shared() -> None:
    text = "defaults: {container_context: {k8s: {labels: {a: b}}}}\n" + location(
        "- {location_name: b, code_source: {python_file: b.py}}\n"
    )
    a, b = parse_dagster_cloud_yaml(text, path="f.yaml")
    assert a.document["container_context"] == b.document["container_context"]
    assert a.document["container_context"] is not b.document["container_context"]


def test_the_older_form_is_migrated() -> None:
    text = "locations:\n  b: {python_file: b.py, image: i}\n  a: {module_name: a, attribute: d}\n"
    assert parse_dagster_cloud_yaml(text, path="f") == (
        FileLocation(
            "b",
            {"location_name": "b", "code_source": {"python_file": "b.py"}, "image": "i"},
            None,
        ),
        FileLocation(
            "a",
            {"location_name": "a", "code_source": {"module_name": "a"}, "attribute": "d"},
            None,
        ),
    )


def test_aliases_merge_keys_dates_and_yaml_1_1() -> None:
    text = """
locations:
  - &base
    location_name: a
    code_source: {python_file: a.py}
    image: 2026-01-01
  - <<: *base
    location_name: b
    container_context:
      k8s: {labels: {on: off, n: 0o17, m: 017, t: 1:30, d: 2026-01-01 }}
"""
    with pytest.raises(FileInvalid, match="isn't text"):
        parse_dagster_cloud_yaml(text, path="f")
    _, b = parse_dagster_cloud_yaml(text.replace("on: off", "'on': off"), path="f")
    assert b.document == {
        "location_name": "b",
        "code_source": {"python_file": "a.py"},
        "image": "2026-01-01",
        "container_context": {
            "k8s": {"labels": {"on": False, "n": "0o17", "m": 15, "t": 90, "d": "2026-01-01"}}
        },
    }


def test_no_locations_at_all_is_a_file() -> None:
    assert parse_dagster_cloud_yaml("locations: []", path="f") == ()


def test_all_errors_are_told_at_once_in_the_order_of_lines() -> None:
    text = """locaitons: []
defaults:
  code_source: {python_file: x}
  imagee: x
locations:
  - location_name: 5
    code_source: {python_file: a.py, module_name: b}
    agent_que: q
  - code_source: {}
    container_context:
      k8s:
        namspace: x
        env_vars: A=1
      kubernetes: {}
  - location_name: c
    python_file: c.py
  - c
  - location_name: c
    code_source: {python_module: c}
    image: [x]
"""
    assert errors_of(text) == [
        "1: `the file` has no key `locaitons`; did you mean `locations`?",
        "3: `defaults` can't have `code_source`; each location has its own.",
        "4: `defaults` has no key `imagee`; did you mean `image`?",
        "6: `locations[0].location_name` must be text, not the number 5; write it in quotes.",
        (
            "7: `locations[0].code_source` must have only one source, not `python_file` and"
            " `module_name`."
        ),
        "8: `locations[0]` has no key `agent_que`; did you mean `agent_queue`?",
        "9: `locations[1]` has no `location_name`.",
        (
            "9: `locations[1].code_source` must have one of `package_name`, `module_name`,"
            " `python_file`, `autoload_defs_module_name`."
        ),
        "12: `container_context.k8s` has no key `namspace`; did you mean `namespace`?",
        "13: `container_context.k8s.env_vars` must be a list, not the text `A=1`.",
        (
            "14: `container_context` has no key `kubernetes`; it may have `k8s`, `docker`, `ecs`,"
            " `aca`."
        ),
        "15: `locations[2]` has no `code_source`.",
        "16: `python_file` belongs below `code_source` of `locations[2]`.",
        "17: `locations[3]` must be a mapping, not the text `c`.",
        "18: the location `c` is already on line 15; names must differ.",
        "19: `locations[4].code_source` has no key `python_module`; did you mean `module_name`?",
        (
            "19: `locations[4].code_source` must have one of `package_name`, `module_name`,"
            " `python_file`, `autoload_defs_module_name`."
        ),
        "20: `locations[4].image` must be text, not a list.",
    ]


def one_error_cases() -> list[tuple[str, str]]:
    text = Path(__file__).with_name("one_error.txt").read_text(encoding="utf-8")
    cases = [case.partition(">>> ") for case in text.split("\n===\n")[1:]]
    return [(file, error.strip()) for file, _, error in cases]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        *one_error_cases(),
        ("image: a\x07\n", "1: the character U+0007 isn't allowed in YAML; write it as an escape."),
        ("\n: \ud800\n", "2: the character U+D800 isn't allowed in YAML; write it as an escape."),
    ],
)
def test_one_error(text: str, error: str) -> None:
    assert errors_of(text) == [error]


def test_an_error_in_defaults_is_told_once() -> None:
    text = "defaults:\n  container_context: {k8s: {namspace: x}}\n" + location(
        "- {location_name: b, code_source: {python_file: b.py}}\n"
    )
    assert errors_of(text) == [
        "2: `container_context.k8s` has no key `namspace`; did you mean `namespace`?"
    ]


def test_what_is_no_yaml() -> None:
    assert errors_of("locations:\n\t- a")[0].startswith("2: not valid YAML (")
    assert "indent with spaces" in errors_of("locations:\n\t- a")[0]
    assert errors_of("locations: [\n")[0].split(":")[1] == " not valid YAML"
    assert errors_of("a: 'x\n")[0].startswith("2: not valid YAML")
    assert "not valid YAML" in errors_of("--- a\n--- b\n")[0]
    assert "not valid YAML" in errors_of("a: *b\n")[0]


def test_what_would_grow_or_sink_is_refused_at_once() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    assert "holds more than 50,000" in errors_of(bomb)[0]
    merges = "a: &a {x: 1}\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True):
        merges += f"{after}: &{after} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    assert "holds more than 50,000" in errors_of(merges)[0]
    for deep in ("[" * 200_000, "{a: " * 200_000, "- " * 200_000, "&a [*a]"):
        assert "nested more than 40 deep" in errors_of(deep)[0]
    assert "at most 1,000,000 are read" in errors_of("#" * 1_000_001)[0]
    keys = "".join(f"k{number}: x\n" for number in range(80))
    told = errors_of(keys)
    assert len(told) == 51
    assert told[-1] == "… and 31 more."
