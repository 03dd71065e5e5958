"""Credential helpers that misbehave, and credentials that run out."""

import asyncio
import base64
import json
import os
import stat
from pathlib import Path

import httpx
import pytest

from deploy_core.artifacts.credentials import RegistryCredentials
from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.artifacts.registry import RegistryClient
from deploy_core.model.errors import CredentialHelperFailed
from deploy_core.settings import DockerSettings
from tests.dagster_plus.support import JumpingClock
from tests.docker.world import runs, until

REF = parse_image_ref("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/core:v1")
DIGEST = f"sha256:{'b2' * 32}"


def credentials(folder: Path, script: str, *, seconds: float = 30.0) -> RegistryCredentials:
    """Return credentials that ask this script."""
    program = folder / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "config.json").write_text(json.dumps({"credHelpers": {REF.host: "test"}}))
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    settings = DockerSettings(config_folder=str(folder))
    return RegistryCredentials(settings, environment, helper_seconds=seconds)


async def test_a_helper_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = f"71{abs(hash(tmp_path)) % 10_000:04d}"
    asked = credentials(tmp_path, f"sleep {mark} & sleep {mark}\n", seconds=0.5)
    waiting = asyncio.create_task(asked.find(REF))
    await until(lambda: runs(f"sleep\0{mark}") or waiting.done())
    with pytest.raises(CredentialHelperFailed, match="did not answer in time"):
        await waiting
    await until(lambda: not runs(f"sleep\0{mark}"))


async def test_a_password_that_ran_out_is_asked_for_anew(tmp_path: Path) -> None:
    """As Amazon's: the helper gives another one when the old one has ended."""
    current = tmp_path / "password"
    script = f'read server\ncat {current} | sed \'s/.*/{{"Username":"AWS","Secret":"&"}}/\'\n'
    seen: list[str] = []

    def registry(request: httpx.Request) -> httpx.Response:
        given = request.headers.get("Authorization", "")
        pair = base64.b64encode(f"AWS:{current.read_text().strip()}".encode()).decode()
        if given == f"Basic {pair}":
            seen.append(current.read_text().strip())
            return httpx.Response(200, headers={"Docker-Content-Digest": DIGEST})
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="ecr"'})

    current.write_text("first\n")
    asked = credentials(tmp_path, script)
    async with httpx.AsyncClient(transport=httpx.MockTransport(registry)) as http:
        client = RegistryClient(asked, http, JumpingClock())
        assert await client.digest(REF) == DIGEST
        current.write_text("second\n")
        assert await client.digest(REF) == DIGEST
    assert seen == ["first", "second"]
