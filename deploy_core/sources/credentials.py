"""How each project's repository is reached: HTTPS token, GitHub App, deploy key, or nothing.

A password or token goes to git through its credential protocol from an environment variable, and
only for the origin of the project's own address: a redirect elsewhere gets nothing.
"""

import asyncio
import shlex
from pathlib import Path

from deploy_core.clock import Clock
from deploy_core.model.errors import GitAuthFailed, SourceError
from deploy_core.settings import ProjectSettings
from deploy_core.sources.address import GitAddress, parse_git_address
from deploy_core.sources.git_errors import error_of
from deploy_core.sources.git_process import Access
from deploy_core.sources.github_app import GitHubApps

# The shell that git starts for this sees the words below, not the values.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n"'
    ' "$CHATOPS_GIT_USER" "$CHATOPS_GIT_PASSWORD"; }; f'
)
_TOKEN_USERS = {"bitbucket.org": "x-token-auth", "gitlab.com": "oauth2"}


class Credentials:
    """Finds a project's credential whenever it is needed, so that a changed file counts."""

    def __init__(self, clock: Clock) -> None:
        self._apps = GitHubApps(clock)

    async def access(self, settings: ProjectSettings) -> Access:
        """Return how git reaches the project's repository.

        Raises `GitAuthFailed` if a credential that the settings name can't be had.
        """
        address = parse_git_address(settings.git)
        if address.scheme == "ssh":
            return _by_ssh(address, settings)
        if address.scheme not in {"http", "https"}:
            return Access(address.url)
        password = await self.password(settings)
        if password is None:
            return Access(address.url)
        user = address.user or _TOKEN_USERS.get(address.host, "x-access-token")
        return Access(
            address.url,
            config=((f"credential.{address.origin}.helper", _HELPER),),
            environment={"CHATOPS_GIT_USER": user, "CHATOPS_GIT_PASSWORD": password},
            secrets=(password, f"{user}:{password}"),
        )

    def failed(self, errors: str, access: Access) -> SourceError:
        """Return what the messages of a git command mean that had this access, and note where the
        server refused it."""
        error = error_of(errors, access.url)
        if isinstance(error, GitAuthFailed):
            self.refused(access)
        return error

    def refused(self, access: Access) -> None:
        """Tell that the server refused this access: a token that was kept is not used again."""
        for secret in access.secrets:
            self._apps.forget(secret)

    async def password(self, settings: ProjectSettings) -> str | None:
        """Return the project's token or password, None where it has none. Raises `GitAuthFailed`,
        `GitUnreachable` and `GitFailed` if one that the settings name can't be had."""
        address = parse_git_address(settings.git)
        if settings.github_app_id:
            if not (settings.github_app_installation_id and settings.github_app_key_file):
                raise GitAuthFailed(
                    "A GitHub App needs its installation id and its key file as well."
                )
            return await self._apps.token(
                address,
                app_id=settings.github_app_id,
                installation_id=settings.github_app_installation_id,
                key_file=settings.github_app_key_file,
            )
        if settings.token is not None:
            return _one_line(settings.token.get_secret_value(), "token")
        if settings.token_file is not None:
            text = await asyncio.to_thread(_read, Path(settings.token_file))
            return _one_line(text, "token file")
        return None if address.password is None else _one_line(address.password, "password")


def _by_ssh(address: GitAddress, settings: ProjectSettings) -> Access:
    """ssh reads no configuration of the user; unknown hosts are refused, never asked about."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20"]
    words = ["ssh", "-F", "none"]
    if settings.known_hosts_file:
        options.append(f'UserKnownHostsFile="{_absolute(settings.known_hosts_file)}"')
    if settings.deploy_key_file:
        options += ["IdentitiesOnly=yes", "IdentityAgent=none"]
        words += ["-i", _absolute(settings.deploy_key_file)]
    for option in options:
        words += ["-o", option]
    return Access(address.url, environment={"GIT_SSH_COMMAND": shlex.join(words)})


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise GitAuthFailed("The project's `token_file` can't be read.") from None


def _one_line(secret: str, name: str) -> str:
    stripped = secret.strip()
    if not stripped or any(ord(char) < 32 for char in stripped):
        raise GitAuthFailed(f"The project's {name} is empty or has more than one line.")
    return stripped
