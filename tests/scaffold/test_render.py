"""The files of a new project, from our templates and from a team's own."""

from pathlib import Path

import pytest

from deploy_core.model.errors import TemplateInvalid, UnsafePath
from deploy_core.scaffold.options import Ci
from deploy_core.scaffold.registries import Registry
from deploy_core.scaffold.render import scaffold
from deploy_core.scaffold.templates_folder import LAYERS, our_templates, with_team_templates
from deploy_core.sources.dagster_cloud_yaml import Build, FileLocation, parse_dagster_cloud_yaml
from tests.scaffold.projects import (
    GITHUB_FILE,
    GITLAB_FILE,
    IMAGES,
    directory,
    files_of,
    hybrid,
    serverless,
    write,
)

PROJECT = {
    "pyproject.toml",
    "shop/__init__.py",
    "shop/assets/__init__.py",
    "shop/assets/example.py",
    "shop/definitions.py",
    "shop/resources/__init__.py",
    "tests/test_definitions.py",
}
REPOSITORY = PROJECT | {".gitignore", "README.md", "dagster_cloud.yaml"}


def test_a_hybrid_repository_has_an_image_and_a_serverless_one_has_none() -> None:
    image = {"Dockerfile", ".dockerignore"}
    assert set(files_of(hybrid())) == REPOSITORY | image | {GITHUB_FILE}
    assert set(files_of(hybrid(Ci.GITLAB))) == REPOSITORY | image | {GITLAB_FILE}
    assert set(files_of(serverless())) == REPOSITORY | {GITHUB_FILE}
    assert set(files_of(serverless(Ci.GITLAB))) == REPOSITORY | {GITLAB_FILE}


def test_a_directory_has_no_ci_and_no_file_of_locations() -> None:
    wanted = PROJECT | {"Dockerfile", ".dockerignore"}
    assert set(files_of(directory())) == {f"teams/shop/{path}" for path in wanted}


def test_a_directory_needs_the_package_that_the_repository_shares() -> None:
    files = files_of(directory(shared=True))
    project = files["teams/shop/pyproject.toml"]
    assert '  "acme-shared",\n' in project
    assert '"acme-shared" = { path = "../../libs/shared", editable = true }\n' in project
    image = files["teams/shop/Dockerfile"]
    assert "docker build -f teams/shop/Dockerfile .\n" in image
    assert "COPY libs/shared libs/shared\nCOPY teams/shop teams/shop\n" in image
    assert "RUN pip install --no-cache-dir ./libs/shared ./teams/shop\n" in image
    assert "teams/shop/.dockerignore" not in files, "the root's counts"
    alone = files_of(directory())
    assert "acme-shared" not in "".join(alone.values())
    assert "COPY . .\nRUN pip install --no-cache-dir .\n" in alone["teams/shop/Dockerfile"]


def test_what_dagster_plus_is_told() -> None:
    text = files_of(hybrid(location="1.0", package="shop", queue="no"))["dagster_cloud.yaml"]
    (location,) = parse_dagster_cloud_yaml(text, path="dagster_cloud.yaml")
    assert location == FileLocation(
        "1.0",
        {
            "location_name": "1.0",
            "code_source": {"module_name": "shop.definitions"},
            "agent_queue": "no",
        },
        Build(".", "ghcr.io/acme/shop"),
    )
    text = files_of(serverless())["dagster_cloud.yaml"]
    (location,) = parse_dagster_cloud_yaml(text, path="dagster_cloud.yaml")
    assert location.build is None
    assert location.document == {
        "location_name": "shop",
        "code_source": {"module_name": "shop.definitions"},
    }


LOGINS = {
    (Ci.GITHUB, Registry.GHCR): ("registry: ghcr.io", "packages: write", "github.actor"),
    (Ci.GITHUB, Registry.DOCKERHUB): ("docker/login-action", "secrets.DOCKERHUB_TOKEN"),
    (Ci.GITHUB, Registry.ECR): ("aws-region: eu-west-1", "aws-actions/amazon-ecr-login@"),
    (Ci.GITHUB, Registry.GCR): ("registry: europe-docker.pkg.dev", "username: _json_key"),
    (Ci.GITHUB, Registry.GITLAB): ("registry: registry.gitlab.com", "GITLAB_DEPLOY_TOKEN"),
    (Ci.GITLAB, Registry.GHCR): ('"$GHCR_USERNAME" --password-stdin ghcr.io',),
    (Ci.GITLAB, Registry.DOCKERHUB): ('"$DOCKERHUB_USERNAME" --password-stdin\n',),
    (Ci.GITLAB, Registry.ECR): (
        "--region eu-west-1 | docker login",
        "--password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com\n",
    ),
    (Ci.GITLAB, Registry.GCR): ("_json_key --password-stdin europe-docker.pkg.dev",),
    (Ci.GITLAB, Registry.GITLAB): ('"$CI_REGISTRY_USER" --password-stdin registry.gitlab.com',),
}


@pytest.mark.parametrize(("ci", "kind"), LOGINS)
def test_each_registry_is_logged_in_to_in_its_own_way(ci: Ci, kind: Registry) -> None:
    text = files_of(hybrid(ci, kind))[GITHUB_FILE if ci is Ci.GITHUB else GITLAB_FILE]
    for part in LOGINS[ci, kind]:
        assert part in text
    others = {part for other, parts in LOGINS.items() if other[0] is ci for part in parts}
    for part in others - set(LOGINS[ci, kind]):
        assert part not in text or part == "docker/login-action"
    assert f"IMAGE: {IMAGES[kind]}\n" in text


def test_every_folder_of_templates_is_of_use() -> None:
    used = {path.partition("/")[0] for path in our_templates()}
    assert used == {*LAYERS, "parts"}


def test_files_end_with_one_newline_and_hold_nothing_of_the_templates() -> None:
    for options in (hybrid(), hybrid(Ci.GITLAB, queue="gpu"), serverless(), directory(shared=True)):
        for path, text in files_of(options).items():
            assert text.endswith("\n"), path
            assert not text.endswith("\n\n"), path
            for bracket in ("[%", "[[", "[#", "]]", "%]"):
                assert bracket not in text, path


def test_a_team_replaces_the_folders_that_it_has(tmp_path: Path) -> None:
    team = {
        "project/src/__package__/definitions.py.jinja": "# [[ location ]]\n",
        "project/raw.txt": "[[ not replaced ]]\n",
        "parts/github-start.jinja": "name: Ours\n\njobs:\n  deploy:\n    steps:\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        "notes.md": "not a template",
    }
    templates = with_team_templates(write(team, tmp_path))
    files = scaffold(serverless(location="my-shop"), templates)
    assert files["src/my_shop/definitions.py"] == "# my-shop\n"
    assert files["raw.txt"] == "[[ not replaced ]]\n"
    assert set(files) == {
        "src/my_shop/definitions.py",
        "raw.txt",
        ".gitignore",
        "README.md",
        "dagster_cloud.yaml",
        GITHUB_FILE,
    }
    assert files[GITHUB_FILE].startswith("name: Ours\n")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jinja", "[[ nowhere ]]", "'nowhere' is undefined"),
        ("a.jinja", "[% if %]", "can't be read"),
        ("a.jinja", "[[ 1 / 0 ]]", "ZeroDivisionError"),
        ("a.jinja", "[[ location.__class__.__mro__ ]]", "access to attribute"),
        ("a.jinja", "[% include 'parts/none.jinja' %]", "parts/none.jinja"),
    ],
)
def test_a_template_that_can_not_be_filled_in(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    templates = with_team_templates(write({f"project/{name}": text}, tmp_path))
    with pytest.raises(TemplateInvalid) as refused:
        scaffold(hybrid(), templates)
    assert says in refused.value.summary
    assert name in refused.value.summary


def test_a_folder_that_has_no_templates(tmp_path: Path) -> None:
    with pytest.raises(TemplateInvalid, match="has none of the folders"):
        with_team_templates(write({"a.jinja": "x"}, tmp_path))


def test_a_template_that_is_a_link_or_no_text(tmp_path: Path) -> None:
    folder = write({"project/a.jinja": "x"}, tmp_path)
    (folder / "project/picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(TemplateInvalid, match=r"picture.png` isn't UTF-8 text"):
        with_team_templates(folder)
    (folder / "project/picture.png").unlink()
    (folder / "project/link").symlink_to("/etc/hostname")
    with pytest.raises(TemplateInvalid, match=r"project/link` is a link"):
        with_team_templates(folder)


def test_nothing_is_written_into_gits_own_folder(tmp_path: Path) -> None:
    folder = write({"project/.git/hooks/pre-commit": "#!/bin/sh\n"}, tmp_path)
    with pytest.raises(UnsafePath, match="git's own folder"):
        scaffold(hybrid(), with_team_templates(folder))
