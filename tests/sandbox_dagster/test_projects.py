"""The example projects are real repositories, the same everywhere."""

import asyncio
from pathlib import Path

import pytest
import yaml
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from sandbox.projects import make_projects


async def git(repository: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", f"--git-dir={repository}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().strip()


@pytest.fixture
async def projects(tmp_path: Path) -> dict[str, Path]:
    return await make_projects(tmp_path / "projects")


async def test_branches_and_tags(projects: dict[str, Path]) -> None:
    refs = {name: await git(path, "tag") for name, path in projects.items()}
    assert refs == {"quickstart": "v1\nv2", "monorepo": "v1\nv2"}
    branches = {
        name: (await git(path, "branch", "--format=%(refname:short)")).split("\n")
        for name, path in projects.items()
    }
    assert branches == {
        "quickstart": ["broken", "duplicate-asset", "main", "needs-env", "slow-import"],
        "monorepo": ["main", "marts-broken"],
    }
    assert await git(projects["quickstart"], "rev-list", "--count", "main") == "3"
    assert await git(projects["quickstart"], "symbolic-ref", "HEAD") == "refs/heads/main"


async def test_commits_are_the_same_everywhere(projects: dict[str, Path], tmp_path: Path) -> None:
    again = await make_projects(tmp_path / "again")
    for name, path in projects.items():
        text = await git(path, "show-ref")
        assert text == await git(again[name], "show-ref")
        assert await git(path, "fsck", "--strict") == ""


async def test_made_twice_is_made_once(projects: dict[str, Path], tmp_path: Path) -> None:
    before = (projects["quickstart"] / "HEAD").stat().st_mtime_ns
    assert await make_projects(tmp_path / "projects") == projects
    assert (projects["quickstart"] / "HEAD").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("project", "names"), [("quickstart", ["quickstart"]), ("monorepo", ["core", "marts", "ml"])]
)
async def test_dagsters_own_model_reads_the_files(
    projects: dict[str, Path], project: str, names: list[str]
) -> None:
    text = await git(projects[project], "show", "main:dagster_cloud.yaml")
    read = load_dagster_cloud_yaml(text)
    assert [location.location_name for location in read.locations] == names


async def test_the_monorepo_has_defaults(projects: dict[str, Path]) -> None:
    read = yaml.safe_load(await git(projects["monorepo"], "show", "main:dagster_cloud.yaml"))
    assert read["defaults"]["container_context"]["k8s"]["namespace"] == "data-platform"


async def test_the_last_commit_of_the_monorepo_changes_marts_alone(
    projects: dict[str, Path],
) -> None:
    changed = await git(projects["monorepo"], "diff", "--name-only", "v1", "main")
    assert {path.split("/")[0] for path in changed.split("\n")} == {"marts"}
