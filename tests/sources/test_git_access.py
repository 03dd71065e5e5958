"""Credentials reach the git server and nothing else; failures get their own errors."""

import asyncio
import base64
import os
import shutil
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy_core.clock import SystemClock
from deploy_core.model.errors import (
    ConfigInvalid,
    DeployError,
    GitAuthFailed,
    GitFailed,
    GitUnreachable,
    SourceError,
    UnknownRef,
)
from deploy_core.settings import ProjectSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import redact, run_git
from tests.sources.git_server import GitServer
from tests.sources.repository import Repository

TOKEN = "ghp_S3cret/With+Signs%20and=more"


def everything_said(error: DeployError) -> str:
    return f"{error!r} {error.summary} {error.detail} {error.next_step} {error.__context__!r}"


async def all_ended(pids: set[int]) -> None:
    """Return when none of the processes runs; a zombie that nobody has buried yet doesn't."""
    async with asyncio.timeout(10):
        while any(_runs(pid) for pid in pids):  # noqa: ASYNC110 - processes set no event
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_token_opens_the_repository_and_is_seen_nowhere(
    server: GitServer, repository: Repository, mirrors: GitMirrors, tmp_path: Path
) -> None:
    server.token = TOKEN
    settings = ProjectSettings(git=server.url, token=SecretStr(TOKEN))
    sha = repository.git("rev-parse", "HEAD")
    assert (await mirrors.resolve("core", settings, "main")).sha == sha
    await mirrors.check("core", settings)
    place = await mirrors.checkout("core", settings, sha)
    assert (place / "dagster_cloud.yaml").exists()

    forms = (TOKEN, base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode())
    assert len(server.seen_arguments) > 0
    assert any(str(server.port).encode() in seen for seen in server.seen_arguments)
    for form in forms:
        assert not any(form.encode() in seen for seen in server.seen_arguments)
        for path in (tmp_path / "work").rglob("*"):
            if path.is_file():
                assert form.encode() not in path.read_bytes(), path
    assert server.authorizations == [f"Basic {forms[1]}"] * len(server.authorizations)


@pytest.mark.parametrize("how", ["token_file", "in the address", "user in the address"])
async def test_other_ways_to_give_a_token(
    how: str, server: GitServer, mirrors: GitMirrors, tmp_path: Path
) -> None:
    server.token = "plain-token-123"
    file = tmp_path / "token"
    file.write_text("plain-token-123\n")
    bare = server.url.removeprefix("http://")
    settings = {
        "token_file": ProjectSettings(git=server.url, token_file=str(file)),
        "in the address": ProjectSettings(git=f"http://me:plain-token-123@{bare}"),
        "user in the address": ProjectSettings(git=f"http://me@{bare}", token_file=str(file)),
    }[how]
    assert (await mirrors.resolve("core", settings, "main")).kind == "branch"
    user = "x-access-token" if how == "token_file" else "me"
    coded = base64.b64encode(f"{user}:plain-token-123".encode()).decode()
    assert set(server.authorizations) == {f"Basic {coded}"}
    assert not any(b"plain-token-123" in seen for seen in server.seen_arguments)


async def test_a_changed_token_file_counts_at_once(
    server: GitServer, mirrors: GitMirrors, tmp_path: Path
) -> None:
    server.token = "second"
    file = tmp_path / "token"
    settings = ProjectSettings(git=server.url, token_file=str(file))
    with pytest.raises(GitAuthFailed, match="can't be read"):
        await mirrors.resolve("core", settings, "main")
    file.write_text("")
    with pytest.raises(GitAuthFailed, match="empty"):
        await mirrors.resolve("core", settings, "main")
    file.write_text("first")
    with pytest.raises(GitAuthFailed, match="refuses"):
        await mirrors.resolve("core", settings, "main")
    file.write_text("second")
    assert (await mirrors.resolve("core", settings, "main")).kind == "branch"


async def test_a_refused_token_is_not_in_the_error(server: GitServer, mirrors: GitMirrors) -> None:
    server.token = "another"
    for git in (server.url, server.url.replace("http://", f"http://me:{'p' * 12}@")):
        token = SecretStr(TOKEN) if git == server.url else None
        with pytest.raises(GitAuthFailed) as raised:
            await mirrors.resolve("core", ProjectSettings(git=git, token=token), "main")
        said = everything_said(raised.value)
        assert "refuses our credential" in said
        for secret in (TOKEN, "p" * 12, base64.b64encode(f"me:{'p' * 12}".encode()).decode()):
            assert secret not in said


async def test_no_token_where_one_is_needed(server: GitServer, mirrors: GitMirrors) -> None:
    server.token = TOKEN
    with pytest.raises(GitAuthFailed):
        await mirrors.check("core", ProjectSettings(git=server.url))


async def test_a_redirect_to_another_server_gets_no_token(
    server: GitServer, repository: Repository, mirrors: GitMirrors
) -> None:
    other = GitServer(repository.folder, token=TOKEN)
    await other.start()
    try:
        server.redirect_to = f"{other.url}/info/refs"
        settings = ProjectSettings(git=server.url, token=SecretStr(TOKEN))
        with pytest.raises(GitAuthFailed):
            await mirrors.resolve("core", settings, "main")
        assert other.requests > 0
        assert other.authorizations == []
    finally:
        await other.stop()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, GitAuthFailed, "refuses our credential"),
        (403, GitAuthFailed, "refuses our credential"),
        (404, GitFailed, "no repository"),
        (429, GitUnreachable, "error of its own"),
        (500, GitUnreachable, "error of its own"),
        (503, GitUnreachable, "error of its own"),
    ],
)
async def test_each_answer_of_a_server_has_its_error(
    status: int, error: type[SourceError], words: str, server: GitServer, mirrors: GitMirrors
) -> None:
    server.answer = status
    settings = ProjectSettings(git=server.url, token=SecretStr(TOKEN))
    for call in (mirrors.resolve("core", settings, "main"), mirrors.check("core", settings)):
        with pytest.raises(error, match=words) as raised:
            await call
        assert type(raised.value) is error
        assert TOKEN not in everything_said(raised.value)


async def test_a_page_that_is_no_repository(server: GitServer, mirrors: GitMirrors) -> None:
    server.answer = 200  # as of a portal that answers everything
    with pytest.raises(UnknownRef) as raised:
        await mirrors.resolve("core", ProjectSettings(git=server.url), "main")
    assert "no branches at all" in raised.value.next_step


async def test_a_server_that_hangs_is_given_up_and_its_processes_end(
    server: GitServer, tmp_path: Path
) -> None:
    server.hang = True
    mirrors = GitMirrors(tmp_path / "short", SystemClock(), fetch_seconds=1, check_seconds=1)
    settings = ProjectSettings(git=server.url)
    with pytest.raises(GitUnreachable, match="within 1 seconds"):
        await mirrors.resolve("core", settings, "main")
    with pytest.raises(GitUnreachable, match="within 1 seconds"):
        await mirrors.check("core", settings)
    assert len(server.pids) >= 2
    await all_ended(server.pids)


async def test_a_cancelled_call_ends_git_and_all_that_it_started(
    server: GitServer, mirrors: GitMirrors
) -> None:
    server.hang = True
    call = asyncio.create_task(mirrors.resolve("core", ProjectSettings(git=server.url), "main"))
    await server.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert server.pids
    await all_ended(server.pids)
    server.hang = False
    server.release.set()
    found = await mirrors.resolve("core", ProjectSettings(git=server.url), "main")
    assert found.kind == "branch"


async def test_one_of_two_waiting_calls_may_be_cancelled(
    server: GitServer, mirrors: GitMirrors
) -> None:
    server.hang = True
    settings = ProjectSettings(git=server.url)
    stays = asyncio.create_task(mirrors.resolve("core", settings, "main"))
    goes = asyncio.create_task(mirrors.resolve("core", settings, "main"))
    await server.asked.wait()
    goes.cancel()
    with pytest.raises(asyncio.CancelledError):
        await goes
    server.hang = False
    server.release.set()
    assert (await stays).kind == "branch"


async def test_addresses_that_lead_nowhere(mirrors: GitMirrors, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/x.git"
        refused = ProjectSettings(git=closed)
        with pytest.raises(GitUnreachable, match="can't be reached"):
            await mirrors.resolve("a", refused, "main")
        ssh = closed.replace("http://", "ssh://git@")
        if shutil.which("ssh"):
            with pytest.raises(GitUnreachable, match="can't be reached"):
                await mirrors.resolve("b", ProjectSettings(git=ssh), "main")
    for path in (str(tmp_path / "nothing"), f"file://{tmp_path}/nothing", str(tmp_path)):
        with pytest.raises(GitFailed, match="no git repository"):
            await mirrors.resolve("c", ProjectSettings(git=path), "main")


@pytest.mark.parametrize(
    "address",
    ["ext::sh -c touch% owned", "--upload-pack=x", "fd::7", "ftp://host/x", "http://", "a\nb", " "],
)
async def test_addresses_that_git_must_not_get(address: str, mirrors: GitMirrors) -> None:
    with pytest.raises(ConfigInvalid):
        await mirrors.check("core", ProjectSettings(git=address))


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (
            (
                "No ED25519 host key is known for github.com and you asked for checking.\n"
                "Host key verification failed.\nfatal: Could not read from remote repository."
            ),
            GitFailed,
            "host key",
        ),
        (
            (
                "git@github.com: Permission denied (publickey).\n"
                "fatal: Could not read from remote repository."
            ),
            GitAuthFailed,
            "refuses",
        ),
        (
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            GitFailed,
            "no repository",
        ),
        (
            (
                "WARNING: UNPROTECTED PRIVATE KEY FILE!\nPermissions 0644 for 'key' are too open.\n"
                "git@github.com: Permission denied (publickey)."
            ),
            GitAuthFailed,
            "others can read",
        ),
        (
            (
                "Warning: Identity file /k not accessible: No such file or directory.\n"
                "git@github.com: Permission denied (publickey)."
            ),
            GitAuthFailed,
            "deploy key",
        ),
        (
            "fatal: unable to access 'https://x/': Could not resolve host: x",
            GitUnreachable,
            "can't be reached",
        ),
        (
            "fatal: unable to access 'https://x/': SSL certificate problem: self-signed",
            GitFailed,
            "certificate",
        ),
        ("error: something new\nfatal: and more", GitFailed, "git failed: error: something new"),
        ("", GitFailed, "no message"),
    ],
)
def test_what_git_says_is_understood(said: str, error: type[SourceError], words: str) -> None:
    found = error_of(said, "ssh://git@host/x")
    assert type(found) is error
    assert words in found.summary


def test_secrets_are_taken_out_in_every_form() -> None:
    coded = base64.b64encode(f"user:{TOKEN}".encode()).decode()
    quoted = "ghp_S3cret%2FWith%2BSigns%2520and%3Dmore"
    text = f"at http://user:pw@host/ {TOKEN} Basic {coded} {quoted} end"
    clean = redact(text, (TOKEN, f"user:{TOKEN}"))
    for secret in (TOKEN, coded, coded[8:-4], quoted, "pw@"):
        assert secret not in clean
    assert clean.endswith(" end")


async def test_the_configuration_of_the_user_is_not_read(
    settings: ProjectSettings,
    mirrors: GitMirrors,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "file:///nowhere/"]\ninsteadOf = {settings.git}\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    assert (await mirrors.resolve("core", settings, "main")).kind == "branch"


async def test_hooks_in_a_mirror_do_not_run(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors, tmp_path: Path
) -> None:
    await mirrors.fetch("core", settings)
    hooks = tmp_path / "work/mirrors/core.git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
        hook.chmod(0o755)
    sha = repository.commit("Next")
    await mirrors.checkout("core", settings, sha)
    assert not (tmp_path / "owned").exists()


async def test_a_mirror_that_a_crash_left_locked_or_broken_is_mended(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors, tmp_path: Path
) -> None:
    await mirrors.fetch("core", settings)
    mirror = tmp_path / "work/mirrors/core.git"
    second = repository.commit("Second")
    (mirror / "refs/heads/main.lock").touch()
    (mirror / "packed-refs.lock").touch()
    assert (await mirrors.resolve("core", settings, "main")).sha == second

    third = repository.commit("Third")
    for item in (mirror / "objects").rglob("*"):
        if item.is_file():
            item.chmod(0o644)
            item.write_bytes(b"")
    assert (await mirrors.resolve("core", settings, "main")).sha == third

    (mirror / "HEAD").unlink()
    fourth = repository.commit("Fourth")
    assert (await mirrors.resolve("core", settings, "main")).sha == fourth


async def test_two_programs_may_fetch_the_same_project(
    repository: Repository, settings: ProjectSettings, tmp_path: Path
) -> None:
    sha = repository.git("rev-parse", "HEAD")
    both = [GitMirrors(tmp_path / "work", SystemClock()) for _ in range(2)]
    found = await asyncio.gather(
        *(one.resolve("core", settings, "main") for one in both for _ in range(3))
    )
    assert {commit.sha for commit in found} == {sha}
    places = await asyncio.gather(*(one.checkout("core", settings, sha) for one in both))
    assert (places[0] / "dagster_cloud.yaml").exists()


async def test_a_missing_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(GitFailed, match="isn't installed"):
        await run_git(["version"], folder=tmp_path, seconds=5)
