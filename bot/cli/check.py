"""`dagster-chatops check`: everything that can be wrong before the first deploy."""

from collections.abc import AsyncIterator
from typing import Final

from rich.markup import escape

from bot.cli.check_images import images
from bot.cli.exit_codes import ExitCode
from bot.cli.finding import Finding, tried
from bot.cli.output import console
from bot.settings import BotSettings
from bot.slack_app import make_web_client
from bot.wiring import Core, open_core
from deploy_core.agents import agent_problem
from deploy_core.endings import all_of
from handlers.blocks import Message
from handlers.slack import Slack

NOBODY_IS_TOLD: Final = (
    "nobody is told, until the file names a `watch_channel` or a channel is subscribed"
    " (`/dagster subscribe`)"
)


async def check_all(settings: BotSettings, *, live: bool) -> ExitCode:
    """Print a line for each thing that was looked at. Returns `FAILED` if one is wrong."""
    console.print(f"Configuration {escape(str(settings.path))}: read")
    wrong = 0
    async with open_core(settings, kind="cli") as core:
        async for finding in _findings(core, live=live):
            wrong += finding.bad is not None
            said = f"[red]{escape(finding.bad)}[/]" if finding.bad else escape(finding.good)
            console.print(f"{escape(finding.what)}: {said}")
    what = "1 thing is" if wrong == 1 else f"{wrong} things are"
    console.print(f"{what} wrong." if wrong else "All is well.")
    return ExitCode.FAILED if wrong else ExitCode.GOOD


async def _findings(core: Core, *, live: bool) -> AsyncIterator[Finding]:
    for name, deployment in core.settings.core.deployments.items():
        if not deployment.may_deploy:
            yield Finding(
                f"Deployment {name}",
                bad="Nobody may deploy here: add people to its `may_deploy` list.",
            )
        else:
            people = len(deployment.may_deploy)
            said = "1 person may deploy" if people == 1 else f"{people} people may deploy"
            yield Finding(f"Deployment {name}", said)
    groups = (_dagster(core), _projects(core), _templates(core), images(core))
    for group in (*groups, _slack(core, live=live)):
        async for finding in group:
            yield finding


async def _dagster(core: Core) -> AsyncIterator[Finding]:
    dagster = core.services.dagster
    found = await tried("Dagster+", dagster.deployments())
    if isinstance(found, Finding):
        yield found
        return
    names = {deployment.name for deployment in found}
    yield Finding("Dagster+", f"reached; deployments {', '.join(sorted(names))}")
    for name in core.settings.core.deployments:
        if name not in names:
            there = ", ".join(sorted(names))
            yield Finding(f"Deployment {name}", bad=f"Dagster+ doesn't have it. There are: {there}")
            continue
        agents = await tried(f"Agents of {name}", dagster.agents(name))
        if isinstance(agents, Finding):
            yield agents
            continue
        problem = agent_problem(agents, None)
        running = sum(agent.running for agent in agents)
        yield Finding(
            f"Agents of {name}",
            f"{running} running",
            bad=f"{problem.summary} {problem.next_step}" if problem else None,
        )


async def _projects(core: Core) -> AsyncIterator[Finding]:
    async def look(project: str) -> Finding:
        read = await tried(f"Project {project}", core.catalog.read(project))
        if isinstance(read, Finding):
            return read
        names = ", ".join(location.name for location in read.locations)
        return Finding(f"Project {project}", f"{read.ref} is {read.commit.short}; {names}")

    for finding in await all_of(*(look(name) for name in core.settings.core.projects)):
        yield finding


async def _templates(core: Core) -> AsyncIterator[Finding]:
    """Those of new projects, where a team has its own."""
    where = core.settings.core.scaffold.templates
    if where is None:
        return
    what = "Templates of new projects"
    found = await tried(what, core.maker.try_templates())
    yield found if isinstance(found, Finding) else Finding(what, f"all {found} can be filled in")


async def _slack(core: Core, *, live: bool) -> AsyncIterator[Finding]:
    settings = core.settings
    if settings.slack_bot_token is None:
        yield Finding("Slack", bad="SLACK_BOT_TOKEN isn't set; only the command line works.")
        return
    slack = Slack(make_web_client(settings), core.services.clock)
    try:
        async for finding in _in_slack(core, slack, live=live):
            yield finding
    finally:
        await slack.close()


async def _in_slack(core: Core, slack: Slack, *, live: bool) -> AsyncIterator[Finding]:
    settings = core.settings
    who = await tried("Slack", slack.identity())
    if isinstance(who, Finding):
        yield who
        return
    yield Finding("Slack", f"the bot is {who.user} in the workspace {who.team}")
    if settings.slack_app_token is None:
        yield Finding("Socket Mode", bad="SLACK_APP_TOKEN isn't set; `run` needs it.")
    for name, deployment in settings.core.deployments.items():
        for channel in deployment.channels:
            yield await _channel(slack, name, channel, live=live)
    for channel in dict.fromkeys(each.channel for each in settings.core.subscriptions):
        yield await _channel(slack, "the subscriptions", channel, live=live)
    subscribed = await tried("Subscriptions", core.recipients.subscriptions())
    if isinstance(subscribed, Finding):
        yield subscribed
        return
    told = {each.deployment for each in subscribed}
    for name, deployment in settings.core.deployments.items():
        if settings.core.watch.enabled and deployment.told_in is None and not told & {None, name}:
            yield Finding(f"What breaks on {name}", NOBODY_IS_TOLD)


async def _channel(slack: Slack, deployment: str, channel: str, *, live: bool) -> Finding:
    what = f"Channel {channel} of {deployment}"
    may = await tried(what, slack.may_post(channel))
    if isinstance(may, Finding):
        return may
    if not may:
        return Finding(what, bad="The bot can't post there: invite it to the channel.")
    if live:
        posted = await tried(what, _post_and_delete(slack, channel))
        if isinstance(posted, Finding):
            return posted
        return Finding(what, "a message was posted and deleted")
    return Finding(what, "the bot is in it")


async def _post_and_delete(slack: Slack, channel: str) -> bool:
    ts = await slack.post(channel, Message("A self-test of the deploy bot; it is deleted at once."))
    await slack.delete(channel, ts)
    return True
