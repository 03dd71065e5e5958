"""Pushes to real registries: with and without a log-in, and to one that dies."""

import asyncio
import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.errors import (
    CredentialHelperFailed,
    DeployError,
    RegistryUnauthorised,
    RegistryUnreachable,
)
from tests.docker.engine import PASSWORD, USER, Registry
from tests.docker.world import BASE, World, text_of

WRONG = "wrong-canary-password"


@pytest.fixture
def locked(world: World, locked_registry: Registry) -> World:
    """A world whose registry wants a password."""
    files = {"Dockerfile": f"FROM {BASE}\nCOPY hello /\n", "hello": f"{world.name}\n"}
    world.repository.commit("Add", files)
    world.registry = locked_registry
    return world


def everything(error: BaseException, world: World) -> str:
    """What a person or a log may ever see of an error."""
    logs = "".join(text_of(str(path)) for path in world.folder.glob("var/builds/logs/*"))
    chain: list[object] = []
    found: BaseException | None = error
    while found is not None:
        chain += [repr(found), str(found), vars(found)]
        found = found.__cause__ or found.__context__
    return f"{chain} {world.progress.seen} {logs}"


async def test_a_wrong_password_is_said_and_never_shown(locked: World) -> None:
    password = {"username": USER, "password": WRONG}
    locked.make(registries={locked.registry.address: password}, push_tries=3)
    with pytest.raises(RegistryUnauthorised) as refused:
        await locked.deploy(locked.recipe())
    basic = base64.b64encode(f"{USER}:{WRONG}".encode()).decode()
    seen = everything(refused.value, locked)
    assert WRONG not in seen
    assert basic not in seen
    assert locked.registry.address in refused.value.summary


async def test_no_password_at_all_is_unauthorised(locked: World) -> None:
    with pytest.raises(RegistryUnauthorised):
        await locked.deploy(locked.recipe())


async def test_the_password_of_our_settings_is_used(locked: World) -> None:
    locked.environment["PUSH_PASSWORD"] = f"{PASSWORD}\n"
    password = {"username": USER, "password": {"env": "PUSH_PASSWORD"}}
    locked.make(registries={locked.registry.address: password})
    done = await locked.deploy(locked.recipe())
    assert done.image is not None
    assert await locked.artifacts.find(done.image) == done.image


async def test_the_log_in_of_docker_is_used(locked: World) -> None:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    _docker_config(locked, {"auths": {locked.registry.address: {"auth": basic}}})
    assert (await locked.deploy(locked.recipe())).image is not None


async def test_a_credential_helper_is_asked(locked: World) -> None:
    answer = json.dumps({"ServerURL": "x", "Username": USER, "Secret": PASSWORD})
    _helper(locked, f"read server\necho \"$server\" > {locked.folder}/asked\necho '{answer}'\n")
    _docker_config(locked, {"credHelpers": {locked.registry.address: "test"}})
    assert (await locked.deploy(locked.recipe())).image is not None
    assert text_of(str(locked.folder / "asked")).strip() == locked.registry.address


async def test_a_helper_that_fails_is_named(locked: World) -> None:
    _helper(locked, f"echo {PASSWORD} >&2; exit 3\n")
    _docker_config(locked, {"credHelpers": {locked.registry.address: "test"}})
    with pytest.raises(CredentialHelperFailed, match="docker-credential-test") as failed:
        await locked.deploy(locked.recipe())
    assert PASSWORD not in everything(failed.value, locked)


async def test_the_base_image_is_pulled_with_our_password(locked: World) -> None:
    password = {"username": USER, "password": PASSWORD}
    locked.make(registries={locked.registry.address: password})
    base = await locked.deploy(locked.recipe())
    assert base.image is not None
    for name in (*base.tags, ""):
        image = f"{base.repository}:{name}" if name else str(base.image_id)
        locked.engine.client("rmi", "--force", image) if name else None
    locked.repository.commit("On it", {"Dockerfile": f"FROM {base.image}\nRUN echo x > /x\n"})
    assert (await locked.deploy(locked.recipe())).image is not None


async def test_a_registry_that_dies_during_the_push_is_unreachable(world: World) -> None:
    text = f"FROM {BASE}\nRUN for i in 1 2 3; do head -c 90000000 /dev/urandom > /big$i; done\n"
    world.repository.commit("Add", {"Dockerfile": text})
    built = await world.build(world.recipe(), rebuild=True)
    world.make(push_tries=2)
    task = asyncio.create_task(world.artifacts.push(built, world.progress))
    uploads = world.folder / "registry/data/docker/registry/v2/repositories"
    async with asyncio.timeout(30):
        while not list(uploads.glob("**/_uploads/*/data")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    world.registry.kill()
    with pytest.raises(RegistryUnreachable):
        await asyncio.wait_for(task, 40)


async def test_a_registry_that_comes_back_is_tried_again(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
    built = await world.build(world.recipe())
    world.registry.stop()
    world.make(push_tries=10)
    task = asyncio.create_task(world.artifacts.push(built, world.progress))
    port = int(world.registry.address.rpartition(":")[2])
    again = Registry(world.folder / "registry", port=port)
    try:
        assert (await task).image is not None
    finally:
        again.stop()


async def test_nothing_is_built_for_a_registry_that_is_away(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
    world.registry.stop()
    with pytest.raises(DeployError) as failed:
        await world.deploy(world.recipe())
    assert failed.value.reason == "registry_unreachable"
    assert not world.progress.seen


async def test_cancel_ends_a_push_within_five_seconds(world: World) -> None:
    text = f"FROM {BASE}\nRUN head -c 200000000 /dev/urandom > /big\n"
    world.repository.commit("Add", {"Dockerfile": text})
    built = await world.build(world.recipe(), rebuild=True)
    task = asyncio.create_task(world.artifacts.push(built, world.progress))
    uploads = world.folder / "registry/data/docker/registry/v2/repositories"
    async with asyncio.timeout(30):
        while not list(uploads.glob("**/_uploads/*/data")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await world.artifacts.tags(built.repository) == ()


def _docker_config(world: World, config: dict[str, Any]) -> None:
    folder = world.folder / "docker-config"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    world.make(config_folder=str(folder))


def _helper(world: World, script: str) -> None:
    folder = world.folder / "bin"
    folder.mkdir()
    program: Path = folder / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    world.environment["PATH"] = f"{folder}:{world.environment['PATH']}"
