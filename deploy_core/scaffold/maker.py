"""Makes new projects as the configuration says: with which templates, and where they may go."""

import asyncio
import re
from pathlib import Path
from typing import Final

from deploy_core.clock import Clock
from deploy_core.hosts.hosts import Hosts
from deploy_core.model.errors import (
    CreateNotConfigured,
    HostNotAllowed,
    HostRefused,
    HostRepositoryMissing,
    ProjectOptionInvalid,
    PushNotConfigured,
    TemplateInvalid,
)
from deploy_core.scaffold.options import AgentKind, Ci, ProjectOptions, require_valid
from deploy_core.scaffold.push import push_first
from deploy_core.scaffold.render import scaffold
from deploy_core.scaffold.templates_folder import (
    Templates,
    our_templates,
    with_team_templates,
)
from deploy_core.settings import (
    CreatingSettings,
    HostSettings,
    ProjectSettings,
    RepositoriesSettings,
    ScaffoldSettings,
)
from deploy_core.sources.address import hide_userinfo, parse_git_address
from deploy_core.sources.credentials import Credentials
from deploy_core.sources.git import GitMirrors

_TEMPLATES: Final = "templates of new projects"
"""The name under which a repository of templates has its mirror; a project's has no spaces."""
_CREATE_STEP: Final = (
    "Give the token of `scaffold.repositories` the right to create repositories there, or create it"
    " by hand and say --push."
)
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)+", re.ASCII)


class ProjectMaker:
    """Makes new projects. Reaching git raises `GitUnreachable`, `GitAuthFailed` or `GitFailed`."""

    def __init__(
        self, settings: ScaffoldSettings, mirrors: GitMirrors, folder: Path, clock: Clock
    ) -> None:
        self._settings = settings
        self._mirrors = mirrors
        self._folder = folder
        self._credentials = Credentials(clock)

    @property
    def settings(self) -> ScaffoldSettings:
        """What the configuration says of new projects."""
        return self._settings

    async def make(self, options: ProjectOptions) -> dict[str, str]:
        """Return the files of a new project. Raises what `scaffold` raises, `TemplateInvalid`,
        `UnknownRef`."""
        require_valid(options)  # before anything is fetched
        templates = await self._templates()
        return await asyncio.to_thread(scaffold, options, templates)

    async def try_templates(self) -> int:
        """Fill in the templates for each kind of project; return how many there are. Raises as
        `make`."""
        templates = await self._templates()
        for ci in Ci:
            for agent, image in (
                (AgentKind.HYBRID, "ghcr.io/acme/shop"),
                (AgentKind.SERVERLESS, ""),
            ):
                sample = ProjectOptions("shop", agent, ci, organization="acme", image=image)
                await asyncio.to_thread(scaffold, sample, templates)
        return len(templates)

    async def push(self, files: dict[str, str], address: str, author: str) -> str:
        """Push the files as the first commit of an empty repository; return the commit.

        Raises `PushNotConfigured`, `ConfigInvalid`, `RepositoryNotEmpty`.
        """
        settings = self.repository(address)
        return await push_first(files, settings, self._credentials, self._folder, author=author)

    async def create(self, address: str, hosts: Hosts) -> bool:
        """Make the repository, empty, unless it is there; say whether it was made.

        Raises what `creatable` raises, `HostError`, and what `Hosts.of` raises.
        """
        settings, creating = self.creatable(address)
        host = await hosts.of(settings)
        assert host is not None  # noqa: S101 - the settings have one
        try:
            return await host.create(private=creating.private)
        except (HostNotAllowed, HostRefused, HostRepositoryMissing) as error:
            raise type(error)(error.summary, next_step=_CREATE_STEP) from None

    def creatable(self, address: str) -> tuple[ProjectSettings, CreatingSettings]:
        """Return how a repository is reached that may be created. Raises what `repository` raises,
        `CreateNotConfigured`, and `ProjectOptionInvalid` for what can't be a repository's name."""
        settings, known = self.repository(address), self._known(address)
        if known is None or known.host is None:
            raise CreateNotConfigured(
                f"The configuration doesn't say that repositories may be created below"
                f" `{hide_userinfo(address)[:200]}`."
            )
        path = parse_git_address(address).path.strip("/").removesuffix(".git")
        github = known.host.kind == "github"
        if not _REPOSITORY.fullmatch(path) or (github and path.count("/") != 1):
            raise ProjectOptionInvalid(
                f"`{path[:200]}` can't be the name of a repository.",
                next_step="Write its address as `https://github.com/OWNER/NAME`.",
            )
        api = known.host.model_dump(exclude={"private"})
        host = HostSettings.model_validate({**api, "token": known.host.token, "repository": path})
        return settings.model_copy(update={"host": host}), known.host

    def repository(self, address: str) -> ProjectSettings:
        """Return how a repository is reached that new projects may be pushed to. Raises
        `PushNotConfigured` for any other, `ConfigInvalid` for what is no address."""
        parsed = parse_git_address(address)
        known = self._known(address)
        if known is None or ".." in parsed.path.split("/"):
            raise PushNotConfigured(
                f"The configuration doesn't say that projects may be pushed to "
                f"`{hide_userinfo(address)[:200]}`."
            )
        return _with_credentials(address, known)

    def _known(self, address: str) -> RepositoriesSettings | None:
        """A password in what a person typed is nobody's of ours: such an address isn't known."""
        found = [each for each in self._settings.repositories if address.startswith(each.address)]
        return max(found, key=lambda each: len(each.address), default=None)

    async def _templates(self) -> Templates:
        where = self._settings.templates
        if where is None:
            return await asyncio.to_thread(our_templates)
        if "://" not in where and Path(where).is_absolute():
            return await asyncio.to_thread(_team_folder, Path(where))
        known = self._known(where)
        settings = ProjectSettings(git=where) if known is None else _with_credentials(where, known)
        ref = self._settings.templates_ref
        commit = await self._mirrors.resolve(_TEMPLATES, settings, ref)
        folder = await self._mirrors.checkout(_TEMPLATES, settings, commit.sha)
        return await asyncio.to_thread(with_team_templates, folder)


def _team_folder(folder: Path) -> Templates:
    if not folder.is_dir():
        raise TemplateInvalid(f"There is no folder `{folder}` of templates.")
    return with_team_templates(folder)


def _with_credentials(address: str, known: RepositoriesSettings) -> ProjectSettings:
    others = {"address", "host"}
    credentials = {key: value for key, value in dict(known).items() if key not in others}
    return ProjectSettings(git=address, **credentials)
