"""New repositories on GitHub and GitLab, created over real sockets and pushed to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from deploy_core.clock import SystemClock
from deploy_core.hosts.hosts import Hosts
from deploy_core.model.errors import (
    CreateNotConfigured,
    HostError,
    HostNotAllowed,
    HostRepositoryMissing,
    HostTokenRefused,
    HostUnreachable,
    ProjectOptionInvalid,
    PushNotConfigured,
    RepositoryNotEmpty,
)
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.settings import ScaffoldSettings
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git import GitMirrors
from sandbox.git_host import server
from sandbox.git_host.faults import Fault, Kind
from tests.scaffold.projects import files_of, serverless

FILES = files_of(serverless())
KINDS: tuple[Literal["github", "gitlab"], ...] = ("github", "gitlab")


@pytest.fixture(params=KINDS)
async def running(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[server.GitHost]:
    """A host without the repository `acme/shop`."""
    host = await server.start_git_host(tmp_path / "bare.git", request.param, "acme/shop")
    yield host
    await host.close()


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    async with httpx.AsyncClient(timeout=10) as http:
        yield Hosts(http, SystemClock(), Credentials(SystemClock()))


def maker(tmp_path: Path, running: server.GitHost, **host: Any) -> ProjectMaker:
    kind = "github" if running.api.endswith("v3") else "gitlab"
    api = {"kind": kind, "base_url": running.api, **host}
    known = [
        {"address": f"{running.url}/acme/", "token": server.TOKEN, "host": api},
        {"address": f"{running.url}/acme/old/", "token": server.TOKEN},
    ]
    settings = ScaffoldSettings.model_validate({"repositories": known})
    return ProjectMaker(settings, GitMirrors(tmp_path, SystemClock()), tmp_path, SystemClock())


async def test_it_is_created_private_and_pushed_to(
    tmp_path: Path, running: server.GitHost, hosts: Hosts
) -> None:
    made = maker(tmp_path, running)
    assert await made.create(running.git_url, hosts)
    assert running.repository.is_private
    assert not await made.create(running.git_url, hosts), "it is there, and empty"
    commit = await made.push(FILES, running.git_url, "ada")
    assert await running.repository.branch("main") == commit
    assert not await made.create(running.git_url, hosts)
    assert await made.push(FILES, running.git_url, "ada") == commit
    with pytest.raises(RepositoryNotEmpty, match="it has `main`"):
        await made.push({"a": ""}, running.git_url, "ada")
    changes = [asked for asked in running.asked if asked.startswith("POST")]
    assert len(changes) == 1


async def test_the_configuration_can_make_it_public_with_a_token_of_its_own(
    tmp_path: Path, running: server.GitHost, hosts: Hosts
) -> None:
    with pytest.raises(HostTokenRefused):
        await maker(tmp_path, running, token="another").create(running.git_url, hosts)
    assert not running.repository.is_there
    public = maker(tmp_path, running, private=False, token=server.TOKEN)
    assert await public.create(running.git_url, hosts)
    assert not running.repository.is_private


FAULTS: list[tuple[Kind, type[HostError]]] = [
    ("no_rights", HostNotAllowed),
    ("error", HostUnreachable),
    ("lost_answer", HostUnreachable),
]


@pytest.mark.parametrize(("kind", "error"), FAULTS)
async def test_a_second_try_goes_on(
    tmp_path: Path, running: server.GitHost, hosts: Hosts, kind: Kind, error: type[HostError]
) -> None:
    made = maker(tmp_path, running)
    running.faults.add(Fault(kind, method="POST"))
    with pytest.raises(error):
        await made.create(running.git_url, hosts)
    assert running.repository.is_there == (kind == "lost_answer")
    assert await made.create(running.git_url, hosts) == (kind != "lost_answer")
    assert await made.push(FILES, running.git_url, "ada")


async def test_what_is_not_configured_is_refused_before_anybody_is_asked(
    tmp_path: Path, running: server.GitHost, hosts: Hosts
) -> None:
    made = maker(tmp_path, running)
    refused = {
        f"{running.url}/other/shop": PushNotConfigured,
        f"{running.url}/acme/../other/shop": PushNotConfigured,
        f"{running.url}/acme/old/shop": CreateNotConfigured,
        f"{running.url}/acme/-x": ProjectOptionInvalid,
        f"{running.url}/acme/": ProjectOptionInvalid,
    }
    for address, error in refused.items():
        with pytest.raises(error):
            await made.create(address, hosts)
    assert running.asked == []


@pytest.fixture
async def adas(tmp_path: Path) -> AsyncIterator[server.GitHost]:
    """A GitHub on which Ada, whose token it is, is no organisation."""
    host = await server.start_git_host(tmp_path / "bare.git", "github", "ada/shop", "ada")
    yield host
    await host.close()


def maker_for(tmp_path: Path, host: server.GitHost, owner: str) -> ProjectMaker:
    api = {"kind": "github", "base_url": host.api}
    known = {"address": f"{host.url}/{owner}/", "token": server.TOKEN, "host": api}
    settings = ScaffoldSettings.model_validate({"repositories": [known]})
    return ProjectMaker(settings, GitMirrors(tmp_path, SystemClock()), tmp_path, SystemClock())


async def test_on_github_it_may_be_our_own(
    tmp_path: Path, adas: server.GitHost, hosts: Hosts
) -> None:
    made = maker_for(tmp_path, adas, "ada")
    assert await made.create(adas.git_url, hosts)
    assert "POST /api/v3/user/repos" in adas.asked
    with pytest.raises(ProjectOptionInvalid, match="`ada/shop/more` can't be the name"):
        await made.create(f"{adas.url}/ada/shop/more", hosts)


async def test_on_github_it_is_never_made_for_another_owner_than_was_said(
    tmp_path: Path, adas: server.GitHost, hosts: Hosts
) -> None:
    made = maker_for(tmp_path, adas, "nobody")
    with pytest.raises(HostRepositoryMissing, match="no organisation nobody") as raised:
        await made.create(f"{adas.url}/nobody/shop", hosts)
    assert "the right to create repositories" in raised.value.next_step
    assert not [asked for asked in adas.asked if asked.startswith("POST")]
