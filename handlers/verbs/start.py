"""Starting a deploy: planned, written down with a place for its card, and left to the worker."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from deploy_core.endings import all_of
from deploy_core.model.deploys import Deploy, Place
from deploy_core.model.errors import DeployError
from deploy_core.model.plan import DeployPlan, DeployRequest
from deploy_core.policy import deployment_named, require_may_deploy
from handlers.cards.answers import error_message
from handlers.desk import Ask, Desk
from handlers.text.answers import card_elsewhere, card_in_direct_message, looking

SILENT_SECONDS = 3.0
"""For so long nothing is said while the plan is being made."""


async def start(desk: Desk, ask: Ask, wanted: DeployRequest) -> Deploy:
    """Start what was asked for; the person is told where its card is, if it isn't here.

    The same payload starts it once: after a crash it may be there already.

    Raises what `Engine.plan` raises, and `SlackError`.
    """
    made = await desk.store.deploys.made_from(ask.key)
    if made is not None:
        return made
    plan, here = await all_of(_plan(desk, ask, wanted), desk.slack.may_post(ask.channel))
    place = Place(channel=ask.channel) if here else await _elsewhere(desk, ask, plan.deployment)
    started = await desk.engine.start_plan(plan, wanted, place=place, origin=ask.key)
    await say_where(desk, ask, place)
    return started


async def start_each(
    desk: Desk, ask: Ask, wanted: DeployRequest, deployments: Sequence[str]
) -> None:
    """Start the same on each of these deployments, if the person may change them all. What one of
    them refuses is said, and goes on on the others.

    Raises `UnknownDeployment`, `NotAllowed`, and what `start` raises where all refuse.
    """
    for name in deployments:
        found, _ = deployment_named(desk.settings, name)
        require_may_deploy(desk.settings, found, ask.by)
    refused: list[DeployError] = []
    for name in deployments:
        # The first has the payload's own key, and the others have one that is made of it.
        key = ask.key if name == deployments[0] else f"{ask.key}:{name}"
        here = wanted.model_copy(update={"deployment": name})
        try:
            await start(desk, replace(ask, key=key), here)
        except DeployError as error:
            refused.append(error)
    if len(refused) == len(deployments):
        raise refused[0]
    for each in refused:
        await desk.private(ask, error_message(each))


async def say_where(desk: Desk, ask: Ask, place: Place) -> None:
    """Tell the person where the message is, if it isn't here."""
    if place.channel != ask.channel:
        direct = place.channel.startswith("D")
        said = card_in_direct_message() if direct else card_elsewhere(place.channel, None)
        await desk.say(ask, said)


async def _plan(desk: Desk, ask: Ask, wanted: DeployRequest) -> DeployPlan:
    """Make the plan. When git or Dagster+ are slow the person is told that it goes on."""
    plan = asyncio.ensure_future(desk.engine.plan(wanted))
    try:
        done, _ = await asyncio.wait({plan}, timeout=SILENT_SECONDS)
        if not done:
            await desk.say(ask, looking())
        return await plan
    finally:
        plan.cancel()


async def place_of(desk: Desk, ask: Ask, deployment: str) -> Place:
    """Return where a message about a deployment goes: where it was asked for, if it can."""
    if await desk.slack.may_post(ask.channel):
        return Place(channel=ask.channel)
    return await _elsewhere(desk, ask, deployment)


async def _elsewhere(desk: Desk, ask: Ask, deployment: str) -> Place:
    """Where to go from a channel that is closed to the bot: home, else to direct messages."""
    home = desk.settings.deployments[deployment].home_channel
    if home is not None and await desk.slack.may_post(home):
        return Place(channel=home)
    return Place(channel=await desk.slack.direct(ask.by.id))
