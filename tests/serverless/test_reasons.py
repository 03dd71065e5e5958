"""What goes wrong: each with its own reason code and a sentence that helps, and nothing applied."""

import sys
from pathlib import Path
from typing import Any

import pytest

from deploy_core.artifacts.pex_process import build_environment
from deploy_core.model.deploys import Failure
from deploy_core.model.errors import NotPythonProject, PexBuilderMissing, PythonVersionUnknown
from deploy_core.settings import ServerlessSettings
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.dagster_plus.serverless import PexStoreSettings
from sandbox.projects.minimal import REQUIREMENTS
from tests.engine.world import World
from tests.serverless.conftest import FILE, Open, store_of, uploads
from tests.sources.repository import Repository

pytestmark = pytest.mark.timeout(1800)


async def failed(world: World) -> Failure:
    """Deploy, and return why it failed; nothing was applied."""
    deploy = await world.deploy("shop")
    failure = deploy.targets[0].failure
    assert failure is not None
    assert await world.requests("ChatopsPutLocation") == []
    return failure


async def test_a_release_that_does_not_exist_is_named_with_its_line(
    world: World, repository: Repository
) -> None:
    text = f"{REQUIREMENTS}# the next one is misspelt\nzope-of-no-such-name==1.0\n"
    repository.commit("Wrong", {"requirements.txt": text})
    failure = await failed(world)
    assert failure.reason == "dependency_unresolved"
    assert "zope-of-no-such-name" in failure.summary
    assert "`requirements.txt` line 4" in failure.summary
    assert "artifact: docker" in failure.next_step


async def test_requirements_that_contradict_each_other_are_named(
    world: World, repository: Repository
) -> None:
    text = f"{REQUIREMENTS}click==8.1.7\nclick==8.1.3\n"
    repository.commit("Wrong", {"requirements.txt": text})
    failure = await failed(world)
    assert failure.reason == "dependency_unresolved"
    assert "click==8.1" in failure.summary
    assert "`requirements.txt` line 3" in failure.summary


async def test_a_project_without_dagster_says_so(world: World, repository: Repository) -> None:
    (repository.folder / "pyproject.toml").unlink()
    repository.commit("Without", {"requirements.txt": "six\n"})
    failure = await failed(world)
    assert failure.reason == "dagster_missing"
    assert "`dagster`" in failure.summary


async def test_a_project_that_can_not_be_installed_says_so(
    world: World, repository: Repository
) -> None:
    project = (repository.folder / "pyproject.toml").read_text()
    wrong = project.replace('packages = ["shop"]', 'packages = ["not_there"]')
    repository.commit("Wrong", {"pyproject.toml": wrong})
    failure = await failed(world)
    assert failure.reason == "project_not_installable"
    assert "not_there" in failure.detail


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("pyproject.toml", "[project\nname = 1\n", "pyproject.toml"),
        ("requirements.txt", "../not-there\n", "not-there"),
        ("requirements.txt", "/etc\n", "isn't in the repository"),
        ("setup.py", "raise SystemExit('no')\n", "setup.py"),
    ],
)
async def test_requirements_that_can_not_be_read_are_named(
    world: World, repository: Repository, file: str, text: str, said: str
) -> None:
    repository.commit("Wrong", {file: text})
    failure = await failed(world)
    assert failure.reason == "requirements_unreadable"
    assert said in f"{failure.summary}\n{failure.detail}"


async def test_a_folder_that_is_no_project_is_said_at_once(
    world: World, repository: Repository
) -> None:
    file = FILE + "    build:\n      directory: shop\n"
    repository.commit("Elsewhere", {"dagster_cloud.yaml": file})
    with pytest.raises(NotPythonProject, match=r"`shop` of shop has none of pyproject\.toml"):
        await world.start("shop")


async def test_an_unknown_python_is_said_at_once_with_those_there_are(
    open_serverless: Open,
) -> None:
    world = await open_serverless({"pex": {"python": "3.7"}})
    with pytest.raises(PythonVersionUnknown) as refused:
        await world.start("shop")
    assert "3.11" in refused.value.choices


async def test_a_python_that_the_machine_has_not_is_named(
    open_serverless: Open, tmp_path: Path
) -> None:
    world = await open_serverless({"pex_for": {"shop": {"python": "3.14"}}})
    failure = await failed(world)
    assert failure.reason == "python_version_unknown"
    assert "Python 3.14 isn't installed" in failure.summary


@pytest.mark.parametrize("name", ["bare", "not-there"])
async def test_without_the_extra_the_command_that_installs_it_is_said_at_once(
    open_serverless: Open, tmp_path: Path, name: str
) -> None:
    # A Python that has nothing installed: that of the system, without its site-packages.
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    settings = ServerlessSettings(python=str(tmp_path / name))
    world = await open_serverless(serverless_settings=settings)
    with pytest.raises(PexBuilderMissing) as refused:
        await world.start("shop")
    assert "pip install 'dagster-chatops[serverless]'" in refused.value.next_step


async def test_an_expired_address_is_asked_for_again_and_then_said(world: World) -> None:
    store_of(world).settings = PexStoreSettings(url_lifetime=-1)
    failure = await failed(world)
    assert failure.reason == "upload_expired"
    assert len(await world.requests("ChatopsPexPutUrls")) >= 2


async def test_an_upload_that_is_refused_or_cut_for_a_while_is_tried_again(world: World) -> None:
    faults: list[Any] = [
        RequestFault(operation="pex_put", kind="status", status=503),
        RequestFault(operation="pex_put", kind="drop_before_change"),
    ]
    world.sandbox.plane.faults.add(Faults(requests=faults))
    deploy = await world.deploy("shop")
    assert deploy.targets[0].failure is None
    assert sorted(uploads(world)) == ["deps", "requirements", "source"]


async def test_an_upload_that_is_refused_for_good_is_said(world: World) -> None:
    world.fault("pex_put", "status", status=400, times=None)
    failure = await failed(world)
    assert failure.reason == "upload_failed"
    assert "400 SandboxFault" in failure.summary
    assert "X-Signature" not in failure.model_dump_json()


def test_a_build_sees_pips_settings_and_none_of_our_tokens(tmp_path: Path) -> None:
    ours = {
        "PATH": "/usr/bin",
        "PIP_INDEX_URL": "https://index.example/simple",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "DAGSTER_CLOUD_API_TOKEN": "user:acme:1",
        "INDEX_TOKEN": "index",
        "AWS_SECRET_ACCESS_KEY": "aws",
    }
    seen = build_environment("/opt/py/bin/python", ours, ("INDEX_TOKEN",), tmp_path)
    assert seen == {
        "PATH": "/opt/py/bin:/usr/bin",
        "PEX_ROOT": str(tmp_path),
        "PIP_INDEX_URL": "https://index.example/simple",
        "INDEX_TOKEN": "index",
        "PYTHONUNBUFFERED": "1",
    }
