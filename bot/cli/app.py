"""The commands of `dagster-chatops`; each is a file of its own, imported when it is used."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.exit_codes import ExitCode
from bot.cli.output import print_error
from bot.logs import set_up_logs
from bot.settings import load_settings
from deploy_core.model.errors import ConfigInvalid, DeployError, UsageError
from deploy_core.model.plan import CodeOptions

app = typer.Typer(
    name="dagster-chatops",
    help="Deploy, watch and roll back Dagster+ code locations, from Slack and from here.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file.", show_default=False),
]
To = Annotated[str | None, typer.Option("--to", help="The deployment.")]
Why = Annotated[str | None, typer.Option(help="The reason, kept in the history.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm the plan unseen.")]
Plan = Annotated[bool, typer.Option("--plan", help="Show the plan and stop.")]
Attribute = Annotated[
    str | None, typer.Option("--attribute", "-a", help="Which of the definitions there.")
]
WorkingDirectory = Annotated[
    str | None, typer.Option("--working-directory", "-d", help="Where the code is run.")
]


@app.command()
def run(config: Config = None) -> None:
    """Run the bot until SIGTERM."""
    from bot.main import run_bot  # noqa: PLC0415

    set_up_logs(as_json=not sys.stderr.isatty())
    _finish(run_bot(load_settings_or_exit(config)))


@app.command()
def check(
    config: Config = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also post and delete a message in each channel.")
    ] = False,
) -> None:
    """Check configuration, manifest, tokens, git, Dagster+ and channels."""
    from bot.cli.check import check_all  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    _finish(check_all(load_settings_or_exit(config), live=live))


@app.command()
def deploy(
    locations: Annotated[
        list[str] | None, typer.Argument(help="LOCATION…[@REF]", show_default=False)
    ] = None,
    to: To = None,
    image: Annotated[str | None, typer.Option(help="An image instead of the default one.")] = None,
    why: Why = None,
    every: Annotated[bool, typer.Option("--all", help="All code locations.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the images anew.")] = False,
    python_version: Annotated[
        str | None, typer.Option(help="For PEX files: the version of Python, as 3.12.")
    ] = None,
    base_image_tag: Annotated[
        str | None, typer.Option(help="For PEX files: a base image that was uploaded to Dagster+.")
    ] = None,
    python_file: Annotated[
        str | None, typer.Option("--python-file", "-f", help="The file with the definitions.")
    ] = None,
    package_name: Annotated[
        str | None, typer.Option("--package-name", "-p", help="The package with them.")
    ] = None,
    module_name: Annotated[
        str | None, typer.Option("--module-name", "-m", help="The module with them.")
    ] = None,
    attribute: Attribute = None,
    working_directory: WorkingDirectory = None,
    yes: Yes = False,
    plan: Plan = False,
    config: Config = None,
) -> None:
    """Deploy code locations with the same engine as the bot, without Slack."""
    from bot.cli.deploy import DeployOptions, deploy_locations  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    code = CodeOptions(
        python_file=python_file,
        package_name=package_name,
        module_name=module_name,
        attribute=attribute,
        working_directory=working_directory,
        python_version=python_version,
        base_image_tag=base_image_tag,
    )
    options = DeployOptions(tuple(locations or ()), to, image, why, every, rebuild, code, yes, plan)
    _finish(deploy_locations(load_settings_or_exit(config), options))


@app.command("add-location")
def add_location(
    name: Annotated[str, typer.Argument(help="The code location's name.", show_default=False)],
    module: Annotated[
        str | None, typer.Option("--module", "-m", help="The module with the definitions.")
    ] = None,
    package: Annotated[
        str | None, typer.Option("--package", "-p", help="The package with them.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="The Python file with them.")
    ] = None,
    autoload_module: Annotated[
        str | None, typer.Option("--autoload-module", help="The module that loads them itself.")
    ] = None,
    to: To = None,
    image: Annotated[str | None, typer.Option(help="The image that it runs.")] = None,
    attribute: Attribute = None,
    working_directory: WorkingDirectory = None,
    executable: Annotated[str | None, typer.Option(help="The Python that runs it.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="The agent queue.")] = None,
    container_context: Annotated[
        str | None, typer.Option(help="The platform's settings, as YAML: `{k8s: …}`.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--in", help="The project to bring it into, by a pull request.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="With `--in`: write a new directory for it.")
    ] = False,
    build_directory: Annotated[
        str | None, typer.Option(help="With `--in`: the directory that is built.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(help="With `--in`: where its images are pushed.")
    ] = None,
    why: Why = None,
    yes: Yes = False,
    plan: Plan = False,
    config: Config = None,
) -> None:
    """Add a code location or update it, as from Slack: at once, or by a pull request."""
    from bot.cli.deploy import add_location as add  # noqa: PLC0415
    from bot.cli.propose import propose_location  # noqa: PLC0415
    from handlers.location_commands import CONTEXT, AddLocation, said_document  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    said = {
        "module": module,
        "package": package,
        "file": file,
        "autoload-module": autoload_module,
        "image": image,
        "attribute": attribute,
        "working-directory": working_directory,
        "executable": executable,
        "queue": queue,
        CONTEXT: container_context,
        "build-directory": build_directory,
        "registry": registry,
    }
    given = {option: value for option, value in said.items() if value is not None}
    document = said_document(name, given)
    command = AddLocation(document, to, why, project, new)
    settings = load_settings_or_exit(config)
    if project is not None:
        _finish(propose_location(settings, command, plan_only=plan))
    else:
        _finish(add(settings, command, yes=yes, plan_only=plan))


@app.command()
def adopt(
    name: Annotated[str, typer.Argument(help="The code location's name.", show_default=False)],
    project: Annotated[
        str, typer.Option("--to", help="The project to bring it into.", show_default=False)
    ],
    deployment: Annotated[
        str | None, typer.Option("--in", help="The deployment where it is live.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Also over what the project's file says of it.")
    ] = False,
    why: Why = None,
    config: Config = None,
) -> None:
    """Bring what is live of a code location into a project, by a pull request."""
    from bot.cli.propose import adopt_location  # noqa: PLC0415
    from handlers.location_commands import Adopt  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    command = Adopt(name, project, deployment, update, why)
    _finish(adopt_location(load_settings_or_exit(config), command))


@app.command("remove-location")
def remove_location(
    name: Annotated[str, typer.Argument(help="The code location's name.", show_default=False)],
    deployment: Annotated[str | None, typer.Option("--from", help="The deployment.")] = None,
    confirmed: Annotated[
        str | None, typer.Option("--confirm", help="The name again, where nobody can be asked.")
    ] = None,
    config: Config = None,
) -> None:
    """Take a code location away, after showing what would go; it can be brought back."""
    from bot.cli.remove import remove_location as remove  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    _finish(remove(load_settings_or_exit(config), name, deployment, confirmed))


@app.command("restore-location")
def restore_location(
    name: Annotated[str, typer.Argument(help="The code location's name.", show_default=False)],
    to: To = None,
    why: Why = None,
    yes: Yes = False,
    config: Config = None,
) -> None:
    """Bring back a code location that was removed here, with the wait and proof of a deploy."""
    from bot.cli.remove import restore_location as restore  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    _finish(restore(load_settings_or_exit(config), name, to, why, yes=yes))


@app.command()
def scaffold(
    name: Annotated[str, typer.Argument(help="The code location's name.", show_default=False)],
    folder: Annotated[
        Path | None, typer.Option("--to", help="The folder to write the project into.")
    ] = None,
    push: Annotated[
        str | None, typer.Option(help="The empty git repository to push it to.")
    ] = None,
    create: Annotated[
        str | None, typer.Option(help="The git repository to create and push it to.")
    ] = None,
    agent: Annotated[str, typer.Option(help="`hybrid` or `serverless`.")] = "hybrid",
    image: Annotated[
        str | None, typer.Option(help="Where CI pushes the images, without a tag.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(help="Its kind, where the host doesn't tell.")
    ] = None,
    ci: Annotated[str | None, typer.Option(help="`github` or `gitlab`.")] = None,
    package: Annotated[str | None, typer.Option("--package", "-p", help="Its package.")] = None,
    python: Annotated[str | None, typer.Option(help="Its version of Python, as 3.12.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="The agent queue.")] = None,
    deployment: Annotated[str, typer.Option(help="The deployment that CI deploys to.")] = "prod",
    organization: Annotated[
        str, typer.Option(envvar="DAGSTER_CLOUD_ORGANIZATION", help="That of Dagster+.")
    ] = "",
    directory: Annotated[
        str, typer.Option(help="Only this new directory of a monorepo, without CI.")
    ] = "",
    shared: Annotated[
        str | None, typer.Option(help="The package that the monorepo shares, as NAME=DIRECTORY.")
    ] = None,
    config: Config = None,
) -> None:
    """Write a new project: a whole repository, or a directory in a monorepo."""
    from bot.cli.scaffold import SaidProject, scaffold_project  # noqa: PLC0415
    from handlers.project_commands import NewProject  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    said = SaidProject(
        NewProject(
            name, deployment, package, agent, ci, image, registry, python, queue, push, create
        ),
        organization=organization,
        directory=directory,
        shared=shared,
        folder=folder,
    )
    _finish(scaffold_project(said, config))


@app.command()
def status(
    location: Annotated[str | None, typer.Argument(help="One code location only.")] = None,
    deployment: Annotated[str | None, typer.Option("--in", help="The deployment.")] = None,
    config: Config = None,
) -> None:
    """Show what is live, and what is broken."""
    from bot.cli.status import show_status  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    _finish(show_status(load_settings_or_exit(config), location, deployment))


@app.command()
def sandbox(
    home: Annotated[
        Path | None, typer.Option(help="Where it keeps its files; a new folder by default.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Play one deploy to the end, then stay up.")
    ] = False,
    slack_port: Annotated[int, typer.Option(help="The port of the Slack page.")] = 8765,
) -> None:
    """Start a local Slack workspace, a local Dagster+ with a real agent, and the bot."""
    from bot.cli.sandbox import run_sandbox  # noqa: PLC0415

    set_up_logs(as_json=False, quiet=True)
    _finish(run_sandbox(home, demo=demo, slack_port=slack_port))


def load_settings_or_exit(config: Path | None) -> Any:
    """Return the settings, or print what is wrong with them and exit with `USAGE`."""
    try:
        return load_settings(config)
    except ConfigInvalid as error:
        print_error(error)
        raise typer.Exit(ExitCode.USAGE) from None


def _finish(work: Coroutine[Any, Any, ExitCode]) -> None:
    gc.freeze()  # what was imported stays: a look at all of it stops everything for 0.2 s
    gc.enable()
    try:
        code = asyncio.run(work)
    except (UsageError, ConfigInvalid) as error:
        print_error(error)
        code = ExitCode.USAGE
    except DeployError as error:
        print_error(error)
        code = ExitCode.FAILED
    except KeyboardInterrupt:
        code = ExitCode.CANCELLED
    raise typer.Exit(int(code))


def main() -> None:
    """Run the command line."""
    gc.disable()  # until everything is imported: there is nothing to find, and much to look at
    app()
