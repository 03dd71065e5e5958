"""Options, paths and content keys; engines that are chosen."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from deploy_core.artifacts.build_recipe import content_key, merged, object_ids, recipe_for
from deploy_core.artifacts.dockerfile import base_images, generated_dockerfile
from deploy_core.artifacts.engines import Engines
from deploy_core.model.errors import BuildNeeded, EngineGone, UnsafePath
from deploy_core.settings import BuildOptions, DockerSettings, ProjectSettings
from tests.sources.repository import Repository

IDS = {"app": "t1", "app/Dockerfile": "b1", "app/Dockerfile.dockerignore": None}


def options(**given: object) -> BuildOptions:
    return BuildOptions.model_validate(given)


def test_a_location_changes_parts_of_its_project() -> None:
    project = options(target="a", args={"X": "1", "Y": "2"}, platform="linux/amd64")
    location = options(target="b", args={"Y": "3"})
    both = merged(project, location)
    assert (both.target, both.args, both.platform) == ("b", {"X": "1", "Y": "3"}, "linux/amd64")


@pytest.mark.parametrize(
    ("directory", "given", "paths"),
    [
        (None, {}, ("", "Dockerfile")),
        ("app", {}, ("app", "app/Dockerfile")),
        ("app", {"context": ".."}, ("", "app/Dockerfile")),
        ("app", {"context": "/", "dockerfile": "/docker/x"}, ("", "docker/x")),
        ("a/b", {"context": "../c", "dockerfile": "d/../e"}, ("a/c", "a/b/e")),
    ],
)
def test_paths(directory: str | None, given: dict[str, str], paths: tuple[str, str]) -> None:
    settings = ProjectSettings(git="x", build=options(**given))
    recipe = recipe_for("core", directory, "registry.test/x", settings)
    assert recipe.paths[:2] == paths


@pytest.mark.parametrize("path", ["../..", "/../x", "a/../../../x", "x\ny", "~/x"])
def test_paths_that_leave_the_repository(path: str) -> None:
    settings = ProjectSettings(git="x", build=options(dockerfile=path))
    with pytest.raises(UnsafePath):
        recipe_for("core", "app" if path != "~/x" else None, "registry.test/x", settings)


def test_a_build_needs_a_registry() -> None:
    with pytest.raises(BuildNeeded):
        recipe_for("core", "app", None, ProjectSettings(git="x"))


def test_secrets_need_one_source_and_a_free_name() -> None:
    cases: tuple[dict[str, object], ...] = (
        {"args": {"A": {"env": "X", "file": "y"}}},
        {"args": {"PATH": {"env": "X"}}},
        {"secrets": {"a": {}}},
        {"args": {"A=B": "x"}},
        {"platform": "--privileged"},
    )
    for wrong in cases:
        with pytest.raises(ValidationError):
            options(**wrong)


def test_the_key_is_the_same_for_the_same_content_only() -> None:
    settings = ProjectSettings(git="x", build=options(args={"A": "1"}))
    recipe = recipe_for("core", "app", "registry.test/x", settings)
    key = content_key(recipe, IDS)
    assert len(key) == 16
    assert content_key(replace(recipe, location="other", cache_from=("x",)), IDS) == key
    others = [
        content_key(recipe, IDS | {"app": "t2"}),
        content_key(recipe, IDS | {"app/Dockerfile": "b2"}),
        content_key(recipe, IDS | {"app/Dockerfile.dockerignore": "i1"}),
        content_key(replace(recipe, args={"A": "2"}), IDS),
        content_key(replace(recipe, target="t"), IDS),
        content_key(replace(recipe, platform="linux/arm64"), IDS),
    ]
    assert len({key, *others}) == 7


async def test_object_ids_are_those_of_git(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    sha = repository.commit("Add", {"app/Dockerfile": "FROM x\n", "other": "1"})
    found = await object_ids(repository.folder / ".git", sha, ("", "app", "app/none", "other"))
    assert found == {
        "": repository.git("rev-parse", "HEAD^{tree}"),
        "app": repository.git("rev-parse", "HEAD:app"),
        "app/none": None,
        "other": repository.git("rev-parse", "HEAD:other"),
    }


def test_the_generated_dockerfile_puts_requirements_before_code(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("dagster-cloud\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    lines = generated_dockerfile(tmp_path, "python:3.12-slim").splitlines()
    assert lines[0] == "FROM python:3.12-slim"
    order = [lines.index(x) for x in ("COPY requirements.txt ./", "COPY . .")]
    assert order == sorted(order)
    assert lines[-1] == "RUN pip install --no-cache-dir ."
    assert "RUN pip install --no-cache-dir dagster-cloud" not in lines


def test_base_images() -> None:
    text = "FROM --platform=linux/amd64 a.test/x:1 AS one\nfrom one\nFROM $BASE\nRUN x\n"
    assert base_images(text) == ("a.test/x:1", "one")


async def _version(_: web.Request) -> web.Response:
    return web.json_response({"ApiVersion": "1.41"})


async def _pong(_: web.Request) -> web.Response:
    return web.Response(text="OK")


@pytest.fixture
async def sockets(tmp_path: Path) -> AsyncIterator[list[str]]:
    """Two engines that answer a ping, as far as the SDK looks at it."""
    runners = []
    for name in ("a", "b"):
        app = web.Application()
        app.router.add_get("/version", _version)
        app.router.add_get("/v1.41/_ping", _pong)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / name)).start()
        runners.append(runner)
    yield [f"unix://{tmp_path}/{name}" for name in ("a", "b")]
    for runner in runners:
        await runner.cleanup()


async def test_the_least_busy_engine_builds_and_the_limit_holds(sockets: list[str]) -> None:
    settings = DockerSettings.model_validate(
        {
            "builders": {
                "small": {"host": sockets[0], "parallel": 1},
                "large": {"host": sockets[1], "parallel": 3},
            },
            "parallel_builds": 3,
        }
    )
    with ThreadPoolExecutor() as executor:
        engines = Engines(settings, {}, executor)
        async with AsyncExitStack() as stack:
            names = [(await stack.enter_async_context(engines.least_busy())).name for _ in range(3)]
            assert names == ["small", "large", "large"]
            waiting = asyncio.create_task(
                AsyncExitStack().enter_async_context(engines.least_busy())
            )
            done, _ = await asyncio.wait([waiting], timeout=0.2)
            assert not done
        assert (await waiting).name == "small"


async def test_an_engine_that_is_gone_is_passed_over(sockets: list[str], tmp_path: Path) -> None:
    gone = {"gone": {"host": f"unix://{tmp_path}/none"}}
    alive = {"alive": {"host": sockets[0]}}
    with ThreadPoolExecutor() as executor:
        both = Engines(DockerSettings.model_validate({"builders": gone | alive}), {}, executor)
        async with both.least_busy() as engine:
            assert engine.name == "alive"
        two = gone | {"far": {"host": f"unix://{tmp_path}/far"}}
        none = Engines(DockerSettings.model_validate({"builders": two}), {}, executor)
        with pytest.raises(EngineGone, match="gone, far"):
            async with none.least_busy():
                pass
