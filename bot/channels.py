"""Finds the channels that the bot is to post in and can't, and tells the people in charge."""

from collections import defaultdict

import structlog

from bot.wiring import Core
from deploy_core.model.errors import DeployError
from handlers.slack import Slack

_log = structlog.get_logger()


async def report_closed(core: Core, slack: Slack) -> None:
    """Ask Slack about every channel; of each that is closed the first person who may deploy to its
    deployment is told, once a day at most, however often the bot is started."""
    try:
        for channel, deployments in (await _channels(core)).items():
            if not await slack.may_post(channel):
                await _tell(core, channel, deployments)
    except DeployError as error:
        _log.warning("channels_not_looked_at", reason=error.reason)


async def _channels(core: Core) -> dict[str, list[str]]:
    """Return each channel with the deployments that it is told of."""
    settings = core.settings.core
    found: dict[str, list[str]] = defaultdict(list)
    for name, deployment in settings.deployments.items():
        for channel in deployment.channels:
            found[channel].append(name)
    for each in await core.recipients.subscriptions():
        found[each.channel] += [each.deployment] if each.deployment else settings.deployments
    return found


async def _tell(core: Core, channel: str, deployments: list[str]) -> None:
    known = core.settings.core.deployments
    _log.error("channel_closed", channel=channel, deployments=sorted(set(deployments)))
    names = [name for name in dict.fromkeys(deployments) if name in known and known[name].admins]
    if not names:
        return
    day = core.services.clock.now().date().isoformat()
    await core.store.watching.claim_slot(
        f"closed:{channel}",
        day,
        channel=known[names[0]].admins[0],
        data={"deployment": names[0], "deployments": list(names), "closed": channel},
        kind="closed",
    )
