"""A location as fields, and back: every field to its place, and every fault under its field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.model.plan import Document
from deploy_core.sources import location_fields as fields
from deploy_core.sources.location_fields import document_of, fields_of

FULL: dict[str, str] = {
    "source_kind": "python_file",
    "source": "defs.py",
    "image": "ghcr.io/acme/shop:1",
    "agent_queue": "gpu",
    "attribute": "defs",
    "working_directory": "src",
    "executable_path": "/usr/bin/python3",
    "platform": "k8s",
    "env_vars": "REGION=eu\nTOKEN",
    "namespace": "shop",
    "service_account": "dagster",
    "server_requests_cpu": "250m",
    "server_limits_cpu": "1",
    "server_requests_memory": "256Mi",
    "server_limits_memory": "1Gi",
    "run_requests_cpu": "500m",
    "run_limits_cpu": "2",
    "run_requests_memory": "512Mi",
    "run_limits_memory": "2Gi",
    "container_context": "k8s:\n  labels:\n    team: shop",
}
DOCUMENT: Document = {
    "location_name": "shop",
    "code_source": {"python_file": "defs.py"},
    "image": "ghcr.io/acme/shop:1",
    "agent_queue": "gpu",
    "attribute": "defs",
    "working_directory": "src",
    "executable_path": "/usr/bin/python3",
    "container_context": {
        "k8s": {
            "labels": {"team": "shop"},
            "namespace": "shop",
            "service_account_name": "dagster",
            "env_vars": ["REGION=eu", "TOKEN"],
            "server_k8s_config": {
                "container_config": {
                    "resources": {
                        "requests": {"cpu": "250m", "memory": "256Mi"},
                        "limits": {"cpu": "1", "memory": "1Gi"},
                    }
                }
            },
            "run_k8s_config": {
                "container_config": {
                    "resources": {
                        "requests": {"cpu": "500m", "memory": "512Mi"},
                        "limits": {"cpu": "2", "memory": "2Gi"},
                    }
                }
            },
        }
    },
}
SOURCE = {"source": "shop"}


def test_every_field_has_its_place() -> None:
    assert document_of("shop", FULL) == (DOCUMENT, {})


def test_the_document_fills_the_fields_again() -> None:
    assert fields_of(DOCUMENT) == FULL


ECS: dict[str, str] = {
    "source_kind": "module_name",
    "source": "shop",
    "platform": "ecs",
    "env_vars": "REGION=eu",
    "task_role": "arn:aws:iam::123456789012:role/shop",
    "execution_role": "starter",
}
DOCKER: dict[str, str] = {
    "source_kind": "module_name",
    "source": "shop",
    "platform": "docker",
    "networks": "shop, db.internal",
}


@pytest.mark.parametrize(
    ("filled", "context"),
    [
        (
            ECS,
            {
                "ecs": {
                    "task_role_arn": "arn:aws:iam::123456789012:role/shop",
                    "execution_role_arn": "starter",
                    "env_vars": ["REGION=eu"],
                }
            },
        ),
        (DOCKER, {"docker": {"networks": ["shop", "db.internal"]}}),
    ],
)
def test_each_platform_has_its_own(filled: dict[str, str], context: Document) -> None:
    document, errors = document_of("shop", filled)
    assert (document["container_context"], errors) == (context, {})
    assert fields_of(document) == filled


def test_without_a_kind_it_is_a_module() -> None:
    document, _ = document_of("shop", SOURCE)
    assert document == {"location_name": "shop", "code_source": {"module_name": "shop"}}


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({}, "source", "Say where the definitions are."),
        ({"image": "https://ghcr.io/a"}, "image", "isn't the name of an image"),
        ({"attribute": "a\u202eb"}, "attribute", "characters that can't be used"),
        ({"server_requests_cpu": "much"}, "server_requests_cpu", "amount of cpu"),
        ({"task_role": "a role"}, "task_role", "isn't the name or the ARN of a role"),
        ({"networks": "a, b/c"}, "networks", "aren't names of networks"),
        ({"run_limits_memory": "2 GB"}, "run_limits_memory", "amount of memory"),
        ({"platform": "k8s", "env_vars": "A=1\n=2"}, "env_vars", "Line 2 isn't KEY=VALUE"),
        ({"platform": "k8s", "env_vars": "A=1\nA=2"}, "env_vars", "A is given twice"),
        ({"env_vars": "A=1"}, "platform", "Say where the code runs"),
        ({"container_context": "k8s: ["}, "container_context", "Line 2: not valid YAML"),
        ({"container_context": "- a"}, "container_context", "must be a mapping, not a list"),
        ({"container_context": "k8s:\n  namespac: a"}, "container_context", "Line 2:"),
        ({"container_context": "k8s: {env_vars: 1}"}, "container_context", "must be a list"),
        (
            {"namespace": "a", "container_context": "k8s: {namespace: b}"},
            "container_context",
            "k8s.namespace has a field of its own above",
        ),
        (
            {"container_context": "k8s: &a\n" + "  labels: {" + "x: [*a, *a]" + "}"},
            "container_context",
            "Line",
        ),
    ],
)
def test_what_is_wrong_is_said_under_its_field(
    given: dict[str, str], field: str, said: str
) -> None:
    fields_given = {**({} if field == "source" else SOURCE), **given}
    document, errors = document_of("shop", fields_given)
    assert document == {}
    assert list(errors) == [field]
    assert said in errors[field]


def test_a_yaml_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    _, errors = document_of("shop", {**SOURCE, "container_context": "\n".join(lines)})
    assert "more than 50,000 values" in errors["container_context"]


@pytest.mark.parametrize(
    "context",
    [
        {"k8s": {"namespace": {"env": "SPACE"}}},
        {"k8s": {"env_vars": ["A=1"]}, "docker": {"env_vars": ["B=2"]}},
        {"docker": {"env_vars": ["A=line\nline"]}},
        {"docker": {"env_vars": ["A=1", "A=2"]}},
        {"k8s": {"server_k8s_config": {"container_config": {"resources": {"limits": {"cpu": 1}}}}}},
        {"ecs": {"env_vars": [{"env": "X"}], "task_role_arn": "arn:aws:iam::1:role/a"}},
        {"ecs": {"task_role_arn": "two words"}},
        {"docker": {"networks": ["a", {"env": "NETWORK"}]}},
        {"docker": {"networks": ["two words"]}},
    ],
)
def test_what_has_no_field_stands_in_the_yaml_and_comes_back(context: Document) -> None:
    document: Document = {
        "location_name": "shop",
        "code_source": {"module_name": "shop"},
        "container_context": context,
    }
    filled = fields_of(document)
    assert document_of("shop", filled) == (document, {})


PRINTABLE = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF).filter(str.isprintable), min_size=1
)


@given(
    st.sampled_from(["docker", "ecs", "aca", "k8s"]),
    st.lists(st.tuples(st.from_regex("[A-Z]{1,6}", fullmatch=True), PRINTABLE)),
    st.dictionaries(st.sampled_from(["namespace", "service_account", "attribute"]), PRINTABLE),
)
def test_fields_come_back_as_they_were(
    platform: str, variables: list[tuple[str, str]], more: dict[str, str]
) -> None:
    lines = [f"{key}={value}" for key, value in dict(variables).items()]
    given_fields = {**SOURCE, fields.SOURCE_KIND: "module_name", **more}
    if lines:
        given_fields |= {fields.PLATFORM: platform, fields.ENV: "\n".join(lines)}
    document, errors = document_of("shop", given_fields)
    assert errors == {}
    again = fields_of(document)
    assert document_of("shop", again) == (document, {})
