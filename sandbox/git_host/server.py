"""Starts and ends the local git host: one repository, over git's own HTTP and one of the APIs."""

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aiohttp import web

from sandbox.git_host.faults import Faults
from sandbox.git_host.github_api import GitHubApi
from sandbox.git_host.gitlab_api import GitLabApi
from sandbox.git_host.repository import Repository

TOKEN = "host-token-5b1f0c2e7a"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class GitHost:
    """A running git host. `git_url` is where git fetches and pushes, `api` the API's address;
    `asked` has every request to the API, as `METHOD path`."""

    repository: Repository
    url: str
    api: str
    runner: web.AppRunner
    faults: Faults
    asked: list[str] = field(default_factory=list)
    token: str = TOKEN

    @property
    def git_url(self) -> str:
        return f"{self.url}/{self.repository.name}.git"

    async def close(self) -> None:
        """End the server."""
        await self.runner.cleanup()


async def start_git_host(
    folder: Path,
    kind: Literal["github", "gitlab"],
    name: str = "acme/data-platform",
    us: str = "deployer",
) -> GitHost:
    """Serve the bare repository at `folder` on a free port of 127.0.0.1, to who has the token.

    A folder that isn't there is a repository that can be created. On GitHub its owner is an
    organisation, or the person `us` whom the token belongs to.
    """
    repository = Repository(folder, name)
    if repository.is_there:
        await repository.serve()
    page = f"http://{kind}.sandbox/{name}"
    api = GitHubApi(repository, page, us) if kind == "github" else GitLabApi(repository, page)
    door = _Door(repository, f"/{name}.git", api)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await door.guard(request, handler)

    app = web.Application(client_max_size=2**24, middlewares=[guard])
    app.add_routes(api.routes())
    app.router.add_route("*", f"/{name}.git/{{path:.*}}", door.git)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return GitHost(repository, url, url + api.prefix, runner, door.faults, door.asked)


class _Door:
    """Everybody comes through here: faults, tokens, and git itself."""

    def __init__(self, repository: Repository, at: str, api: GitHubApi | GitLabApi) -> None:
        self.faults = Faults()
        self.asked: list[str] = []
        self._repository = repository
        self._at = at
        self._api = api

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request in, or not."""
        if self.faults.take(request.method, request.path, "down"):
            return _hung_up(request)
        if request.path.startswith(f"{self._at}/"):
            return await handler(request)
        self.asked.append(f"{request.method} {request.path}")
        answer = self._refused(request) or await handler(request)
        if self.faults.take(request.method, request.path, "lost_answer"):
            return _hung_up(request)
        return answer

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.faults.take(request.method, request.path, "error"):
            return web.Response(status=502, text="Bad Gateway")
        refused = self.faults.take(
            request.method, request.path, "bad_token", "rate_limit", "no_rights"
        )
        if refused is not None:
            return self._api.refusal(refused)
        if not self._api.knows(request, TOKEN):
            return web.json_response({"message": "Bad credentials"}, status=401)
        return None

    async def git(self, request: web.Request) -> web.StreamResponse:
        """Answer git, to who knows the token."""
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if base64.b64decode(given).decode().partition(":")[2] != TOKEN:
            headers = {"WWW-Authenticate": 'Basic realm="git"'}
            return web.Response(status=401, headers=headers, text="Who are you?")
        if not self._repository.is_there:
            return web.Response(status=404, text="Repository not found.")
        pushes = "git-receive-pack" in request.path_qs
        if pushes and self.faults.take(request.method, request.path, "no_push"):
            return web.Response(status=403, text="You may not push to this repository.")
        return await git_backend(
            request, self._repository.folder, request.path.removeprefix(self._at)
        )


def _hung_up(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def git_backend(request: web.Request, folder: Path, path: str) -> web.StreamResponse:
    """Let git's own `http-backend` answer for the repository in `folder`; `path` is below it."""
    body = await request.read()
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        },
    )
    output, _ = await process.communicate(body)
    head, _, content = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200").split()[0])
    return web.Response(status=status, headers=headers, body=content)
