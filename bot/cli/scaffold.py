"""`dagster-chatops scaffold`: a new project, written into a folder or pushed."""

import asyncio
import getpass
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from rich.markup import escape

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console
from bot.settings import FileSettings, read_config_file
from deploy_core.clock import SystemClock
from deploy_core.hosts.hosts import Hosts
from deploy_core.model.errors import ProjectOptionInvalid
from deploy_core.scaffold.archive import write_files
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.scaffold.needed import needed_secrets, settings_page
from deploy_core.scaffold.options import AgentKind, ProjectOptions, SharedPackage
from deploy_core.settings import ScaffoldSettings
from deploy_core.sources.git import GitMirrors
from handlers.project_commands import NewProject, project_options, require_choices


@dataclass(frozen=True)
class SaidProject:
    """The command's arguments as they were typed; `command` has those that Slack has too."""

    command: NewProject
    organization: str
    directory: str
    shared: str | None
    folder: Path | None


async def scaffold_project(said: SaidProject, config: Path | None) -> ExitCode:
    """Write the project, or push it, and say which secrets it needs.

    Works without a configuration file. Raises `ConfigInvalid` for one that can't be used, what
    `ProjectMaker` raises, and `ProjectOptionInvalid` for a folder that has one of the files
    already: nothing is written then.
    """
    folder, push, create = said.folder, said.command.where, said.command.create
    if folder is None and push is None:
        raise ProjectOptionInvalid(
            "It isn't said where the project goes.",
            next_step="Say a folder with `--to`, or a repository with `--push` or `--create`.",
        )
    file = await asyncio.to_thread(read_config_file, config)
    options = options_of(said, file)
    work_folder = Path(tempfile.gettempdir()) / f"dagster-chatops-{getpass.getuser()}"
    clock = SystemClock()
    mirrors = GitMirrors(work_folder, clock)
    known = ScaffoldSettings() if file is None else file.scaffold
    maker = ProjectMaker(known, mirrors, work_folder / "scaffold", clock)
    if push is not None:
        maker.repository(push)
    if create is not None:
        maker.creatable(create)
    files = await maker.make(options)
    if folder is not None:
        await asyncio.to_thread(_write_new, files, folder)
        console.print(f"Wrote {len(files)} files into {escape(str(folder))}")
    if create is not None:
        async with httpx.AsyncClient(timeout=30) as http:
            made = await maker.create(create, Hosts(http, clock, mirrors.credentials))
        console.print(f"{'Created' if made else 'Found'} {escape(create)}", soft_wrap=True)
    if push is not None:
        commit = await maker.push(files, push, getpass.getuser())
        console.print(f"Pushed {commit[:7]} to {escape(push)}")
    _say_secrets(options, push)
    return ExitCode.GOOD


def options_of(said: SaidProject, file: FileSettings | None) -> ProjectOptions:
    """Return what the project is made from. Raises `ProjectOptionInvalid`."""
    command = require_choices(said.command)
    known = ScaffoldSettings() if file is None else file.scaffold
    organization = said.organization
    if not organization and file is not None:
        organization = file.dagster_plus.organization or ""
    options = project_options(
        command,
        agent=AgentKind(command.agent or AgentKind.HYBRID),
        deployment=command.deployment or ProjectOptions.deployment,
        organization=organization,
        ci=known.ci,
        image=known.image,
    )
    return replace(options, directory=said.directory, shared=_shared(said.shared))


def _shared(said: str | None) -> SharedPackage | None:
    if said is None:
        return None
    name, sign, directory = said.partition("=")
    if not sign:
        raise ProjectOptionInvalid(
            f"The shared package “{said[:60]}” doesn't say where it is.",
            next_step="Write it as `--shared NAME=DIRECTORY`.",
        )
    return SharedPackage(name, directory)


def _write_new(files: Mapping[str, str], folder: Path) -> None:
    """Write the files below a folder, which must have none of them. Raises
    `ProjectOptionInvalid`."""
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise ProjectOptionInvalid(
            f"`{folder}` has {there[0]} already, and nothing is overwritten.",
            next_step="Choose another folder with `--to`.",
        )
    write_files(files, folder)


def _say_secrets(options: ProjectOptions, repository: str | None) -> None:
    secrets = needed_secrets(options)
    if not secrets:
        return
    page = settings_page(options.ci, repository)
    console.print(f"Secrets that you must set ({escape(page)}):", soft_wrap=True)
    for each in secrets:
        console.print(f"  {escape(each.name)}: {escape(each.why)}", soft_wrap=True)
