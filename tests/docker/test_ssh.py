"""An engine on another machine, reached through a real SSH server."""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy_core.artifacts.engines import Engine
from deploy_core.model.errors import EngineGone
from deploy_core.settings import BuilderSettings
from tests.docker.engine import DockerEngine, Server
from tests.docker.world import BASE, World

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


@dataclass
class Far:
    """An engine behind a running SSH server: its address, and where `ssh` finds its keys."""

    host: str
    environment: dict[str, str]
    server: Server


@pytest.fixture
async def far(engine: DockerEngine, tmp_path: Path) -> AsyncIterator[Far]:
    """The engine as `ssh://` sees it; `ssh` is wrapped only to find the keys of this test."""
    if SSHD is None:
        pytest.skip("sshd isn't installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        await asyncio.to_thread(subprocess.run, command, check=True)
    (tmp_path / "keys").write_text((tmp_path / "user.pub").read_text())
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (tmp_path / "sshd").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/keys\nPermitRootLogin yes\nUsePAM no\nPidFile none\n"
    )
    (tmp_path / "client").write_text(
        f"Host *\n  IdentityFile {tmp_path}/user\n  UserKnownHostsFile {tmp_path}/known\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {tmp_path}/client "$@"\n')
    (programs / "ssh").chmod(0o755)
    server = _start(SSHD, tmp_path)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    host = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{engine.socket}"
    yield Far(host, environment, server)
    server.stop()


async def test_an_engine_behind_ssh_answers_and_its_tunnel_is_made_again(far: Far) -> None:
    engine = Engine("far", BuilderSettings(host=far.host), far.environment)
    with ThreadPoolExecutor() as executor:
        await engine.ping(executor)
        near = engine.address.removeprefix("unix://")
        assert _is_socket(near)
        await engine.close()
        assert not _is_socket(near)
        await engine.ping(executor)
        await engine.close()
        far.server.stop()
        with pytest.raises(EngineGone, match="far"):
            await engine.ping(executor)
        await engine.close()


async def test_an_image_is_built_and_pushed_through_ssh(far: Far, world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo {world.name} > /x\n"})
    world.environment = far.environment
    world.make(builders={"far": {"host": far.host}})
    done = await world.deploy(world.recipe())
    assert done.builder == "far"
    assert done.image is not None
    assert await world.artifacts.find(done.image) == done.image


def _start(sshd: str, folder: Path) -> Server:
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd shuts itself in before the log-in
    command = [sshd, "-D", "-e", "-f", str(folder / "sshd")]
    return Server(command, r"Server listening on 127\.0\.0\.1", folder / "sshd.log")


def _is_socket(path: str) -> bool:
    return Path(path).is_socket()
