"""`subscribe`, `unsubscribe`, `subscriptions` and `mute`: who is told.

Everybody may say in a channel what it is told, because they could as well post it there. For
another channel, and for one that a deployment's configuration names, it must be somebody who may
deploy to the deployments that it is about. Whoever has made a subscription may end it.
"""

from collections.abc import Iterable
from datetime import timedelta

from deploy_core.model.errors import DagsterPlusError, UnknownLocation, UsageError
from deploy_core.policy import deployment_named, require_may_deploy
from deploy_core.store.subscriptions import Kept
from deploy_core.watch.subscriptions import TAG, Event, Mute, Scope, Subscription, in_scope
from handlers.blocks import Message
from handlers.cards.subscriptions import subscriptions_message
from handlers.desk import Ask, Desk
from handlers.slack_errors import ChannelClosed
from handlers.subscription_commands import MuteChannel, Subscribe, Subscriptions, Unsubscribe
from handlers.text import subscriptions as text


async def subscribe(desk: Desk, ask: Ask, command: Subscribe) -> None:
    """Have a channel told. Raises `UsageError`, `UnknownLocation`, `UnknownDeployment`,
    `NotAllowed`, `SlackError`."""
    channel = command.channel or ask.channel
    scope = require_may_subscribe(desk, ask, command)
    await _require_known(desk, scope)
    if not await desk.slack.may_post(channel):
        raise ChannelClosed("I can't post in that channel.")
    quiet, digest = _zoned(desk, command, scope.deployment)
    wanted = Subscription(**scope.model_dump(), channel=channel, quiet=quiet, digest=digest)
    kept, new = await desk.store.subscriptions.add(wanted, ask.by, origin=ask.key)
    if not new:
        await desk.say(ask, text.is_subscribed(kept.id, wanted))
        return
    said = text.subscribed(kept.id, wanted, ask.by)
    if wanted.only:
        said += f" {text.fits_now(len(_fitting(desk, wanted)))}"
    await desk.slack.post(channel, Message(said))
    if channel != ask.channel:
        await desk.say(ask, text.subscribed_there(kept.id, wanted))


def require_may_subscribe(desk: Desk, ask: Ask, command: Subscribe) -> Scope:
    """Return what a channel would be told of, if this person may say so. Raises `UsageError`,
    `UnknownDeployment`, `NotAllowed`."""
    channel = command.channel or ask.channel
    scope = _scope(desk, command)
    _require_may_say(desk, ask, channel, scope.deployment)
    _require_free(desk, channel)
    return scope


async def unsubscribe(desk: Desk, ask: Ask, command: Unsubscribe) -> None:
    """End subscriptions. Raises `UsageError`, `NotAllowed`, `SlackError`."""
    if command.number is not None:
        kept = await desk.store.subscriptions.get(command.number)
        if kept is None:
            raise _no_such(f"There is no subscription {command.number}.")
        ending = [kept]
    else:
        channel = command.channel or ask.channel
        _, ours = await desk.recipients.of_channel(channel)
        ending = list(ours)
        if not ending:
            raise _no_such("This channel has no subscription.")
        if len(ending) > 1 and not command.all:
            numbers = tuple(str(each.id) for each in ending)
            raise UsageError(
                f"This channel has {len(ending)} subscriptions.",
                next_step="Say which one by its number, or --all.",
                choices=numbers,
            )
    await _end(desk, ask, ending)


async def _end(desk: Desk, ask: Ask, ending: list[Kept]) -> None:
    channel = ending[0].subscription.channel
    for each in ending:
        if each.by.key != ask.by.key:
            _require_may_say(desk, ask, channel, each.subscription.deployment)
    for each in ending:
        await desk.store.subscriptions.remove(each.id)
    numbers = [each.id for each in ending]
    if channel != ask.channel and await desk.slack.may_post(channel):
        await desk.slack.post(channel, Message(text.unsubscribed_by(numbers, ask.by)))
    await desk.say(ask, text.unsubscribed(numbers, channel))


async def subscriptions(desk: Desk, ask: Ask, command: Subscriptions) -> None:
    """Say what a channel is told of. Raises `StoreError`."""
    mutes = await desk.store.subscriptions.mutes(desk.clock.now())
    if command.all:
        fixed, kept = desk.settings.subscriptions, await desk.store.subscriptions.all()
        await desk.private(ask, subscriptions_message(None, fixed, kept, mutes))
        return
    channel = command.channel or ask.channel
    of_file, ours = await desk.recipients.of_channel(channel)
    own_of = [name for name, each in desk.settings.deployments.items() if each.told_in == channel]
    mine = [each for each in mutes if each.channel == channel]
    message = subscriptions_message(channel, of_file, ours, mine, own_of=own_of)
    await desk.private(ask, message)


async def mute(desk: Desk, ask: Ask, command: MuteChannel) -> None:
    """Mute a channel for a while, or end that. Raises `UsageError`, `UnknownLocation`,
    `UnknownDeployment`, `NotAllowed`, `SlackError`."""
    channel = command.channel or ask.channel
    scope = _scope(desk, command)
    _require_may_say(desk, ask, channel, scope.deployment)
    if not await desk.slack.may_post(channel):
        raise ChannelClosed("I can't post in that channel.")
    if not command.minutes:
        if not await desk.store.subscriptions.unmute(channel):
            await desk.say(ask, text.not_muted(channel))
            return
        said = text.unmuted(ask.by)
    else:
        await _require_known(desk, scope)
        until = desk.clock.now() + timedelta(minutes=command.minutes)
        muted = Mute(**scope.model_dump(), channel=channel, until=until)
        await desk.store.subscriptions.mute(muted, ask.by)
        said = text.muted(muted, ask.by)
    # Everybody in the channel must know why it is so still.
    await desk.slack.post(channel, Message(said))


def _scope(desk: Desk, command: Subscribe | MuteChannel) -> Scope:
    deployment = command.deployment
    if deployment is not None:
        deployment, _ = deployment_named(desk.settings, deployment)
    events = tuple(Event(each) for each in command.events)
    return Scope(events=events, only=command.only, deployment=deployment)


def _require_may_say(desk: Desk, ask: Ask, channel: str, deployment: str | None) -> None:
    every = desk.settings.deployments
    own = any(channel in {each.told_in, each.home_channel} for each in every.values())
    if channel == ask.channel and not own:
        return
    for name in every if deployment is None else (deployment,):
        require_may_deploy(desk.settings, name, ask.by)


def _require_free(desk: Desk, channel: str) -> None:
    if desk.recipients.is_fixed(channel):
        raise UsageError(
            "The configuration file says what this channel is told, and it wins.",
            next_step="Change `subscriptions` in the configuration file.",
        )


async def _require_known(desk: Desk, scope: Scope) -> None:
    """Raise `UnknownLocation` for a plain name that nothing has: it would never be told."""
    named = [each for each in scope.only if not each.startswith(TAG) and not set(each) & set("*?[")]
    known = _names(desk, scope.deployment)
    if any(each not in known for each in named):
        try:
            for deployment in _deployments(desk, scope.deployment):
                await desk.board.deployment(deployment, now=True)
        except DagsterPlusError:
            return  # nobody can say that it isn't there
        known = _names(desk, scope.deployment)
    for each in named:
        if each not in known:
            raise UnknownLocation(
                f"No code location, project or deployment is called {each}.",
                choices=tuple(sorted(known)),
            )


def _names(desk: Desk, deployment: str | None) -> set[str]:
    names = set(desk.settings.deployments) | set(desk.settings.projects)
    for each in _deployments(desk, deployment):
        names |= desk.board.known_names(each)
    for project, locations in desk.catalog.known.items():
        names |= {*locations, *(f"{project}:{location}" for location in locations)}
    return names


def _fitting(desk: Desk, scope: Scope) -> set[tuple[str, str]]:
    """Return the code locations that a scope holds now, with their deployments."""
    about = desk.recipients.about
    return {
        (deployment, location)
        for deployment in _deployments(desk, scope.deployment)
        for location in desk.board.known_names(deployment)
        if in_scope(scope, about(Event.FAILURES, deployment, location))
    }


def _deployments(desk: Desk, deployment: str | None) -> Iterable[str]:
    return desk.settings.deployments if deployment is None else (deployment,)


def zone_at_first(desk: Desk, deployment: str | None) -> str:
    """Return the time zone of what is said without one: that of the deployment's digest."""
    _, settings = deployment_named(desk.settings, deployment)
    return settings.digest.timezone if settings.digest is not None else "UTC"


def _zoned(desk: Desk, command: Subscribe, deployment: str | None) -> tuple[str | None, ...]:
    """Return the quiet hours and the times of the digest with their zones. One that has none gets
    that of the other, or else that of the deployment's digest."""
    often = 3 if (command.digest or "").startswith("weekly") else 2
    times = ((command.quiet, 1), (command.digest, often))
    zones = [said.split()[-1] for said, words in times if said and len(said.split()) > words]
    zone = zones[0] if zones else zone_at_first(desk, deployment)
    return tuple(
        f"{said} {zone}" if said and len(said.split()) == words else said for said, words in times
    )


def _no_such(summary: str) -> UsageError:
    return UsageError(summary, next_step="See what there is with `/dagster subscriptions --all`.")
