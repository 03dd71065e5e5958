"""What a new project can't be called, and which options don't fit together."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.model.errors import (
    DeployError,
    ImageNameInvalid,
    LocationNameInvalid,
    PackageNameInvalid,
    ProjectOptionInvalid,
)
from deploy_core.scaffold.needed import HELP_PAGES, needed_secrets, settings_page
from deploy_core.scaffold.options import (
    Ci,
    ProjectOptions,
    SharedPackage,
    package_of,
    problems_of,
    require_valid,
)
from deploy_core.scaffold.registries import Registry, registry_of
from deploy_core.scaffold.render import scaffold, yaml_text
from deploy_core.scaffold.templates_folder import our_templates
from tests.scaffold.projects import IMAGES, directory, every_repository, hybrid, serverless


@pytest.mark.parametrize(
    "name",
    ["my shop", "a/b", "..", "a..b", "../shop", "žába", "", "-shop", ".git", "shop\n", "a" * 300],
)
def test_a_location_that_can_not_be_named_so(name: str) -> None:
    with pytest.raises(LocationNameInvalid):
        require_valid(hybrid(location=name))


@pytest.mark.parametrize(
    ("package", "says"),
    [
        ("my shop", "A Python package can't be named “my shop”."),
        ("my/shop", "A Python package can't be named “my/shop”."),
        ("..", "A Python package can't be named “..”."),
        ("Shop", "A Python package can't be named “Shop”."),
        ("2shop", "A Python package can't be named “2shop”."),
        ("žába", "A Python package can't be named “žába”."),
        ("class", "“class” is a word of Python itself; say another --package."),
        ("json", "A package named “json” would stand in the way of another one of that name."),
        (
            "dagster",
            "A package named “dagster” would stand in the way of another one of that name.",
        ),
        ("a" * 300, "The package's name has 300 characters; at most 60 can be used."),
    ],
)
def test_a_package_that_can_not_be_named_so(package: str, says: str) -> None:
    with pytest.raises(PackageNameInvalid) as refused:
        require_valid(hybrid(package=package))
    assert refused.value.summary == says
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("location", "package"),
    [("shop", "shop"), ("my-shop.v2", "my_shop_v2"), ("Shop--EU", "shop_eu"), ("x_", "x")],
)
def test_the_package_is_made_from_the_location(location: str, package: str) -> None:
    assert package_of(location) == package
    require_valid(hybrid(location=location))


@pytest.mark.parametrize("location", ["class", "2024", "json"])
def test_a_good_location_may_need_a_package_of_another_name(location: str) -> None:
    assert list(problems_of(hybrid(location=location))) == ["package"]
    require_valid(hybrid(location=location, package="data"))


@pytest.mark.parametrize(
    ("options", "where", "error", "says"),
    [
        (replace(hybrid(), image=""), "image", ProjectOptionInvalid, "isn't said where"),
        (replace(hybrid(), image="https://ghcr.io/a/b"), "image", ImageNameInvalid, "scheme"),
        (replace(hybrid(), image="ghcr.io/a/b:1"), "image", ImageNameInvalid, "tag or a digest"),
        (replace(hybrid(), image="ghcr.io/A B"), "image", ImageNameInvalid, "small letters"),
        (replace(hybrid(), image="r.acme.example/a"), "registry", ProjectOptionInvalid, "kind of"),
        (hybrid(organization=""), "organization", ProjectOptionInvalid, "isn't known"),
        (hybrid(organization="a/b"), "organization", ProjectOptionInvalid, "can't be an"),
        (hybrid(deployment="a b"), "deployment", ProjectOptionInvalid, "can't be a deployment"),
        (hybrid(python="2.7"), "python", ProjectOptionInvalid, "isn't one that Dagster runs"),
        (hybrid(queue="a\nb"), "queue", ProjectOptionInvalid, "can't be the name of an agent"),
        (serverless(queue="gpu"), "queue", ProjectOptionInvalid, "has no agent queues"),
        (replace(serverless(), image="a/b"), "image", ProjectOptionInvalid, "no image of its own"),
        (serverless(Ci.GITLAB, python="3.13"), "python", ProjectOptionInvalid, "GitLab CI"),
        (hybrid(directory="../x"), "directory", ProjectOptionInvalid, "can't be the directory"),
        (hybrid(directory="a/.git"), "directory", ProjectOptionInvalid, "can't be the directory"),
        (
            hybrid(shared=SharedPackage("shared", "shared")),
            "shared",
            ProjectOptionInvalid,
            "Only a directory",
        ),
        (
            hybrid(directory="shop", shared=SharedPackage("shared", "/etc")),
            "shared",
            ProjectOptionInvalid,
            "can't be the directory",
        ),
    ],
)
def test_options_that_do_not_fit(
    options: ProjectOptions, where: str, error: type[DeployError], says: str
) -> None:
    problems = problems_of(options)
    assert list(problems) == [where]
    assert type(problems[where]) is error
    assert says in problems[where].summary
    with pytest.raises(error):
        scaffold(options, our_templates())


def test_an_image_outside_ecr_can_not_be_logged_in_to_as_ecr() -> None:
    options = replace(hybrid(), registry=Registry.ECR)
    assert "isn't in a registry of AWS ECR" in problems_of(options)["registry"].summary


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = replace(hybrid(location="a b", python="1", queue="\x00"), image="a b")
    assert list(problems_of(wrong)) == ["location", "image", "python", "queue"]


@pytest.mark.parametrize(("kind", "image"), IMAGES.items())
def test_the_kind_of_a_registry_is_told_from_its_host(kind: Registry, image: str) -> None:
    assert registry_of(image) is kind
    assert registry_of("gitlab.acme.example/data/shop") is Registry.GITLAB
    assert registry_of("eu.gcr.io/acme/shop") is Registry.GCR


SECRETS = {
    "github-serverless": [],
    "gitlab-serverless": [],
    "github-hybrid-ghcr": [],
    "gitlab-hybrid-gitlab": [],
    "github-hybrid-gitlab": ["GITLAB_DEPLOY_USER", "GITLAB_DEPLOY_TOKEN"],
    "gitlab-hybrid-ghcr": ["GHCR_USERNAME", "GHCR_TOKEN"],
    **{f"{ci}-hybrid-gcr": ["GCR_JSON_KEY"] for ci in Ci},
    **{f"{ci}-hybrid-dockerhub": ["DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN"] for ci in Ci},
    **{f"{ci}-hybrid-ecr": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] for ci in Ci},
}


@pytest.mark.parametrize(("name", "options"), every_repository().items())
def test_the_secrets_that_a_person_must_set(name: str, options: ProjectOptions) -> None:
    names = [each.name for each in needed_secrets(options)]
    assert names == ["DAGSTER_CLOUD_API_TOKEN", *SECRETS[name]]
    assert needed_secrets(directory()) == ()


@pytest.mark.parametrize(
    ("ci", "address", "page"),
    [
        (
            Ci.GITHUB,
            "https://github.com/acme/shop.git",
            "https://github.com/acme/shop/settings/secrets/actions",
        ),
        (
            Ci.GITHUB,
            "git@git.acme.example:data/shop.git",
            "https://git.acme.example/data/shop/settings/secrets/actions",
        ),
        (
            Ci.GITLAB,
            "https://git.acme.example:8443/data/shop",
            "https://git.acme.example:8443/data/shop/-/settings/ci_cd#js-cicd-variables-settings",
        ),
        (Ci.GITLAB, "/srv/git/shop.git", HELP_PAGES[Ci.GITLAB]),
        (Ci.GITHUB, None, HELP_PAGES[Ci.GITHUB]),
    ],
)
def test_where_the_secrets_are_set(ci: Ci, address: str | None, page: str) -> None:
    assert settings_page(ci, address) == page


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
def test_a_text_in_yaml_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"key: {yaml_text(text)}\n") == {"key": text}


@pytest.mark.parametrize("text", ["no", "1.0", "null", "1e3", "0o7", "2024-01-01", "~", "a: b"])
def test_what_yaml_reads_as_something_else_is_quoted(text: str) -> None:
    assert yaml_text(text) == f'"{text}"'
