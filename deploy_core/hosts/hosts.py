"""The git host of a project: which one, where its API is, and with which token."""

import os
from typing import Final, Protocol

import httpx
from pydantic import SecretStr

from deploy_core.artifacts.secret_sources import read_secret
from deploy_core.clock import Clock
from deploy_core.hosts import github
from deploy_core.hosts.github import GitHub
from deploy_core.hosts.gitlab import GitLab
from deploy_core.hosts.http import HostHttp
from deploy_core.model.errors import BuildSecretMissing, HostTokenRefused
from deploy_core.model.pull_requests import PullRequest
from deploy_core.settings import HostSettings, ProjectSettings
from deploy_core.sources.address import GitAddress, parse_git_address
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.github_app import github_api

NAMES: Final = {"github": "GitHub", "gitlab": "GitLab"}


class GitHost(Protocol):
    """A repository, and its pull requests; `word` is what the host calls one."""

    @property
    def word(self) -> str: ...

    async def create(self, *, private: bool) -> bool: ...

    async def find(self, branch: str) -> PullRequest | None: ...

    async def open(self, branch: str, base: str, title: str, body: str) -> PullRequest: ...

    async def read(self, number: int) -> PullRequest: ...


class Hosts:
    """Opens the host of each project. Tokens are read whenever they are needed."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock, credentials: Credentials) -> None:
        self._http = http
        self._clock = clock
        self._credentials = credentials

    async def of(self, settings: ProjectSettings) -> GitHost | None:
        """Return the project's host, None where it has none.

        Raises `HostTokenRefused` where there is no token, and `GitAuthFailed`, `GitUnreachable`
        where the project's own credential can't be had.
        """
        host = settings.host
        if host is None:
            return None
        address = parse_git_address(settings.git)
        token = await self._token(settings, host)
        api = host.base_url or _api(host, address)
        by_github = host.kind == "github"
        headers = (
            {**github.HEADERS, "Authorization": f"Bearer {token}"}
            if by_github
            else {"PRIVATE-TOKEN": token}
        )
        http = HostHttp(self._http, self._clock, name=NAMES[host.kind], api=api, headers=headers)
        repository = host.repository or address.path.strip("/").removesuffix(".git")
        return GitHub(http, repository) if by_github else GitLab(http, repository)

    async def _token(self, settings: ProjectSettings, host: HostSettings) -> str:
        if isinstance(host.token, SecretStr):
            token = host.token.get_secret_value()
        elif host.token is not None:
            try:
                token = read_secret(host.token, "host.token", os.environ)
            except BuildSecretMissing as error:
                raise HostTokenRefused(error.summary) from None
        else:
            token = await self._credentials.password(settings) or ""
        token = token.strip()
        if not token or any(ord(char) < 33 or ord(char) > 126 for char in token):
            raise HostTokenRefused(f"There is no token for {NAMES[host.kind]}.")
        return token


def _api(host: HostSettings, address: GitAddress) -> str:
    return github_api(address) if host.kind == "github" else f"{address.web_origin}/api/v4"
