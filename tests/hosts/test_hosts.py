"""GitHub and GitLab asked about pull requests, over real sockets and real repositories."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from aiohttp import web

from deploy_core.clock import SystemClock
from deploy_core.hosts.hosts import GitHost, Hosts
from deploy_core.model.errors import (
    BranchExists,
    BranchRefused,
    FileExists,
    FileNotEditable,
    GitAuthFailed,
    HostError,
    HostNotAllowed,
    HostProtocol,
    HostRateLimited,
    HostRefused,
    HostRepositoryMissing,
    HostTokenRefused,
    HostUnreachable,
)
from deploy_core.model.pull_requests import CheckState, PullState
from deploy_core.settings import ProjectSettings
from deploy_core.sources.branches import Change
from deploy_core.sources.git import GitMirrors
from sandbox.git_host import server
from sandbox.git_host.faults import Fault, Kind
from tests.sources.repository import Repository

KINDS: tuple[Literal["github", "gitlab"], ...] = ("github", "gitlab")


@pytest.fixture(params=KINDS)
async def running(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[server.GitHost]:
    """A host with the branches `main` and `shop`."""
    made = Repository(tmp_path / "made")
    made.commit("First", {"dagster_cloud.yaml": "locations: []\n", "bin/run": "#!/bin/sh\n"})
    made.git("update-index", "--chmod=+x", "bin/run")
    made.git("commit", "--quiet", "-m", "Make it run")
    made.git("checkout", "--quiet", "-b", "shop")
    made.commit("Add shop", {"shop.py": ""})
    made.git("checkout", "--quiet", "main")
    await asyncio.to_thread(made.git, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    host = await server.start_git_host(tmp_path / "bare.git", request.param)
    yield host
    await host.close()


def project(running: server.GitHost, **host: Any) -> ProjectSettings:
    kind = "github" if running.api.endswith("v3") else "gitlab"
    said = {"kind": kind, "base_url": running.api, **host}
    return ProjectSettings.model_validate(
        {"git": running.git_url, "token": server.TOKEN, "host": said}
    )


@pytest.fixture
async def mirrors(tmp_path: Path) -> GitMirrors:
    return GitMirrors(tmp_path / "work", SystemClock(), fetch_seconds=20, check_seconds=20)


@pytest.fixture
async def hosts(mirrors: GitMirrors) -> AsyncIterator[Hosts]:
    async with httpx.AsyncClient(timeout=10) as http:
        yield Hosts(http, SystemClock(), mirrors.credentials)


async def client(hosts: Hosts, running: server.GitHost, **host: Any) -> GitHost:
    found = await hosts.of(project(running, **host))
    assert found is not None
    return found


async def test_a_pull_request_from_open_to_merged(hosts: Hosts, running: server.GitHost) -> None:
    host = await client(hosts, running)
    assert await host.find("shop") is None
    opened = await host.open("shop", "main", "Add shop", "why")
    assert (opened.number, opened.state) == (1, PullState.OPEN)
    assert opened.head == await running.repository.branch("shop")
    kind = "gitlab" if host.word == "merge request" else "github"
    assert opened.url.startswith(f"http://{kind}.sandbox/acme/data-platform/")
    assert await host.find("shop") == opened
    running.repository.pulls[0].checks = {"a": "good", "b": "bad", "c": "waiting"}
    seen = await host.read(1)
    assert seen.checks is not None
    assert {each.name: each.state for each in seen.checks} == {
        "a": CheckState.GOOD,
        "b": CheckState.BAD,
        "c": CheckState.WAITING,
    }
    assert seen.merged_sha is None
    sha = await running.repository.merge(1, "squash")
    merged = await host.read(1)
    assert (merged.state, merged.merged_sha) == (PullState.MERGED, sha)


async def test_one_that_is_open_is_reused_and_one_that_was_closed_is_not(
    hosts: Hosts, running: server.GitHost
) -> None:
    host = await client(hosts, running)
    first = await host.open("shop", "main", "Add shop", "")
    assert await host.open("shop", "main", "Add shop again", "") == first
    running.repository.close(1)
    assert (await host.read(1)).state is PullState.CLOSED
    assert (await host.open("shop", "main", "Add shop", "")).number == 2
    with pytest.raises(HostRefused):
        await host.open("nowhere", "main", "Add", "")


FAULTS: list[tuple[Kind, type[HostError]]] = [
    ("no_rights", HostNotAllowed),
    ("bad_token", HostTokenRefused),
    ("rate_limit", HostRateLimited),
    ("down", HostUnreachable),
    ("error", HostUnreachable),
    ("lost_answer", HostUnreachable),
]


@pytest.mark.parametrize(("kind", "error"), FAULTS)
async def test_each_fault_has_a_reason_of_its_own(
    hosts: Hosts, running: server.GitHost, kind: Kind, error: type[HostError]
) -> None:
    host = await client(hosts, running)
    running.faults.add(Fault(kind, seconds=7, method="POST"))
    with pytest.raises(error) as raised:
        await host.open("shop", "main", "Add shop", "")
    assert server.TOKEN not in f"{raised.value.summary}{raised.value.detail}"
    if isinstance(raised.value, HostRateLimited):
        assert raised.value.retry_after == 7
    assert raised.value.retryable == (error in {HostRateLimited, HostUnreachable})
    assert (await host.open("shop", "main", "Add shop", "")).number == 1
    assert len(running.repository.pulls) == 1, "what was made with its answer lost is found"


async def test_checks_that_a_token_may_not_read_are_not_known(
    hosts: Hosts, running: server.GitHost
) -> None:
    host = await client(hosts, running)
    await host.open("shop", "main", "Add shop", "")
    assert (await host.read(1)).checks == ()
    running.faults.add(Fault("no_rights", times=None, path="/commits/"))
    assert (await host.read(1)).checks is None


async def test_tokens_and_addresses(
    hosts: Hosts, running: server.GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_TOKEN", server.TOKEN)
    host = await client(hosts, running, token={"env": "HOST_TOKEN"})
    assert await host.find("shop") is None
    file = tmp_path / "token"
    file.write_text(f"{server.TOKEN}\n")
    host = await client(hosts, running, token={"file": str(file)})
    assert await host.find("shop") is None
    host = await client(hosts, running, token="another")
    with pytest.raises(HostTokenRefused):
        await host.find("shop")
    for missing in ({"env": "NOT_SET_HERE"}, "", "two words"):
        with pytest.raises(HostTokenRefused):
            await client(hosts, running, token=missing)
    host = await client(hosts, running, repository="acme/other")
    with pytest.raises(HostRepositoryMissing):
        await host.find("shop")
    assert await hosts.of(ProjectSettings(git=running.git_url)) is None


def change(**files: dict[str, str]) -> Change:
    return Change(
        edited=files.get("edited", {}),
        added=files.get("added", {}),
        message="Set up shop\n",
        author="Bot <bot@acme.example>",
        at=SystemClock().now().replace(year=2026, month=1, day=1, hour=0, minute=0, second=0),
    )


async def test_a_commit_on_a_branch_of_its_own(
    mirrors: GitMirrors, running: server.GitHost
) -> None:
    settings, repository = project(running), running.repository
    base = (await mirrors.resolve("p", settings, "main")).sha
    made = change(
        edited={"dagster_cloud.yaml": "locations:\r\n", "bin/run": "#!/bin/bash\n"},
        added={"shop/new.py": "x = 1\n"},
    )
    sha = await mirrors.commit("p", settings, base, made)
    assert sha == await mirrors.commit("p", settings, base, made), "the same is the same"
    await mirrors.push("p", settings, sha, "dagster-chatops/add")
    await mirrors.push("p", settings, sha, "dagster-chatops/add")
    assert await repository.branch("dagster-chatops/add") == sha
    assert await repository.show(sha, "dagster_cloud.yaml") == "locations:\r\n"
    assert await repository.show(sha, "shop/new.py") == "x = 1\n"
    listed = await repository.git("ls-tree", sha, "bin/run")
    assert listed.startswith("100755 "), "it can still be run"
    shown = await repository.git("log", "-1", "--format=%an <%ae>|%s|%P", sha)
    assert shown.strip() == f"Bot <bot@acme.example>|Set up shop|{base}"
    with pytest.raises(BranchExists):
        await mirrors.push("p", settings, sha, "shop")
    await mirrors.delete_branch("p", settings, sha, "shop")
    assert await repository.branch("shop") is not None, "it stands elsewhere"
    await mirrors.delete_branch("p", settings, sha, "dagster-chatops/add")
    assert await repository.branch("dagster-chatops/add") is None


async def test_what_the_repository_does_not_take(
    mirrors: GitMirrors, running: server.GitHost, tmp_path: Path
) -> None:
    settings = project(running)
    base = (await mirrors.resolve("p", settings, "main")).sha
    with pytest.raises(FileExists, match="bin/run"):
        await mirrors.commit("p", settings, base, change(added={"bin/run": ""}))
    sha = await mirrors.commit("p", settings, base, change(added={"new": ""}))
    running.faults.add(Fault("no_push", times=None))
    with pytest.raises(GitAuthFailed, match="push a branch"):
        await mirrors.push("p", settings, sha, "new")
    running.faults.clear()
    hook = running.repository.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'Branches begin with feature/' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(BranchRefused, match="Branches begin with feature/"):
        await mirrors.push("p", settings, sha, "new")
    said = "refusing to allow a Personal Access Token to create or update workflow `a.yml`"
    hook.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    with pytest.raises(BranchRefused, match="doesn't let our credential change a workflow"):
        await mirrors.push("p", settings, sha, "new")
    assert await running.repository.branch("new") is None


async def test_a_symlink_is_not_edited(mirrors: GitMirrors, tmp_path: Path) -> None:
    made = Repository(tmp_path / "links")
    (made.folder / "link.yaml").symlink_to("dagster_cloud.yaml")
    base = made.commit("First", {"dagster_cloud.yaml": ""})
    settings = ProjectSettings(git=str(made.folder))
    with pytest.raises(FileNotEditable, match="symlink"):
        await mirrors.commit("p", settings, base, change(edited={"link.yaml": "x"}))


STRANGE: list[Any] = [
    None,
    [],
    {},
    "text",
    3,
    [3],
    {"number": "x", "html_url": 1, "state": "open", "head": {"sha": 1}},
    {"iid": None, "web_url": "", "state": [], "sha": {}},
    {"message": {"a": [{"b": None}]}},
]


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_that_are_no_pull_request(hosts: Hosts, kind: str) -> None:
    said: list[Any] = [None, 200]

    async def answer(_: web.Request) -> web.Response:
        text = said[0] if isinstance(said[0], str) else json.dumps(said[0])
        return web.Response(status=said[1], text=text, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    wanted = {"kind": kind, "base_url": url, "repository": "a/b", "token": "x"}
    settings = ProjectSettings.model_validate({"git": f"{url}/a/b.git", "host": wanted})
    host = await hosts.of(settings)
    assert host is not None
    try:
        for body in STRANGE:
            said[:] = [body, 200]
            with pytest.raises(HostProtocol):
                await host.read(1)
            said[:] = [body, 403]
            with pytest.raises(HostNotAllowed):
                await host.read(1)
        for status in (301, 418):
            said[:] = ["{}", status]
            with pytest.raises(HostProtocol):
                await host.find("shop")
    finally:
        await runner.cleanup()
