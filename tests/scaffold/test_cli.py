"""`dagster-chatops scaffold`: from a terminal, with a configuration file or without."""

import asyncio
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli.app import app
from bot.cli.exit_codes import ExitCode
from sandbox.git_host.faults import Fault
from sandbox.git_host.server import TOKEN, start_git_host
from tests.scaffold.projects import GITLAB_FILE, directory, files_of, hybrid, write

pytestmark = pytest.mark.usefixtures("own_logs")

CONFIG = """\
deployments:
  prod: {}
dagster_plus: {organization: acme}
scaffold:
  ci: gitlab
  image: registry.gitlab.com/acme/{location}
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("DAGSTER_CHATOPS_CONFIG", "DAGSTER_CLOUD_ORGANIZATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["scaffold", *arguments])
    return done.exit_code, done.output


def read(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_repository_is_written_and_its_secrets_are_listed(tmp_path: Path) -> None:
    said = ("--image", "ghcr.io/acme/shop", "--python", "3.11", "--organization", "acme")
    code, output = run("shop", "--to", "new", *said)
    assert code == ExitCode.GOOD, output
    assert read(tmp_path / "new") == files_of(hybrid())
    assert "DAGSTER_CLOUD_API_TOKEN: a token of Dagster+" in output

    (tmp_path / "new/README.md").write_text("mine\n")
    code, output = run("shop", "--to", "new", *said)
    assert code == ExitCode.USAGE
    assert "nothing is overwritten" in output
    assert (tmp_path / "new/README.md").read_text() == "mine\n"


def test_a_configuration_says_what_is_meant(tmp_path: Path) -> None:
    write({"dagster-chatops.yaml": CONFIG}, tmp_path)
    code, output = run("shop", "--to", "new")
    assert code == ExitCode.GOOD, output
    files = read(tmp_path / "new")
    assert "IMAGE: registry.gitlab.com/acme/shop\n" in files[GITLAB_FILE]
    assert "DAGSTER_CLOUD_ORGANIZATION: acme\n" in files[GITLAB_FILE]


def test_a_directory_of_a_monorepo_is_written_into_it(tmp_path: Path) -> None:
    write({"README.md": "the monorepo's\n"}, tmp_path)
    said = ("--image", "ghcr.io/acme/shop", "--python", "3.11", "--directory", "teams/shop")
    code, output = run("shop", "--to", ".", *said, "--shared", "acme-shared=libs/shared")
    assert code == ExitCode.GOOD, output
    assert read(tmp_path) == {"README.md": "the monorepo's\n", **files_of(directory(shared=True))}
    assert "Secrets" not in output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("shop",), "It isn't said where the project goes."),
        (("shop", "--to", "new", "--image", "ghcr.io/a/b"), "organisation of Dagster+ isn't known"),
        (("shop", "--to", "new", "--agent", "cloud"), "--agent can't be “cloud”."),
        (("a b", "--to", "new", "--organization", "acme"), "can't be named “a b”"),
        (("shop", "--to", "new", "--shared", "x", "--directory", "y"), "doesn't say where it is"),
        (("shop", "--push", "https://github.com/a/b"), "may be pushed to"),
        (("shop", "--create", "https://github.com/a/b"), "may be pushed to"),
        (("shop", "--create", "a", "--push", "b", "--to", "new"), "--push and --create are said"),
        (("shop", "--to", "new", "--config", "none.yaml"), "There is no configuration file"),
    ],
)
def test_what_can_not_be_made_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, output = run(*arguments)
    assert code in (ExitCode.USAGE, ExitCode.FAILED), output
    assert says in " ".join(output.split())
    assert not (tmp_path / "new").exists()


async def test_a_repository_is_created_and_a_second_try_goes_on(tmp_path: Path) -> None:
    host = await start_git_host(tmp_path / "bare.git", "gitlab", "acme/data/shop")
    try:
        api = {"kind": "gitlab", "base_url": host.api}
        repositories = [{"address": f"{host.url}/acme/", "token": TOKEN, "host": api}]
        config = yaml.safe_load(CONFIG)
        config["scaffold"]["repositories"] = repositories
        write({"dagster-chatops.yaml": yaml.safe_dump(config)}, tmp_path)
        create = ("shop", "--create", host.git_url)
        host.faults.add(Fault("no_push", times=None))
        code, output = await asyncio.to_thread(run, *create)
        assert (code, f"Created {host.git_url}" in output) == (ExitCode.FAILED, True), output
        assert "git_auth_failed" in output
        host.faults.clear()
        code, output = await asyncio.to_thread(run, *create)
        assert (code, f"Found {host.git_url}" in output) == (ExitCode.GOOD, True), output
        commit = await host.repository.branch("main")
        assert f"Pushed {str(commit)[:7]} to {host.git_url}" in output
        code, output = await asyncio.to_thread(run, *create, "--package", "store")
        assert (code, "repository_not_empty" in output) == (ExitCode.FAILED, True), output
    finally:
        await host.close()
