"""A new project's first commit, in real repositories: empty ones, others, and lost answers."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy_core.clock import SystemClock
from deploy_core.model.errors import (
    GitAuthFailed,
    GitFailed,
    PushNotConfigured,
    RepositoryNotEmpty,
    TemplateInvalid,
)
from deploy_core.scaffold.archive import zipped
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.settings import RepositoriesSettings, ScaffoldSettings
from deploy_core.sources.git import GitMirrors
from tests.scaffold.projects import files_of, serverless, write
from tests.sources.git_server import GitServer
from tests.sources.repository import Repository

FILES = files_of(serverless())
TOKEN = "t0ken-of-the-host"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty" / ".git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    git(folder, "config", "http.receivepack", "true")
    return folder


@pytest.fixture
async def server(empty: Path) -> AsyncIterator[GitServer]:
    started = GitServer(empty.parent, token=TOKEN)
    await started.start()
    yield started
    await started.stop()


def maker(tmp_path: Path, *repositories: RepositoriesSettings, **more: str) -> ProjectMaker:
    clock = SystemClock()
    settings = ScaffoldSettings.model_validate({"repositories": repositories, **more})
    mirrors = GitMirrors(tmp_path / "work", clock)
    return ProjectMaker(settings, mirrors, tmp_path / "work", clock)


def anywhere(tmp_path: Path) -> RepositoriesSettings:
    return RepositoriesSettings(address=f"{tmp_path}/")


async def test_the_files_are_the_first_commit_and_nothing_else_stays(
    tmp_path: Path, empty: Path
) -> None:
    commit = await maker(tmp_path, anywhere(tmp_path)).push(FILES, str(empty), "ada")
    assert git(empty, "rev-parse", "main") == commit
    assert git(empty, "ls-tree", "-r", "--name-only", "main").split() == sorted(FILES)
    assert git(empty, "show", "main:pyproject.toml") == FILES["pyproject.toml"].strip()
    assert git(empty, "log", "--format=%an: %s", "main") == "ada: New project"
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_second_try_finds_what_the_first_has_pushed(tmp_path: Path, empty: Path) -> None:
    first = await maker(tmp_path, anywhere(tmp_path)).push(FILES, str(empty), "ada")
    again = await maker(tmp_path, anywhere(tmp_path)).push(FILES, str(empty), "grace")
    assert again == first
    assert git(empty, "rev-list", "--count", "--all") == "1"
    other = {**FILES, "more.txt": "more\n"}
    with pytest.raises(RepositoryNotEmpty, match="it has `main`"):
        await maker(tmp_path, anywhere(tmp_path)).push(other, str(empty), "ada")


async def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    there = Repository(tmp_path / "there")
    commit = there.commit("Theirs", {"README.md": "theirs\n"})
    there.git("branch", "--move", "trunk")
    with pytest.raises(RepositoryNotEmpty, match="it has `trunk`"):
        await maker(tmp_path, anywhere(tmp_path)).push(FILES, str(there.folder), "ada")
    assert there.git("for-each-ref", "--format=%(objectname)") == commit


async def test_two_at_once_make_one_commit(tmp_path: Path, empty: Path) -> None:
    other = {**FILES, "more.txt": "more\n"}
    ended = await asyncio.gather(
        *(
            maker(tmp_path, anywhere(tmp_path)).push(files, str(empty), "ada")
            for files in (FILES, other)
        ),
        return_exceptions=True,
    )
    pushed = [each for each in ended if isinstance(each, str)]
    refused = [each for each in ended if isinstance(each, RepositoryNotEmpty | GitFailed)]
    assert (len(pushed), len(refused)) == (1, 1), ended
    assert git(empty, "rev-parse", "main") == pushed[0]


async def test_the_token_of_the_address_is_used_and_no_other_address_gets_it(
    tmp_path: Path, server: GitServer, empty: Path
) -> None:
    team = server.url.removesuffix("repo.git")
    with_token = RepositoriesSettings.model_validate({"address": team, "token": TOKEN})
    made = maker(tmp_path, with_token)
    commit = await made.push(FILES, server.url, "ada")
    assert git(empty, "rev-parse", "main") == commit
    assert not any(TOKEN.encode() in each for each in server.seen_arguments)
    seen = len(server.authorizations)
    for address in (
        server.url.replace("/team/", "/other/"),
        f"{team}../other/repo.git",
        server.url.replace("http://", "http://me:secret@"),
        f"file://{empty}",
        str(empty),
    ):
        with pytest.raises(PushNotConfigured) as refused:
            await made.push(FILES, address, "ada")
        assert "secret" not in refused.value.summary
    assert len(server.authorizations) == seen


async def test_a_token_without_rights_leaves_nothing(
    tmp_path: Path, server: GitServer, empty: Path
) -> None:
    wrong = RepositoriesSettings.model_validate({"address": f"{server.url[:-8]}", "token": "no"})
    with pytest.raises(GitAuthFailed):
        await maker(tmp_path, wrong).push(FILES, server.url, "ada")
    assert git(empty, "for-each-ref") == ""


async def test_templates_come_from_a_teams_repository_at_its_ref(tmp_path: Path) -> None:
    team = Repository(tmp_path / "team")
    team.commit("First", {"project/notes.txt.jinja": "[[ location ]], first\n"})
    team.git("tag", "v1")
    team.commit("Second", {"project/notes.txt.jinja": "[[ location ]], second\n"})
    where = f"file://{team.folder}"
    for ref, says in (("main", "shop, second\n"), ("v1", "shop, first\n")):
        made = await maker(tmp_path, templates=where, templates_ref=ref).make(serverless())
        assert made["notes.txt"] == says
        assert "shop/definitions.py" not in made
        assert "dagster_cloud.yaml" in made, "the folders that the team doesn't have are ours"


async def test_templates_come_from_a_teams_folder(tmp_path: Path) -> None:
    folder = write({"project/notes.txt": "ours\n"}, tmp_path / "team")
    made = await maker(tmp_path, templates=str(folder)).make(serverless())
    assert made["notes.txt"] == "ours\n"
    assert await maker(tmp_path, templates=str(folder)).try_templates() > 1
    write({"gitlab-serverless/x.jinja": "[[ nowhere ]]"}, folder)
    with pytest.raises(TemplateInvalid, match="'nowhere' is undefined"):
        await maker(tmp_path, templates=str(folder)).try_templates()
    with pytest.raises(TemplateInvalid, match="There is no folder"):
        await maker(tmp_path, templates=str(tmp_path / "none")).make(serverless())


async def test_without_templates_of_its_own_a_team_gets_ours(tmp_path: Path) -> None:
    assert await maker(tmp_path).make(serverless()) == FILES


def test_the_zip_file_holds_the_files_and_is_the_same_each_time(tmp_path: Path) -> None:
    content = zipped(FILES, "shop")
    assert content == zipped(dict(reversed(FILES.items())), "shop")
    (tmp_path / "shop.zip").write_bytes(content)
    with ZipFile(tmp_path / "shop.zip") as archive:
        read = {name: archive.read(name).decode() for name in archive.namelist()}
    assert read == {f"shop/{path}": text for path, text in FILES.items()}
