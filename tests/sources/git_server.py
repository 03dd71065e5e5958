"""A git server over HTTP on loopback: git's own `http-backend` behind a password."""

import asyncio
import base64
from pathlib import Path

from aiohttp import web

from sandbox.git_host.server import git_backend


class GitServer:
    """Serves one repository at `/team/repo.git` to who knows the token.

    `answer` replaces every answer by that HTTP status; `redirect_to` sends every request elsewhere.
    With `hang` a request is never answered; `asked` is set when one has come. `seen_arguments` has
    the command lines of all processes of the machine at the time of each request.
    """

    def __init__(self, repository: Path, *, token: str | None = None) -> None:
        self.token = token
        self.answer: int | None = None
        self.hang = False
        self.redirect_to: str | None = None
        self.asked = asyncio.Event()
        self.release = asyncio.Event()
        self.authorizations: list[str] = []
        self.seen_arguments: list[bytes] = []
        self.pids: set[int] = set()
        self.requests = 0
        self._repository = repository
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/team/repo.git"

    async def start(self) -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.release.set()
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self._look_at_processes()
        self.asked.set()
        if self.hang:
            await self.release.wait()
        if self.redirect_to:
            raise web.HTTPFound(f"{self.redirect_to}?{request.query_string}")
        if self.answer:
            return web.Response(status=self.answer, text="an answer made for a test")
        given = request.headers.get("Authorization", "")
        if given:
            self.authorizations.append(given)
        if self.token is not None and not self._knows(given):
            headers = {"WWW-Authenticate": 'Basic realm="git"'}
            return web.Response(status=401, headers=headers, text=f"refused {given}")
        return await self._backend(request)

    def _knows(self, given: str) -> bool:
        kind, _, coded = given.partition(" ")
        if kind != "Basic":
            return False
        return base64.b64decode(coded).decode().partition(":")[2] == self.token

    def _look_at_processes(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (process / "cmdline").read_bytes()
            except OSError:
                continue
            self.seen_arguments.append(arguments)
            if str(self.port).encode() in arguments and b"remote-http" in arguments:
                self.pids.add(int(process.name))

    async def _backend(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/team/repo.git")
        return await git_backend(request, self._repository / ".git", path)
