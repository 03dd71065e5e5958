"""A new directory in a repository: what it is made from, and its entry in `dagster_cloud.yaml`."""

from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.errors import ProjectOptionInvalid
from deploy_core.model.plan import Document
from deploy_core.scaffold.directory import entry_of, options_of
from deploy_core.scaffold.options import AgentKind, ProjectOptions
from deploy_core.settings import ProjectSettings
from tests.scaffold.projects import files_of, write
from tests.scaffold.test_package import look

REGISTRY: Document = {"build": {"registry": "registry.acme.example/shop"}}


def project(**said: Any) -> ProjectSettings:
    return ProjectSettings.model_validate({"git": "https://github.com/acme/data", **said})


def made(
    said: Document, settings: ProjectSettings, *, serverless: bool = False, image: str | None = None
) -> tuple[ProjectOptions, Document]:
    said = {"location_name": "my-shop", **said}
    options = options_of(said, settings, serverless=serverless, image=image)
    return options, entry_of(said, options, settings)


def test_a_hybrid_location_is_built_from_its_directory() -> None:
    options, entry = made({**REGISTRY, "agent_queue": "gpu"}, project())
    assert entry == {
        "location_name": "my-shop",
        "code_source": {"module_name": "my_shop.definitions"},
        "build": {"directory": "my-shop", "registry": "registry.acme.example/shop"},
        "agent_queue": "gpu",
    }
    files = files_of(options)
    assert "my-shop/Dockerfile" in files
    assert "my-shop/my_shop/definitions.py" in files
    assert "dagster_cloud.yaml" not in files
    assert all(path.startswith("my-shop/") for path in files)


def test_the_configuration_says_where_images_go() -> None:
    _, entry = made({}, project(), image="ghcr.io/acme/{location}")
    assert entry["build"] == {"directory": "my-shop", "registry": "ghcr.io/acme/my-shop"}
    with pytest.raises(ProjectOptionInvalid, match="isn't said where that is pushed"):
        made({}, project())


def test_a_serverless_location_has_no_dockerfile_and_the_python_of_its_pex() -> None:
    options, entry = made({}, project(), serverless=True, image="ghcr.io/acme/{location}")
    assert entry["build"] == {"directory": "my-shop"}
    assert (options.agent, options.python) == (AgentKind.SERVERLESS, "3.11")
    assert "my-shop/Dockerfile" not in files_of(options)
    other, _ = made({}, project(pex={"python": "3.12"}), serverless=True)
    assert 'requires-python = ">=3.12"' in files_of(other)["my-shop/pyproject.toml"]


def test_a_checkout_is_run_in_its_directory() -> None:
    options, entry = made({}, project(artifact="source"), image="ghcr.io/acme/{location}")
    assert entry == {
        "location_name": "my-shop",
        "code_source": {"module_name": "my_shop.definitions"},
        "working_directory": "my-shop",
    }
    assert "my-shop/Dockerfile" not in files_of(options)
    _, entry = made({"working_directory": "."}, project(artifact="source"))
    assert entry["working_directory"] == "."


async def test_it_needs_the_package_that_the_repository_shares_and_loads(tmp_path: Path) -> None:
    settings = project(shared={"name": "acme-shared", "directory": "libs/shared"})
    options, entry = made({"code_source": {"package_name": "store"}, **REGISTRY}, settings)
    assert entry["code_source"] == {"module_name": "store.definitions"}
    files = files_of(options)
    assert '  "acme-shared",\n' in files["my-shop/pyproject.toml"]
    assert 'path = "../libs/shared"' in files["my-shop/pyproject.toml"]
    assert "COPY libs/shared libs/shared\n" in files["my-shop/Dockerfile"]
    assert "acme-shared" not in files_of(made(REGISTRY, project())[0])["my-shop/pyproject.toml"]
    code, keys, output = await look(write(files, tmp_path) / "my-shop", "store")
    assert (code, keys) == (0, ["store_example"]), output


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"code_source": {"module_name": "a"}}, "brings its own definitions"),
        ({"code_source": {"package_name": "a", "python_file": "b"}}, "brings its own definitions"),
        ({"image": "ghcr.io/acme/shop:1"}, "can't have the code of a new directory"),
    ],
)
def test_what_new_code_can_not_have_is_refused(said: Document, says: str) -> None:
    with pytest.raises(ProjectOptionInvalid, match=says):
        made({**REGISTRY, **said}, project())
