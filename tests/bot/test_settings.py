"""The configuration file: exact, located errors, and secrets from the environment."""

from pathlib import Path

import pytest

from bot.settings import load_settings, parse_config
from deploy_core.model.errors import ConfigInvalid
from deploy_core.settings import SecretSource

ENVIRONMENT = {
    "DAGSTER_CLOUD_ORGANIZATION": "acme",
    "DAGSTER_CLOUD_API_TOKEN": "user:acme:canary",
    "SLACK_BOT_TOKEN": "xoxb-1",
}
SMALL = "deployments:\n  prod: {may_deploy: [U1]}\n"


def _errors(text: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as raised:
        parse_config(text, "c.yaml")
    assert raised.value.reason == "config_invalid"
    return raised.value.detail.splitlines()


def test_a_small_file_is_enough() -> None:
    settings = parse_config(SMALL, "c.yaml")
    assert settings.deployments["prod"].may_deploy == ("U1",)
    assert settings.deployments["prod"].put_back is True
    assert settings.slack.command == "/dagster"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["c.yaml:1: the file must be a mapping with at least `deployments`."]),
        ("- a\n", ["c.yaml:1: the file must be a mapping with at least `deployments`."]),
        ("projects: {}\n", ["c.yaml:1: deployments: is missing."]),
        (
            "deployments:\n  prod:\n    may_deploy: [U1]\n    protect: true\n",
            ["c.yaml:4: deployments.prod.protect: there is no such key."],
        ),
        (
            "deployments:\n  prod:\n    load_deadline: 0\nserver:\n  port: 99999\n",
            [
                "c.yaml:3: deployments.prod.load_deadline: input should be greater than 0.",
                "c.yaml:5: server.port: input should be less than or equal to 65535.",
            ],
        ),
        (
            SMALL + "deployments: {}\n",
            ["c.yaml:3: the key `deployments` is already given on line 1."],
        ),
        (
            SMALL + "default_deployment: stage\n",
            ["c.yaml:1: default_deployment: stage isn't one of prod."],
        ),
        (
            SMALL + "projects:\n  a:\n    file: x\n    git: ''\n",
            ["c.yaml:6: projects.a.git: string should have at least 1 character."],
        ),
        ("a: [1\n", ["c.yaml:2: not valid YAML: did not find expected ',' or ']'."]),
        (
            SMALL + "slack:\n  command: dagster\n",
            [r"c.yaml:4: slack.command: string should match pattern '^/[a-z0-9_-]{1,31}$'."],
        ),
    ],
)
def test_errors_name_the_line_and_the_key(text: str, lines: list[str]) -> None:
    assert _errors(text) == lines


def test_paths_are_beside_the_file_and_secrets_come_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SMALL)
    token = tmp_path / "app-token"
    token.write_text("xapp-1\n")
    settings = load_settings(path, {**ENVIRONMENT, "SLACK_APP_TOKEN_FILE": str(token)})
    assert settings.store == str(tmp_path / "var/dagster-chatops.sqlite")
    assert settings.core.work_folder == str(tmp_path / "var")
    assert settings.slack_app_token is not None
    assert settings.slack_app_token.get_secret_value() == "xapp-1"
    assert settings.organization == "acme"
    assert "canary" not in repr(settings)
    assert "xapp-1" not in repr(settings)


def test_what_is_written_can_be_elsewhere_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SMALL)
    settings = load_settings(path, {**ENVIRONMENT, "DAGSTER_CHATOPS_STATE": "/state"})
    assert settings.store == "/state/var/dagster-chatops.sqlite"
    assert settings.core.work_folder == "/state/var"


def test_every_path_in_the_file_starts_at_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        SMALL
        + """
projects:
  one:
    git: https://git.example/one.git
    token_file: keys/token
    deploy_key_file: /keys/deploy
    build:
      args: {TOKEN: {file: keys/arg}}
      secrets: {pip: {file: ~/pip.conf}}
docker:
  config_folder: docker
  client: docker
  builders:
    far: {host: "tcp://far.example:2376", tls_folder: tls}
  registries:
    registry.example: {username: pusher, password: {file: keys/registry}}
"""
    )
    core = load_settings(path, ENVIRONMENT).core
    project, docker = core.projects["one"], core.docker
    token, password = project.build.args["TOKEN"], docker.registries["registry.example"].password
    assert project.token_file == str(tmp_path / "keys/token")
    assert project.deploy_key_file == "/keys/deploy"
    assert token == SecretSource(file=str(tmp_path / "keys/arg"))
    assert project.build.secrets["pip"].file == str(Path("~/pip.conf").expanduser())
    assert password == SecretSource(file=str(tmp_path / "keys/registry"))
    assert docker.config_folder == str(tmp_path / "docker")
    assert docker.builders["far"].tls_folder == str(tmp_path / "tls")
    assert docker.client == "docker"  # a name, to be found on PATH


def test_an_address_of_a_database_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SMALL + "store: postgresql://db/chatops\n")
    assert load_settings(path, ENVIRONMENT).store == "postgresql://db/chatops"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SMALL)
    with pytest.raises(ConfigInvalid, match=r"DAGSTER_CLOUD_ORGANIZATION.*DAGSTER_CLOUD_API_TOKEN"):
        load_settings(path, {})
    with pytest.raises(ConfigInvalid, match="There is no configuration file"):
        load_settings(tmp_path / "nowhere.yaml", ENVIRONMENT)
    environment = {**ENVIRONMENT, "SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": "/nowhere"}
    with pytest.raises(ConfigInvalid, match="SLACK_BOT_TOKEN_FILE can't be read"):
        load_settings(path, environment)
