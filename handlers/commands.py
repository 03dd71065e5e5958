"""What a person can ask for, after the text was read. `render` writes a command back as text."""

import re
from dataclasses import dataclass, field
from typing import assert_never

from deploy_core.model.people import Actor
from deploy_core.model.plan import CodeOptions, DeployKind, DeployRequest
from handlers.location_commands import (
    IN,
    NEW,
    AddLocation,
    Adopt,
    EditLocation,
    OpenAddForm,
    RemoveLocation,
    RestoreLocation,
    options_of,
    said_document,
)
from handlers.project_commands import PROJECT_OPTIONS, NewProject, OpenProjectForm
from handlers.subscription_commands import (
    MuteChannel,
    OpenSubscribeForm,
    Subscribe,
    SubscriptionCommand,
    Subscriptions,
    Unsubscribe,
    subscription_words,
)


@dataclass(frozen=True)
class Help:
    """Show all commands, or one of them."""

    topic: str | None = None


@dataclass(frozen=True)
class OpenDeployForm:
    """`deploy` without a location: open the form, filled in with what was typed."""

    ref: str | None = None
    deployment: str | None = None
    image: str | None = None
    why: str | None = None
    code: CodeOptions = field(default_factory=CodeOptions)


@dataclass(frozen=True)
class Deploy:
    """Deploy these locations (names or `project:location`), or all of them."""

    locations: tuple[str, ...] = ()
    all: bool = False
    ref: str | None = None
    deployment: str | None = None
    image: str | None = None
    why: str | None = None
    rebuild: bool = False  # build anew, even where there is one of the same content
    code: CodeOptions = field(default_factory=CodeOptions)


@dataclass(frozen=True)
class Redeploy:
    """Send the live document again, as after a changed secret."""

    locations: tuple[str, ...] = ()
    all: bool = False
    deployment: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Rollback:
    """Put back what was live before, of one deploy or of these locations. With neither, the
    deploy in whose thread it was written."""

    locations: tuple[str, ...] = ()
    deploy: int | None = None
    deployment: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Cancel:
    """Stop a deploy, by its number or its location. With neither, the deploy in whose thread it
    was written."""

    deploy: int | None = None
    location: str | None = None
    deployment: str | None = None


@dataclass(frozen=True)
class Logs:
    """Show the journal and the errors of a deploy; which one is said as for `Cancel`."""

    deploy: int | None = None
    location: str | None = None
    deployment: str | None = None


@dataclass(frozen=True)
class Deploys:
    """List running and recent deploys."""

    location: str | None = None
    deployment: str | None = None


@dataclass(frozen=True)
class Status:
    """Say what is live: of one location, of a project, of what a pattern fits, or of all.

    `state` is one of `STATES`. `here` shows it to everybody in the channel.
    """

    name: str | None = None
    deployment: str | None = None
    state: str | None = None
    page: int = 1
    here: bool = False


STATES = ("failed", "server-down", "agent-down", "loading", "loaded", "behind", "outside")
"""What `status --state` takes: how a location stands, or that the default branch has more
commits, or that what is live is not what the bot put there."""


@dataclass(frozen=True)
class Agents:
    """Say how the agents of a deployment are, and which locations hang on them."""

    deployment: str | None = None
    here: bool = False


Command = (
    Subscribe
    | OpenSubscribeForm
    | Unsubscribe
    | Subscriptions
    | MuteChannel
    | Help
    | OpenDeployForm
    | Deploy
    | AddLocation
    | OpenAddForm
    | EditLocation
    | RemoveLocation
    | RestoreLocation
    | Adopt
    | NewProject
    | OpenProjectForm
    | Redeploy
    | Rollback
    | Cancel
    | Logs
    | Deploys
    | Status
    | Agents
)

_WITH_A_REASON = (
    OpenDeployForm,
    Deploy,
    AddLocation,
    OpenAddForm,
    RestoreLocation,
    Adopt,
    Redeploy,
    Rollback,
)

RESERVED = frozenset({"to", "in", "on"})
"""Words that stand before a deployment; a location of that name is written in quotes."""

TO = "to"
"""Stands before the project that a location is adopted to."""

FROM = "from"
"""Stands before the deployment that a location is removed from."""


def render(command: Command) -> str:
    """Return the text that reads as this command (without `/dagster`), not escaped for Slack."""
    parts: list[str]
    match command:
        case Help():
            parts = ["help", _name(command.topic)]
        case OpenDeployForm():
            parts = ["deploy", _at(command.ref), _to(command.deployment)]
            parts += code_options(command.code)
        case Deploy() | Redeploy():
            verb = "deploy" if isinstance(command, Deploy) else "redeploy"
            parts = [verb, *map(_name, command.locations), "--all" if command.all else ""]
            parts += [_at(command.ref) if isinstance(command, Deploy) else ""]
            parts += [_to(command.deployment)]
            parts += _about_the_build(command) if isinstance(command, Deploy) else []
        case (
            AddLocation()
            | OpenAddForm()
            | EditLocation()
            | RemoveLocation()
            | RestoreLocation()
            | Adopt()
            | NewProject()
            | OpenProjectForm()
        ):
            parts = _about_a_location(command)
        case Rollback():
            parts = ["rollback", *map(_name, command.locations), _number(command.deploy)]
            parts += [_in(command.deployment)]
        case Cancel() | Logs():
            verb = "cancel" if isinstance(command, Cancel) else "logs"
            parts = [verb, _number(command.deploy), _name(command.location)]
            parts += [_in(command.deployment)]
        case (
            Deploys()
            | Status()
            | Agents()
            | Subscribe()
            | OpenSubscribeForm()
            | Unsubscribe()
            | Subscriptions()
            | MuteChannel()
        ):
            parts = _look(command)
        case _:
            assert_never(command)
    if isinstance(command, OpenDeployForm | Deploy):
        parts += [_option("image", command.image)]
    if isinstance(command, _WITH_A_REASON):
        parts += [_option("why", command.why)]
    return " ".join(part for part in parts if part)


def typed(command: Command) -> str:
    """Return the text of a command as Slack sends it: `parse` reads it back as the command."""
    return escaped(render(command))


def escaped(text: str) -> str:
    """Return a text as Slack sends what was typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _about_the_build(command: Deploy) -> list[str]:
    return ["--rebuild" if command.rebuild else "", *code_options(command.code)]


def _about_a_location(
    command: (
        AddLocation
        | OpenAddForm
        | EditLocation
        | RemoveLocation
        | RestoreLocation
        | Adopt
        | NewProject
        | OpenProjectForm
    ),
) -> list[str]:
    if isinstance(command, NewProject | OpenProjectForm):
        return _about_a_project(command)
    name, to = _name(command.name or None), _to(command.deployment)
    if isinstance(command, RemoveLocation):
        return ["remove-location", name, to.replace("to ", f"{FROM} ", 1)]
    if isinstance(command, RestoreLocation):
        return ["restore-location", name, to]
    if isinstance(command, Adopt):
        into = [TO, _name(command.project), _in(command.deployment)]
        return ["adopt", name, *into, "--update" if command.update else ""]
    if isinstance(command, EditLocation):
        return ["edit-location", name, _in(command.deployment)]
    said = options_of(command.document)
    options = [_option(option, said[option]) for option in said]
    new = f"--{NEW}" if command.new else ""
    return ["add-location", name, *options, to, _option(IN, command.project), new]


def _about_a_project(command: NewProject | OpenProjectForm) -> list[str]:
    to = _to(command.deployment)
    if isinstance(command, OpenProjectForm):
        return ["new-project", to]
    said = (_option(option, getattr(command, option)) for option in PROJECT_OPTIONS)
    return ["new-project", _name(command.name), *said, to]


def code_options(code: CodeOptions) -> list[str]:
    """Return what is said of the code as options."""
    said = code.model_dump(exclude_none=True)
    return [_option(name.replace("_", "-"), value) for name, value in said.items()]


def _look(command: Deploys | Status | Agents | SubscriptionCommand) -> list[str]:
    if isinstance(command, SubscriptionCommand):
        return subscription_words(command)
    if isinstance(command, Deploys):
        return ["deploys", _name(command.location), _in(command.deployment)]
    here = "--here" if command.here else ""
    if isinstance(command, Agents):
        return ["agents", _in(command.deployment), here]
    return [
        "status",
        _name(command.name),
        _in(command.deployment),
        f"--state {command.state}" if command.state else "",
        f"--page {command.page}" if command.page > 1 else "",
        here,
    ]


def request(command: Deploy | AddLocation | Redeploy, actor: Actor) -> DeployRequest:
    """Return what the core is asked to plan."""
    if isinstance(command, AddLocation):
        return DeployRequest(
            kind=DeployKind.ADD,
            actor=actor,
            locations=(command.name,),
            deployment=command.deployment,
            document=command.document,
            why=command.why,
        )
    if isinstance(command, Redeploy):
        return DeployRequest(
            kind=DeployKind.REDEPLOY,
            actor=actor,
            locations=command.locations,
            all_locations=command.all,
            deployment=command.deployment,
            why=command.why,
        )
    return DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=actor,
        locations=command.locations,
        all_locations=command.all,
        ref=command.ref,
        deployment=command.deployment,
        image=command.image,
        rebuild=command.rebuild,
        code=command.code,
        why=command.why,
    )


def command_of(wanted: DeployRequest) -> Deploy | AddLocation | Redeploy | Rollback | None:
    """Return the command that asks for the same as a request; None where no text can, because
    there is more in a document than the options of `add-location` say."""
    match wanted.kind:
        case DeployKind.DEPLOY:
            return Deploy(
                wanted.locations,
                wanted.all_locations,
                wanted.ref,
                wanted.deployment,
                wanted.image,
                wanted.why,
                wanted.rebuild,
                wanted.code,
            )
        case DeployKind.ADD:
            document = wanted.document or {}
            added = AddLocation(document, wanted.deployment, wanted.why)
            again = said_document(added.name, options_of(document))
            return added if again == document and not wanted.whole else None
        case DeployKind.REDEPLOY:
            return Redeploy(wanted.locations, wanted.all_locations, wanted.deployment, wanted.why)
        case DeployKind.ROLLBACK:
            return Rollback(wanted.locations, wanted.of_deploy, wanted.deployment, wanted.why)
        case _:
            assert_never(wanted.kind)


def _name(name: str | None) -> str:
    if name is None:
        return ""
    reserved = name.lower() in {*RESERVED, FROM}
    bare = re.fullmatch(r"[A-Za-z_][\w.:/-]*", name, re.ASCII) and not reserved
    return name if bare else _quoted(name)


def _at(ref: str | None) -> str:
    if ref is None:
        return ""
    return f"@{ref}" if re.fullmatch(r"[\w./-]+", ref, re.ASCII) else f"--ref {_quoted(ref)}"


def _to(deployment: str | None) -> str:
    return f"to {_name(deployment)}" if deployment is not None else ""


def _in(deployment: str | None) -> str:
    return f"in {_name(deployment)}" if deployment is not None else ""


def _option(option: str, value: str | None) -> str:
    return f"--{option} {_quoted(value)}" if value is not None else ""


def _number(deploy: int | None) -> str:
    return str(deploy) if deploy is not None else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
