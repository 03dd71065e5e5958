"""Builds as people see them: progress on the card, the log in the thread, no secret anywhere."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.slack.seen import SeenMessage
from tests.docker.engine import DockerEngine, Registry
from tests.docker.world import BASE
from tests.scenario.world import CHANNEL, World, open_world
from tests.sources.repository import Repository

SECRETS = {"argument": "canary-argument-1f3a", "mounted": "canary-mounted-2e4b"}
PASSWORD = "canary-password-3d5c"
FAILING = f"""\
FROM {BASE}
ARG TOKEN
RUN for i in $(seq 1 400); do echo "line $i of the first step"; done
RUN sleep 2.5; echo the token is $TOKEN; echo it is $TOKEN >&2; exit 7
"""


@pytest.fixture(params=["buildkit", "classic"])
async def world(
    request: pytest.FixtureRequest, engine: DockerEngine, registry: Registry, tmp_path: Path
) -> AsyncIterator[World]:
    """A bot with one project that is built; what it is given to hide is in files."""
    repository = Repository(tmp_path / "project")
    location = {
        "location_name": "core",
        "code_source": {"module_name": "core"},
        "build": {"directory": ".", "registry": f"{registry.address}/team/core"},
    }
    file = yaml.safe_dump({"locations": [location]})
    repository.commit("Begin", {"dagster_cloud.yaml": file, "Dockerfile": FAILING})
    home = tmp_path / "world"
    home.mkdir()
    for name, secret in SECRETS.items():
        (home / name).write_text(f"{secret}\n")
    build: dict[str, Any] = {"args": {"TOKEN": {"file": "argument"}}}
    if request.param == "buildkit":
        build["secrets"] = {"pip": {"file": "mounted"}}
        text = FAILING.replace("sleep 2.5", "cat /run/secrets/pip; sleep 2.5")
        text = text.replace("RUN cat", "RUN --mount=type=secret,id=pip cat")
        repository.commit("Mount", {"Dockerfile": text})
    project = {"git": str(repository.folder), "artifact": "docker", "build": build}
    docker = {
        "builders": {"one": {"host": engine.host}},
        "buildkit": request.param == "buildkit",
        "config_folder": "no-docker-config",
        "registries": {"elsewhere.example": {"username": "pusher", "password": PASSWORD}},
    }
    async with open_world(home, {}, projects={"one": project}, docker=docker) as opened:
        yield opened


async def _thread(world: World, card: SeenMessage) -> str:
    """Return all that is in the thread, with its files."""
    replies = await world.workspace.messages(CHANNEL, card.ts)
    files = [file for reply in replies for file in reply.files]
    texts = [await world.workspace.file_text(file) for file in files]
    return "\n".join([*(reply.shown for reply in replies), *texts])


def _kept(world: World) -> tuple[str, str]:
    """Return the whole of the store's files, and of the logs of builds."""
    home = Path(world.settings.store).parent
    store = "".join(path.read_bytes().decode("latin-1") for path in home.glob("*.sqlite*"))
    logs = Path(world.settings.core.work_folder).rglob("builds/logs/*")
    return store, "".join(path.read_text() for path in logs)


async def test_a_failing_build_is_followed_and_explained_without_its_secrets(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    await world.types("ada", "/dagster deploy core")
    card = await world.card("failed on prod")
    await world.ended(1)
    edits = str(await world.workspace.calls("chat.update"))
    assert "step 4 of 4" in edits or "step 3 of 3" in edits

    told = await _thread(world, card)
    step, whole = told.index("the token is ***"), told.index("The whole log of the build:")
    assert step < whole, "the failing step comes first"
    for number in (1, 200, 400):
        assert f"line {number} of the first step" in told[whole:]
    await world.types("ada", "/dagster logs 1")

    printed = capfd.readouterr()
    database, builds = _kept(world)
    calls = str(await world.workspace.calls())
    seen = [card.shown, told, edits, calls, database, builds, caplog.text, printed.out, printed.err]
    assert "the token is ***" in database
    for secret in (*SECRETS.values(), PASSWORD):
        assert [secret in text for text in seen] == [False] * len(seen)
    assert world.dagster.plane.deployments["prod"].locations == {}
