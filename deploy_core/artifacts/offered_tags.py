"""The tags that pickers offer: those of the repositories from which CI's images are deployed."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from deploy_core.artifacts.docker_artifacts import KEY_TAG, DockerArtifacts
from deploy_core.artifacts.documents import repository_in_file, tag_of_commit
from deploy_core.catalog import Catalog, ProjectAtRef
from deploy_core.endings import all_of
from deploy_core.model.errors import DeployError
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.git_process import run_git

LOOK_UPS_AT_ONCE = 8
MOST_COMMITS = 1000
_LOG_SECONDS = 20.0
_NUMBER = re.compile(r"(\d+)")


class OfferedTags:
    """Remembers each repository's tags, so that a picker never waits for a registry."""

    def __init__(self, images: DockerArtifacts, catalog: Catalog, mirrors: GitMirrors) -> None:
        self._images = images
        self._catalog = catalog
        self._mirrors = mirrors
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._turns = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    def known(self, locations: Sequence[str]) -> tuple[str, ...]:
        """Return the images of these locations (`location` or `project:location`) as last read,
        the newest first; nothing is asked."""
        found: dict[str, None] = {}
        for name in locations:
            wanted, _, location = name.rpartition(":")
            for (project, having), images in self._known.items():
                if having == location and wanted in {"", project}:
                    found.update(dict.fromkeys(images))
        return tuple(found)

    async def refresh(self) -> dict[str, DeployError]:
        """Read the tags of every project with images of CI again, as the catalog knows it.

        Returns why a repository could not be read, for those; what was known of them stays.
        """
        failed: dict[str, DeployError] = {}
        prebuilt = [p for p in self._catalog.last.values() if p.settings.artifact == "prebuilt"]
        await all_of(*(self._project(project, failed) for project in prebuilt))
        return failed

    async def _project(self, project: ProjectAtRef, failed: dict[str, DeployError]) -> None:
        shas = await _commits(self._mirrors.git_folder(project.project), project.commit.sha)
        repositories: dict[str, tuple[str, ...]] = {}
        for location in project.locations:
            repository = repository_in_file(location)
            if repository is None:
                continue
            try:
                if repository not in repositories:
                    async with self._turns:
                        repositories[repository] = await self._images.tags(repository)
            except DeployError as error:
                failed[repository] = error
                continue
            template = project.settings.image_tag
            made = [tag_of_commit(template, location.name, sha) for sha in shas] if template else []
            ordered = newest_first(repositories[repository], made)
            key = (project.project, location.name)
            self._known[key] = tuple(f"{repository}:{tag}" for tag in ordered)


def newest_first(tags: Sequence[str], of_commits: Sequence[str]) -> list[str]:
    """Return the tags in the order in which people look for them, without those that we make.

    A registry doesn't say when a tag was pushed. `of_commits` are the tags that CI would give, of
    the newest commit first; they lead in that order. The others follow as versions, the highest
    first.
    """
    rank = {tag: at for at, tag in enumerate(of_commits)}
    others = [tag for tag in tags if tag not in rank and not tag.startswith(KEY_TAG)]
    others.sort(key=_as_version, reverse=True)
    return sorted((tag for tag in tags if tag in rank), key=rank.__getitem__) + others


def _as_version(tag: str) -> list[tuple[int, int, str]]:
    """`v1.10` is after `v1.9`; numbers are after words."""
    parts = [part for part in _NUMBER.split(tag) if part]
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


async def _commits(git_folder: Path, sha: str) -> list[str]:
    """Return the newest commits up to this one; none if git can't say, for it is only an order."""
    try:
        done = await run_git(
            [f"--git-dir={git_folder}", "log", f"--max-count={MOST_COMMITS}", "--format=%H", sha],
            folder=git_folder,
            seconds=_LOG_SECONDS,
        )
    except DeployError:
        return []
    return done.output.decode("ascii", "replace").split() if done.code == 0 else []
