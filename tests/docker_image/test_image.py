"""The image of the bot itself: built from the Dockerfile as it is, started, and deployed with."""

import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.engine import DockerEngine, Registry, why_not
from tests.docker_image.base_image import make_python_base
from tests.docker_image.base_image import why_not as why_no_base
from tests.docker_image.world import (
    IMAGE,
    bot_in_container,
    sandbox_beside,
    workspace_of,
)
from tests.sources.git_server import GitServer
from tests.sources.repository import Repository

ROOT = Path(__file__).parents[2]
MOST_MB = 190
"""What the bot may add to its base image; docs/container.md has the figure."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),  # the base comes from the package mirrors
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """An engine with the bot's image, the base of that, and a small image to deploy."""
    reason = why_not() or why_no_base()
    if reason is not None:
        pytest.skip(reason)
    running = DockerEngine(tmp_path_factory.mktemp("engine"))
    try:
        running.make_base()
        base = make_python_base(running)
        command = ["/usr/bin/docker", "build", "--network", "host", "--tag", IMAGE, str(ROOT)]
        environment = {**os.environ, "DOCKER_HOST": running.host, "DOCKER_BUILDKIT": "1"}
        built = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stderr[-4000:]
        assert base in built.stderr
        yield running
    finally:
        running.stop()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    running = Registry(tmp_path / "registry")
    yield running
    running.stop()


@pytest.fixture
async def project(
    engine: DockerEngine, registry: Registry, tmp_path: Path
) -> AsyncIterator[dict[str, Any]]:
    """The bot's settings for a project whose image CI has pushed, served over HTTP."""
    name = f"{registry.address}/team/core"
    repository = Repository(tmp_path / "project")
    location = {
        "location_name": "core",
        "code_source": {"module_name": "core"},
        "build": {"registry": name},
    }
    text = yaml.safe_dump({"locations": [location]})
    sha = repository.commit("Begin", {"dagster_cloud.yaml": text})
    engine.client("tag", "chatops-test-base:1", f"{name}:{sha[:7]}")
    engine.client("push", f"{name}:{sha[:7]}")
    server = GitServer(repository.folder)
    await server.start()
    yield {"git": server.url, "artifact": "prebuilt", "image_tag": "{short_sha}"}
    await server.stop()


def test_the_image_is_small_and_has_nothing_to_install_with(engine: DockerEngine) -> None:
    sizes = {
        name: int(engine.client("image", "inspect", "--format", "{{.Size}}", name)) / 1e6
        for name in (IMAGE, "python:3.11-slim")
    }
    added = sizes[IMAGE] - sizes["python:3.11-slim"]
    print(f"the image: {sizes[IMAGE]:.0f} MB, of which {added:.0f} MB are ours")  # noqa: T201
    assert added < MOST_MB
    assert engine.client("image", "inspect", "--format", "{{.Config.User}}", IMAGE) == "10001"
    inside = ("run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c")
    assert engine.client(*inside, "ls /opt/venv/bin | grep -c pip || true") == "0"
    assert engine.client(*inside, "command -v docker || echo none") == "none"
    said = engine.client("run", "--rm", "--network", "none", IMAGE, "--help")
    assert "Deploy, watch and roll back" in said


@pytest.mark.parametrize("user", ["10001:0", "1234567:0"], ids=["its own user", "any user"])
async def test_it_deploys_and_drains(
    engine: DockerEngine, project: dict[str, Any], tmp_path: Path, user: str
) -> None:
    changes = {"projects": {"one": project}, "drain_seconds": 2}
    async with (
        sandbox_beside(tmp_path / "sandbox") as report,
        bot_in_container(engine, report, tmp_path / "bot", changes, "--user", user) as bot,
    ):
        assert await bot.livez() == 200
        await bot.until(lambda it: it["State"]["Health"]["Status"] == "healthy", "healthy")
        async with workspace_of(report) as workspace:
            outcome = await workspace.person("ada").command("#deploys", "/dagster deploy core")
            assert outcome.acked, outcome.reason
            card = await workspace.wait_for_message(
                "#deploys", lambda message: "verified" in message.text, 60
            )
            assert re.search(r"core is live on prod", card.text), card.shown
            await bot.client("stop", "--time", "30", bot.id)
        state = (await bot.inspect())["State"]
        log = await bot.log()
    assert state["ExitCode"] == 0, log
    assert "draining" in log
    assert "ended" in log
