"""The part of `check` that asks Docker engines and registries."""

from collections.abc import AsyncIterator

from bot.cli.finding import Finding, tried, wrong
from bot.wiring import Core
from deploy_core.artifacts.documents import repository_in_file
from deploy_core.endings import all_of
from deploy_core.model.errors import DeployError


async def images(core: Core) -> AsyncIterator[Finding]:
    """Yield a finding for each engine and for each repository that the projects name.

    Engines only matter where a project is built; a repository is asked for what the bot does with
    it: to push where it builds, else to read.
    """
    projects = core.settings.core.projects.values()
    if any(project.artifact == "docker" for project in projects):
        async for finding in _engines(core):
            yield finding
    repositories = await _repositories(core)
    found = await all_of(*(_repository(core, *each) for each in repositories.items()))
    for finding in found:
        yield finding


async def _engines(core: Core) -> AsyncIterator[Finding]:
    artifacts = core.services.images
    client = await tried("Docker client", artifacts.buildkit())
    if isinstance(client, Finding):
        yield client
        return
    how = f"builds with BuildKit ({client})" if client else "classic builds: no client has BuildKit"
    for name, version in (await artifacts.engine_versions()).items():
        what = f"Docker engine {name}"
        if isinstance(version, DeployError):
            yield wrong(what, version)
        else:
            yield Finding(what, f"version {version}; {how}")


async def _repositories(core: Core) -> dict[str, bool]:
    """Return the repositories of all projects, and whether the bot pushes to them.

    What was read of a project just before isn't asked of git once more; one that can't be read is
    a finding of its own already.
    """
    found: dict[str, bool] = {}
    for name, settings in core.settings.core.projects.items():
        if settings.artifact == "source":
            continue
        try:
            read = core.catalog.last.get(name) or await core.catalog.read(name)
        except DeployError:
            continue
        for location in read.locations:
            repository = repository_in_file(location)
            if repository is not None:
                pushes = settings.artifact == "docker"
                found[repository] = found.get(repository, False) or pushes
    return found


async def _repository(core: Core, repository: str, pushes: bool) -> Finding:
    what = f"Registry {repository}"
    artifacts = core.services.images
    asked = artifacts.may_push(repository) if pushes else artifacts.may_read(repository)
    answer = await tried(what, asked)
    if isinstance(answer, Finding):
        return answer
    return Finding(what, "the bot may push there" if pushes else "the bot may read it")
