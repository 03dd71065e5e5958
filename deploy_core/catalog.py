"""Which code locations the projects' files have, at which commit."""

import asyncio
from dataclasses import dataclass

from deploy_core.endings import all_of
from deploy_core.model.errors import AmbiguousLocation, DeployError, MixedProjects, UnknownLocation
from deploy_core.model.plan import Commit
from deploy_core.settings import ProjectSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation, parse_dagster_cloud_yaml
from deploy_core.sources.git import GitMirrors


@dataclass(frozen=True)
class ProjectAtRef:
    """A project's `dagster_cloud.yaml` as it is at one commit."""

    project: str
    settings: ProjectSettings
    ref: str
    commit: Commit
    locations: tuple[FileLocation, ...]

    def location(self, name: str) -> FileLocation:
        """Return the location of this name. Raises `UnknownLocation` with the names there are."""
        for location in self.locations:
            if location.name == name:
                return location
        raise UnknownLocation(
            f"{name} isn't in {self.settings.file} of {self.project} at {self.ref}.",
            choices=tuple(location.name for location in self.locations),
        )


class Catalog:
    """Reads the projects' files, and remembers each default ref's names for quick answers."""

    def __init__(self, projects: dict[str, ProjectSettings], mirrors: GitMirrors) -> None:
        self._projects = projects
        self._mirrors = mirrors
        self._last: dict[str, ProjectAtRef] = {}
        self._failed: dict[str, DeployError] = {}

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """The names of each project's locations as last read; no project is asked."""
        return {
            project: tuple(location.name for location in read.locations)
            for project, read in self._last.items()
        }

    @property
    def last(self) -> dict[str, ProjectAtRef]:
        """Each project's file at its default ref as last read; no project is asked."""
        return dict(self._last)

    @property
    def heads(self) -> dict[str, Commit]:
        """The commit of each project's default ref as last read; no project is asked."""
        return {project: read.commit for project, read in self._last.items()}

    def project_of(self, location: str) -> str | None:
        """Return the project that has this location at its default ref, as last read; None for
        one of no project, or of several."""
        having = self._projects_with(location)
        return having[0] if len(having) == 1 else None

    @property
    def failures(self) -> dict[str, DeployError]:
        """Why a project's names could not be read, for those that could not."""
        return dict(self._failed)

    async def read(self, project: str, ref: str | None = None) -> ProjectAtRef:
        """Return the project's file at a ref, by default its default ref.

        Raises `UnknownRef`, `FileInvalid` and the other source errors.
        """
        settings = self._projects[project]
        wanted = ref or settings.default_ref
        commit = await self._mirrors.resolve(project, settings, wanted)
        text = await self._mirrors.read_file(project, settings, commit.sha, settings.file)
        # A large file takes a second to read: never on the loop.
        locations = await asyncio.to_thread(parse_dagster_cloud_yaml, text, path=settings.file)
        read = ProjectAtRef(project, settings, wanted, commit, locations)
        if wanted == settings.default_ref:
            self._last[project] = read
        return read

    async def refresh(self) -> None:
        """Read every project's names again. What can't be read is kept as it was and noted."""
        await all_of(*(self._refresh(project) for project in self._projects))

    async def _refresh(self, project: str) -> None:
        try:
            await self.read(project)
            self._failed.pop(project, None)
        except DeployError as error:
            self._failed[project] = error

    async def find(self, names: tuple[str, ...], ref: str | None) -> dict[str, str | None]:
        """Return the project of each name (`location` or `project:location`), by location.

        None is the project of a location that no project has. Raises `AmbiguousLocation`,
        `UnknownLocation` for an unknown project.
        """
        if any(":" not in name and not self._projects_with(name) for name in names):
            await self.refresh()
        found: dict[str, str | None] = {}
        for name in names:
            project, _, location = name.rpartition(":")
            if project and project not in self._projects:
                raise UnknownLocation(
                    f"There is no project {project}.", choices=tuple(sorted(self._projects))
                )
            found[location] = project or await self._project_of(location, ref)
        return found

    async def all_locations(self, ref: str | None) -> dict[str, str | None]:
        """Return every location of every project, with its project.

        Raises `AmbiguousLocation` when two projects share a name, `MixedProjects` when one ref is
        given for several projects.
        """
        if ref and len(self._projects) > 1:
            raise MixedProjects(f"@{ref} can't be meant for all {len(self._projects)} projects.")
        found: dict[str, str | None] = {}
        for project in self._projects:
            for location in (await self.read(project, ref)).locations:
                if location.name in found:
                    raise _ambiguous(location.name, [str(found[location.name]), project])
                found[location.name] = project
        return found

    async def _project_of(self, location: str, ref: str | None) -> str | None:
        having = self._projects_with(location)
        if not having and ref:
            having = await self._projects_with_at(location, ref)
        if len(having) > 1:
            raise _ambiguous(location, having)
        return having[0] if having else None

    def _projects_with(self, location: str) -> list[str]:
        return [
            project
            for project, read in self._last.items()
            if any(one.name == location for one in read.locations)
        ]

    async def _projects_with_at(self, location: str, ref: str) -> list[str]:
        """Return the projects that have the location at a ref that isn't their default one."""
        having = []
        for project in self._projects:
            try:
                read = await self.read(project, ref)
            except DeployError:
                # A project without this ref, or with a broken file there, isn't the one meant.
                continue
            if any(known.name == location for known in read.locations):
                having.append(project)
        return having


def _ambiguous(location: str, projects: list[str]) -> AmbiguousLocation:
    return AmbiguousLocation(
        f"{location} is in more than one project.",
        choices=tuple(f"{project}:{location}" for project in sorted(projects)),
    )
