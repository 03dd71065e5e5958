"""Images for Serverless: Dagster's own registry, its log-in, and Dockerfiles that are made up."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.errors import BaseImageRefused, ServerlessRegistryMissing
from deploy_core.model.plan import ArtifactKind, DeployKind, DeployRequest
from deploy_core.model.states import TargetState
from deploy_core.settings import DockerSettings, ProjectSettings
from sandbox.dagster_plus.serverless import RegistryInfo, Serverless
from tests.docker.engine import PASSWORD, USER, DockerEngine, Registry, why_not
from tests.engine.world import World, open_world
from tests.sources.repository import Repository
from tests.support.plans import ADA

pytestmark = pytest.mark.timeout(1800)

Opened = Callable[..., AbstractAsyncContextManager[World]]

# A base image that has a shell and, in place of pip, a script that notes what it was asked for.
PIP = "#!/bin/sh\necho pip $@ >> /installed\n"
BASE = """\
FROM chatops-test-base:1
COPY pip /bin/pip
RUN chmod +x /bin/pip
"""


@pytest.fixture(scope="module")
def engine(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> DockerEngine:
    docker_engine.make_base()
    folder = tmp_path_factory.mktemp("base")
    (folder / "Dockerfile").write_text(BASE)
    (folder / "pip").write_text(PIP)
    docker_engine.client("build", "--quiet", "--tag", "own-base:1", str(folder))
    return docker_engine


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry that takes one user's password, as Dagster's own does."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    running = Registry(tmp_path / "registry", password=True)
    yield running
    running.stop()


@pytest.fixture
def opened(tmp_path: Path, repository: Repository) -> Opened:
    """Opens a world whose `prod` is Serverless with this registry and this engine."""

    @asynccontextmanager
    async def start(
        info: RegistryInfo | None, engine: DockerEngine | None = None, **project: Any
    ) -> AsyncIterator[World]:
        work = tmp_path / "world"
        work.mkdir()
        builders = {} if engine is None else {"one": {"host": engine.host}}
        docker = {"builders": builders, "config_folder": str(tmp_path / "none"), "push_tries": 1}
        async with open_world(
            work,
            {"shop": repository.folder},
            serverless=Serverless(tmp_path / "storage", ("prod",), info),
            projects={"shop": ProjectSettings(git=str(repository.folder), **project)},
            docker=DockerSettings.model_validate(docker),
        ) as world:
            world.patience = 120
            yield world

    return start


def ecr(registry: Registry) -> RegistryInfo:
    return RegistryInfo(f"{registry.address}/acme", USER, PASSWORD)


async def test_an_image_goes_to_dagsters_registry_with_its_log_in_and_is_deployed_by_digest(
    opened: Opened, engine: DockerEngine, registry: Registry, repository: Repository
) -> None:
    repository.commit("Hooks", {"dagster_cloud_pre_install.sh": "#!/bin/sh\necho pre > /hooks\n"})
    repository.commit("More", {"dagster_cloud_post_install.sh": "#!/bin/sh\necho post >> /hooks\n"})
    build = {"base_image": "own-base:1"}
    async with opened(ecr(registry), engine, artifact="docker", build=build) as world:
        deploy = await world.deploy("shop")

        assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0].failure
        image = world.live("shop")["image"]
        assert image.startswith(f"{registry.address}/acme@sha256:")
        assert "pex_metadata" not in world.live("shop")
        said = engine.client("run", "--rm", "--network=none", image, "cat", "/hooks", "/installed")
        assert said.splitlines() == ["pre", "post", "pip install --no-cache-dir ."]


async def test_harbor_has_a_repository_for_each_location_and_takes_images_only(
    opened: Opened, engine: DockerEngine, registry: Registry, repository: Repository
) -> None:
    repository.commit("Its own", {"Dockerfile": "FROM chatops-test-base:1\nCOPY . /app\n"})
    harbor = RegistryInfo(f"{registry.address}/acme/prod-1", USER, PASSWORD, harbor=True)
    async with opened(harbor, engine) as world:
        deploy = await world.deploy("shop")

        target = deploy.targets[0]
        assert target.state is TargetState.VERIFIED, target.failure
        assert target.plan.artifact is ArtifactKind.DOCKER
        assert any("images only" in risk for risk in target.plan.risks)
        assert world.live("shop")["image"].startswith(
            f"{registry.address}/acme/prod-1/shop@sha256:"
        )


async def test_a_registry_that_refuses_the_log_in_is_named_and_nothing_is_applied(
    opened: Opened, engine: DockerEngine, registry: Registry, repository: Repository
) -> None:
    repository.commit("Its own", {"Dockerfile": "FROM chatops-test-base:1\nCOPY . /app\n"})
    wrong = replace(ecr(registry), password="a wrong password")
    async with opened(wrong, engine, artifact="docker") as world:
        deploy = await world.deploy("shop")

        failure = deploy.targets[0].failure
        assert failure is not None
        assert failure.reason == "registry_unauthorised"
        assert "a wrong password" not in failure.model_dump_json()
        assert world.sandbox.plane.deployments["prod"].locations == {}


async def test_a_deployment_without_a_registry_is_said_at_once(opened: Opened) -> None:
    async with opened(None, artifact="docker") as world:
        with pytest.raises(ServerlessRegistryMissing):
            await world.engine.plan(a_deploy())


async def test_a_base_image_that_the_organisation_may_not_use_is_said_at_once(
    opened: Opened,
) -> None:
    info = RegistryInfo("registry.example.com/acme", "AWS", "x", custom_base=False)
    async with opened(info, artifact="docker", build={"base_image": "own-base:1"}) as world:
        with pytest.raises(BaseImageRefused):
            await world.engine.plan(a_deploy())


def a_deploy() -> DeployRequest:
    return DeployRequest(kind=DeployKind.DEPLOY, actor=ADA, locations=("shop",))
