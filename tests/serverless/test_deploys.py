"""Deploys to Serverless: what is built, what goes out, and what is sent."""

import asyncio
import shutil
from pathlib import Path

import pytest

from deploy_core.model.deploys import Stop
from deploy_core.model.errors import ImageMissing, ServerlessNeeded, UnknownLocation, UsageError
from deploy_core.model.plan import (
    ArtifactKind,
    CodeOptions,
    DeployKind,
    DeployRequest,
    Document,
    StepName,
)
from deploy_core.model.states import TargetState
from sandbox.projects.minimal import DEFINITIONS
from tests.engine.world import World
from tests.serverless.conftest import FILE, Open, built, store_of, uploads
from tests.sources.repository import Repository
from tests.support.plans import ADA

pytestmark = pytest.mark.timeout(1800)


async def test_nobody_says_serverless_and_a_pex_is_built_brought_and_deployed(
    world: World,
) -> None:
    deploy = await world.deploy("shop")

    target = deploy.targets[0]
    assert target.state is TargetState.VERIFIED, target.failure
    assert target.plan.artifact is ArtifactKind.PEX
    document = world.live("shop")
    assert document["code_source"] == {"module_name": "shop.definitions"}
    assert "image" not in document
    pex = document["pex_metadata"]
    assert pex["python_version"] == "3.11"
    assert sorted(pex["pex_tag"].removeprefix("files=").split(":")) == [
        name for name in store_of(world).as_json()["files"] if name.endswith(".pex")
    ]
    assert sorted(uploads(world)) == ["deps", "requirements", "source"]
    assert len(await world.requests("ChatopsAgentType")) == 1


async def test_a_location_of_no_project_must_name_an_image(world: World) -> None:
    said: Document = {"location_name": "added", "code_source": {"module_name": "added"}}
    with pytest.raises(ImageMissing, match="Nothing says which image added runs"):
        await world.start("added", kind=DeployKind.ADD, document=said)


async def test_a_change_of_the_source_builds_and_uploads_the_source_alone(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    await world.deploy("shop")
    before = built(tmp_path)
    first = world.live("shop")["pex_metadata"]["pex_tag"]
    store_of(world).transfers.clear()
    repository.commit("More", {"shop/definitions.py": DEFINITIONS.replace("1", "2")})

    deploy = await world.deploy("shop")

    assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0].failure
    second = world.live("shop")["pex_metadata"]["pex_tag"]
    assert uploads(world) == ["source"]
    assert before.items() < built(tmp_path).items(), "what was built isn't built again"
    assert second.split(":")[0] == first.split(":")[0], "the same dependencies"
    assert second.split(":")[1] != first.split(":")[1], "another source"
    step = deploy.targets[0].step(StepName.UPLOAD_PEX)
    assert step is not None
    assert 0 < int(str(step.output["bytes_sent"])) < 2_000_000


async def test_the_same_commit_again_builds_and_uploads_nothing(
    world: World, tmp_path: Path
) -> None:
    await world.deploy("shop")
    store_of(world).transfers.clear()
    before = built(tmp_path)

    await world.deploy("shop")

    assert uploads(world) == []
    assert built(tmp_path) == before


async def test_dependencies_that_dagster_plus_has_lost_are_brought_again(world: World) -> None:
    await world.deploy("shop")
    deps = world.live("shop")["pex_metadata"]["pex_tag"].removeprefix("files=").split(":")[0]
    (store_of(world).folder / deps).unlink()
    store_of(world).transfers.clear()

    deploy = await world.deploy("shop")

    assert deploy.targets[0].state is TargetState.VERIFIED
    assert sorted(uploads(world)) == ["deps", "requirements"]
    assert (store_of(world).folder / deps).is_file()


async def test_another_replica_takes_the_dependencies_from_dagster_plus(
    world: World, tmp_path: Path
) -> None:
    await world.deploy("shop")
    shutil.rmtree(tmp_path / "world" / "pex")  # the disk of a new container is empty
    store_of(world).transfers.clear()

    deploy = await world.deploy("shop")

    assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0].failure
    assert "deps" not in uploads(world)
    assert not list((tmp_path / "world" / "pex" / "files").glob("deps-*"))


async def test_locations_of_one_file_share_what_is_the_same(
    open_serverless: Open, repository: Repository
) -> None:
    locations = "".join(
        f"  - location_name: {name}\n    code_source: {source}\n"
        for name, source in (
            ("shop", "{module_name: shop.definitions}"),
            ("pack", "{package_name: shop}"),
            ("file", "{python_file: shop/definitions.py}\n    attribute: defs"),
        )
    )
    repository.commit("Three", {"dagster_cloud.yaml": f"locations:\n{locations}"})
    world = await open_serverless()

    deploy = await world.deploy(all_locations=True)

    states = {target.location: target.state for target in deploy.targets}
    assert states == dict.fromkeys(("shop", "pack", "file"), TargetState.VERIFIED)
    assert sorted(uploads(world)) == ["deps", "requirements", "source"]
    tags = {world.live(name)["pex_metadata"]["pex_tag"] for name in states}
    assert len(tags) == 1
    assert world.live("file")["code_source"] == {"python_file": "shop/definitions.py"}
    assert world.live("file")["attribute"] == "defs"


async def test_a_version_that_does_not_load_brings_the_earlier_files_back(
    world: World, repository: Repository
) -> None:
    await world.deploy("shop")
    good = world.live("shop")["pex_metadata"]
    broken = repository.commit("Broken", {"shop/definitions.py": "import nowhere\n"})
    world.break_commit(broken)

    deploy = await world.deploy("shop")

    assert deploy.targets[0].state is TargetState.PUT_BACK, deploy.targets[0].put_back_failure
    assert world.live("shop")["pex_metadata"] == good


async def test_a_rollback_to_files_that_are_nowhere_applies_nothing(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    await world.deploy("shop")
    old = world.live("shop")["pex_metadata"]["pex_tag"].rpartition(":")[2]
    repository.commit("More", {"shop/definitions.py": DEFINITIONS.replace("1", "2")})
    second = await world.deploy("shop")
    live = world.live("shop")
    (store_of(world).folder / old).unlink()
    (tmp_path / "world" / "pex" / "files" / old).unlink()

    deploy = await world.deploy("shop", kind=DeployKind.ROLLBACK, of_deploy=second.id)

    failure = deploy.targets[0].failure
    assert failure is not None
    assert failure.reason == "pex_missing"
    assert world.live("shop") == live


async def test_a_pex_for_a_hybrid_deployment_is_refused_before_anything_is_built(
    open_serverless: Open,
) -> None:
    world = await open_serverless({"artifact": "pex"})
    with pytest.raises(ServerlessNeeded):
        await world.start("shop", deployment="staging")


async def test_a_file_with_an_image_is_deployed_as_an_image(
    world: World, repository: Repository
) -> None:
    file = FILE + "    image: registry.example.com/shop:1\n"
    repository.commit("An image", {"dagster_cloud.yaml": file})
    plan = await world.engine.plan(
        DeployRequest(kind=DeployKind.DEPLOY, actor=ADA, locations=("shop",))
    )
    assert plan.targets[0].artifact is ArtifactKind.PREBUILT


async def test_a_base_image_takes_the_place_of_the_python_version(open_serverless: Open) -> None:
    world = await open_serverless({"pex": {"base_image_tag": "geo-1", "python": "3.11"}})
    deploy = await world.deploy("shop")
    assert deploy.targets[0].state is TargetState.VERIFIED, deploy.targets[0].failure
    document = world.live("shop")
    assert document["image"] == "registry.example.com/acme:geo-1"
    assert list(document["pex_metadata"]) == ["pex_tag"]


async def test_a_cancelled_build_leaves_no_process_and_no_folder(
    world: World, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "world" / "pex")  # the dependencies take long
    deploy = await world.start("shop")
    await world.at_step(deploy.id, StepName.BUILD_PEX)
    work = tmp_path / "world" / "pex" / "work"

    async def builders() -> list[Path]:
        return await asyncio.to_thread(_running_in, work)

    async def busy() -> bool:
        return len(await builders()) > 1  # the runner, and what it has started

    await world.eventually(busy)
    await world.engine.stop(deploy.id, Stop.CANCEL, ADA)
    ended = await world.ended(deploy.id)

    assert ended.targets[0].state is TargetState.CANCELLED
    assert await builders() == []
    assert list(work.glob("*")) == []
    assert "shop" not in world.sandbox.plane.deployments["prod"].locations


def _running_in(folder: Path) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if _runs_in(path, folder)]


def _runs_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def wanted(*locations: str, **said: str) -> DeployRequest:
    code = CodeOptions(**said)
    return DeployRequest(kind=DeployKind.DEPLOY, actor=ADA, locations=locations, code=code)


async def test_what_a_person_says_of_the_code_goes_over_the_file(world: World) -> None:
    said = {"python_file": "shop/definitions.py", "attribute": "defs", "python_version": "3.12"}
    plan = (await world.engine.plan(wanted("shop", **said))).targets[0]
    assert plan.document["code_source"] == {"python_file": "shop/definitions.py"}
    assert plan.document["attribute"] == "defs"
    assert plan.pex is not None
    assert plan.pex.python_version == "3.12"


async def test_a_location_that_the_file_has_not_is_deployed_where_its_code_is_said(
    world: World,
) -> None:
    with pytest.raises(UnknownLocation):
        await world.engine.plan(wanted("shop:new"))
    plan = (await world.engine.plan(wanted("shop:new", module_name="shop.definitions"))).targets[0]
    assert plan.document["location_name"] == "new"
    assert plan.document["code_source"] == {"module_name": "shop.definitions"}
    assert plan.artifact is ArtifactKind.PEX


async def test_what_one_location_needs_is_not_said_for_several(
    world: World, repository: Repository
) -> None:
    both = FILE + "  - location_name: other\n    code_source: {module_name: shop.definitions}\n"
    repository.commit("Two", {"dagster_cloud.yaml": both})
    with pytest.raises(UsageError, match="module_name"):
        await world.engine.plan(wanted("shop", "other", module_name="shop"))
    plans = (await world.engine.plan(wanted("shop", "other", python_version="3.12"))).targets
    assert [one.pex.python_version for one in plans if one.pex] == ["3.12", "3.12"]
