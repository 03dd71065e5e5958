"""`dagster-chatops deploy`: the engine without Slack."""

import asyncio
import signal
import sys
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.prompt import Confirm
from rich.table import Table

from bot.cli.exit_codes import ExitCode
from bot.cli.output import console, person, print_error
from bot.settings import BotSettings
from bot.wiring import Core, open_core
from deploy_core.model.deploys import Deploy, Failure, Stop, Target
from deploy_core.model.errors import (
    AlreadyEnded,
    AlreadySent,
    AnotherWorker,
    DeployError,
    MixedProjects,
    UsageError,
)
from deploy_core.model.explain import explain
from deploy_core.model.people import Actor
from deploy_core.model.plan import (
    CodeOptions,
    DeployKind,
    DeployPlan,
    DeployRequest,
    FieldChange,
    TargetPlan,
)
from deploy_core.model.states import GOOD_ENDS, DeployState, TargetState
from handlers.cards.plan import field_value
from handlers.location_commands import ONLY_IN_A_PROJECT, AddLocation
from handlers.text.deploys import STATES
from handlers.text.names import after
from handlers.text.steps import STEPS, queue_words

LOOK_SECONDS = 0.2

NOT_CONFIRMED = "Nothing was changed. `--yes` confirms without a question."
NOT_CONFIRMED_UNKNOWN = (
    "Nothing was changed. Putting back has failed before: a person must look at what is live and "
    "confirm at a terminal or in Slack; `--yes` isn't enough."
)

_EXIT = {
    DeployState.SUCCEEDED: ExitCode.GOOD,
    DeployState.CANCELLED: ExitCode.CANCELLED,
    DeployState.EXPIRED: ExitCode.CANCELLED,
    DeployState.NEEDS_HUMAN: ExitCode.NEEDS_HUMAN,
}


@dataclass(frozen=True)
class DeployOptions:
    """The command's arguments as they were typed."""

    locations: tuple[str, ...]
    deployment: str | None
    image: str | None
    why: str | None
    every: bool
    rebuild: bool
    code: CodeOptions
    yes: bool
    plan_only: bool


async def deploy_locations(settings: BotSettings, options: DeployOptions) -> ExitCode:
    """Plan, confirm where that is needed, run, and show every step. Returns the exit code."""
    return await carry_out(
        settings, request_of(options), yes=options.yes, plan_only=options.plan_only
    )


async def add_location(
    settings: BotSettings,
    command: AddLocation,
    *,
    yes: bool,
    plan_only: bool,
) -> ExitCode:
    """Add a location that is in no project, or update it, in the same way. Raises `UsageError` for
    what only a project can have."""
    if command.new or "build" in command.document:
        raise UsageError(ONLY_IN_A_PROJECT)
    request = DeployRequest(
        kind=DeployKind.ADD,
        actor=person(),
        locations=(command.name,),
        deployment=command.deployment,
        document=command.document,
        why=command.why,
    )
    return await carry_out(settings, request, yes=yes, plan_only=plan_only)


async def carry_out(
    settings: BotSettings, request: DeployRequest, *, yes: bool, plan_only: bool
) -> ExitCode:
    """Carry out what was asked for. Returns the exit code."""
    async with open_core(settings, kind="cli") as core:
        return await carry_out_in(core, request, yes=yes, plan_only=plan_only)


async def carry_out_in(
    core: Core, request: DeployRequest, *, yes: bool, plan_only: bool
) -> ExitCode:
    """Carry out what was asked for, with a core that is open. Returns the exit code."""
    plan = await core.engine.plan(request)
    # What nobody knows is a person's to look at: `--yes` in a job is nobody.
    unknown = bool(plan.put_backs_failed)
    if plan_only or unknown or (plan.protected and not yes):
        console.print(plan_table(plan))
        if plan_only:
            return ExitCode.GOOD
        if not sys.stdin.isatty() or not Confirm.ask("Deploy this?", default=False):
            console.print(NOT_CONFIRMED_UNKNOWN if unknown else NOT_CONFIRMED)
            return ExitCode.CANCELLED
    # What was shown is what is held: it is compared again when it is confirmed.
    deploy = await core.engine.start_plan(plan, request)
    if deploy.plan.protected:
        await core.engine.confirm(deploy.id, request.actor)
    return await _run_and_show(core, deploy.id, request.actor)


def request_of(options: DeployOptions) -> DeployRequest:
    """Return the request that the arguments mean. Raises `MixedProjects` for two refs."""
    names, refs = [], set()
    for text in options.locations:
        name, _, ref = text.partition("@")
        names.append(name)
        if ref:
            refs.add(ref)
    if len(refs) > 1:
        raise MixedProjects(f"One @REF counts for all locations, not {' and '.join(sorted(refs))}.")
    return DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=person(),
        locations=tuple(name for name in names if name),
        all_locations=options.every,
        ref=refs.pop() if refs else None,
        deployment=options.deployment,
        image=options.image,
        rebuild=options.rebuild,
        code=options.code,
        why=options.why,
    )


async def _run_and_show(core: Core, deploy_id: int, actor: Actor) -> ExitCode:
    work = await _start_worker(core)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        deploy = await _watch(core, deploy_id, actor, asked)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await core.worker.drain(0)
            await core.worker.leave()
    console.print(result_of(deploy))
    return _EXIT.get(deploy.state, ExitCode.FAILED)


async def _start_worker(core: Core) -> asyncio.Task[None] | None:
    """Run deploys here, unless the bot already runs them from the same store."""
    try:
        await core.worker.enlist()
    except AnotherWorker:
        console.print("[dim]The running bot carries this deploy out; this shows how it goes.[/]")
        return None
    return asyncio.create_task(core.worker.run())


async def _watch(core: Core, deploy_id: int, actor: Actor, asked: asyncio.Event) -> Deploy:
    deploy = await core.store.deploys.get(deploy_id)
    if not console.is_terminal:
        return await _watch_plainly(core, deploy, actor, asked)
    with Live(progress_of(deploy), console=console, refresh_per_second=8, transient=True) as live:
        while not deploy.ended:
            await _pause(core, deploy, actor, asked)
            deploy = await core.store.deploys.get(deploy_id)
            live.update(progress_of(deploy))
    return deploy


async def _watch_plainly(core: Core, deploy: Deploy, actor: Actor, asked: asyncio.Event) -> Deploy:
    """Without a terminal: a line for each change."""
    said: dict[str, str] = {}
    while True:
        for target in deploy.targets:
            line = words_of(target)
            if said.get(target.location) != line:
                said[target.location] = line
                console.print(f"{escape(target.location)}: {escape(line)}")
        if deploy.ended:
            return deploy
        await _pause(core, deploy, actor, asked)
        deploy = await core.store.deploys.get(deploy.id)


async def _pause(core: Core, deploy: Deploy, actor: Actor, asked: asyncio.Event) -> None:
    if not asked.is_set():
        await core.services.clock.sleep(LOOK_SECONDS)
        return
    asked.clear()
    try:
        await core.engine.stop(deploy.id, Stop.CANCEL, actor)
        console.print("Cancelling…")
    except AlreadySent:
        console.print("The change was already sent: going back to what was live before.")
        try:
            await core.engine.stop(deploy.id, Stop.GO_BACK, actor)
        except DeployError as error:
            print_error(error)
    except AlreadyEnded:
        return


def words_of(target: Target) -> str:
    """Return where a target stands, in words."""
    if target.state is TargetState.QUEUED and target.ahead:
        return queue_words(target.ahead)
    if target.state in {TargetState.RUNNING, TargetState.PUTTING_BACK} and target.steps:
        word = STEPS[target.steps[-1].name]
        return f"{word} ({target.note})" if target.note else word
    end = after(target.started_at, target.ended_at) if target.ended_at else ""
    return f"{STATES[target.state]}{end}"


def progress_of(deploy: Deploy) -> RenderableType:
    """Return the table that is redrawn while the deploy runs."""
    table = Table(title=f"Deploy {deploy.id} to {deploy.deployment}", title_justify="left")
    for column in ("Location", "Version", "Now"):
        table.add_column(column)
    for target in deploy.targets:
        table.add_row(
            escape(target.location), escape(_versions(target.plan)), escape(words_of(target))
        )
    return table


def plan_table(plan: DeployPlan) -> RenderableType:
    """Return what the plan would change, for a person to confirm."""
    parts: list[RenderableType] = []
    for target in plan.targets:
        table = Table(title=f"{target.location} → {plan.deployment}: {_versions(target)}")
        for column in ("Field", "Now", "Then"):
            table.add_column(column)
        for change in target.changes:
            table.add_row(escape(change.path), *map(escape, _values(change)))
        parts.append(table)
        parts += [f"  {commit.short} {escape(commit.subject)}" for commit in target.commits]
        parts += [f"  [yellow]{escape(risk)}[/]" for risk in target.risks]
    return Group(*parts)


def _values(change: FieldChange) -> tuple[str, str]:
    """The field before and after; of what may be secret only the names are shown."""
    before, after = (
        "" if value is None else field_value(change.path, value)
        for value in (change.before, change.after)
    )
    return before, after


def result_of(deploy: Deploy) -> RenderableType:
    """Return how the deploy ended, the failures with what to do."""
    parts: list[RenderableType] = []
    for target in deploy.targets:
        good = target.state in GOOD_ENDS
        colour = "green" if good else "red"
        version = escape(target.plan.version.label)
        parts.append(
            f"[{colour}]{escape(target.location)}[/] {version}: {escape(words_of(target))}"
        )
        if target.failure is not None:
            parts += _failure_lines(target.failure)
        if target.put_back_failure is not None:
            parts.append("  Nothing was put back:")
            parts += _failure_lines(target.put_back_failure)
    return Group(*parts)


def _failure_lines(failure: Failure) -> list[RenderableType]:
    if failure.python_error is not None:
        explanation = explain(failure.python_error, reason=failure.reason)
        lines = [explanation.headline]
        if explanation.frame is not None:
            lines.append(f"at {explanation.frame.file}:{explanation.frame.line}")
        lines += [explanation.cause, explanation.next_step]
    else:
        lines = [failure.summary, failure.detail, failure.next_step]
    return [f"  {escape(line)}" for line in lines if line]


def _versions(plan: TargetPlan) -> str:
    before = plan.live.version.label if plan.live else "nothing"
    return f"{before} → {plan.version.label}"
