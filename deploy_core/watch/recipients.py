"""Reads who is told: the configuration file, and what people have subscribed to in Slack."""

from collections.abc import Callable

from deploy_core.clock import Clock
from deploy_core.settings import CoreSettings
from deploy_core.store.subscriptions import Kept, Subscriptions
from deploy_core.watch.subscriptions import About, Event, Rules, Subscription


class Recipients:
    """The configuration file wins: of a channel that it names, nothing else counts."""

    def __init__(
        self,
        settings: CoreSettings,
        subscriptions: Subscriptions,
        clock: Clock,
        project_of: Callable[[str], str | None],
    ) -> None:
        self._settings = settings
        self._subscriptions = subscriptions
        self._clock = clock
        self._project_of = project_of

    def is_fixed(self, channel: str) -> bool:
        """Tell whether the configuration file says what the channel is told."""
        return any(each.channel == channel for each in self._settings.subscriptions)

    def about(self, event: Event, deployment: str, location: str) -> About:
        """Return what something is about."""
        return About(event, deployment, location, self._project_of(location))

    async def rules(self, deployment: str) -> Rules:
        """Return what decides who is told of a deployment. Raises `StoreError`."""
        return Rules(
            default=self._settings.deployments[deployment].told_in,
            subscriptions=await self.subscriptions(),
            mutes=await self._subscriptions.mutes(self._clock.now()),
            project_of=self._project_of,
        )

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all that count. Raises `StoreError`."""
        kept = await self._subscriptions.all()
        counts = [
            each.subscription for each in kept if not self.is_fixed(each.subscription.channel)
        ]
        return (*self._settings.subscriptions, *counts)

    async def of_channel(self, channel: str) -> tuple[tuple[Subscription, ...], tuple[Kept, ...]]:
        """Return what the configuration file says of a channel, and what people have subscribed
        it to. Raises `StoreError`."""
        fixed = tuple(each for each in self._settings.subscriptions if each.channel == channel)
        kept = await self._subscriptions.all()
        return fixed, tuple(each for each in kept if each.subscription.channel == channel)
