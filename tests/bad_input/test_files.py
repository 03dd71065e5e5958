"""Any text where a file of ours or of a project is expected: settings, or a typed error."""

from contextlib import suppress

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.settings import FileSettings, parse_config
from deploy_core.model.errors import ConfigInvalid, DeployError, FileInvalid
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from tests.bad_input.spoil import spoiled

CONFIG = {
    "default_deployment": "prod",
    "deployments": {
        "prod": {"may_deploy": ["U1"], "protected": True, "confirm_deadline": 5},
        "dev": {"put_back": False, "home_channel": "C1", "load_deadline": 2.5},
    },
    "projects": {
        "core": {
            "git": "https://example.com/core.git",
            "artifact": "docker",
            "build": {"args": {"A": "1"}, "secrets": {"token": {"env": "TOKEN"}}},
            "load_deadline": {"core": 3},
        }
    },
    "slack": {"mode": "http", "command": "/dagster"},
    "server": {"port": 8080},
}
LOCATIONS = {
    "defaults": {"build": {"registry": "r.example/core"}},
    "locations": [
        {
            "location_name": "core",
            "code_source": {"package_name": "core"},
            "build": {"directory": "./core"},
            "container_context": {"k8s": {"env_vars": ["A=1"]}},
        },
        {"location_name": "dbt", "code_source": {"python_file": "dbt.py"}, "agent_queue": "big"},
    ],
}
PIECES = st.sampled_from(
    ["a: ", "- ", "locations", "\n", "  ", "[", "]", "{", "}", "&x ", "*x", "!!python/name:os ",
     "'", '"', ":", "|\n", "? ", "%YAML 9\n", "---\n", "\t", "\x00", "\ufeff", "<<: *x", "1e999"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(PIECES, max_size=40).map("".join),
    spoiled(CONFIG).map(yaml.safe_dump),
    spoiled(LOCATIONS).map(yaml.safe_dump),
)


def told(error: DeployError) -> None:
    assert error.reason
    assert error.summary
    assert error.next_step
    assert error.detail, "each error has its line"


@given(TEXTS)
def test_any_configuration_is_settings_or_a_typed_error(text: str) -> None:
    try:
        found = parse_config(text, "c.yaml")
    except ConfigInvalid as error:
        told(error)
    else:
        assert isinstance(found, FileSettings)
        assert found.deployments


@given(TEXTS)
def test_any_dagster_cloud_yaml_is_locations_or_a_typed_error(text: str) -> None:
    try:
        found = parse_dagster_cloud_yaml(text, path="dagster_cloud.yaml")
    except FileInvalid as error:
        told(error)
    else:
        assert all(location.name for location in found)


@given(st.binary(max_size=200))
def test_any_bytes_that_are_text_too(content: bytes) -> None:
    with suppress(FileInvalid):
        parse_dagster_cloud_yaml(content.decode(errors="replace"), path="x")
    with suppress(ConfigInvalid):
        parse_config(content.decode("latin-1"), "c.yaml")
