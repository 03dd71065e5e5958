"""How deploys have ended, for the channels that have subscribed to it.

The channel where a deploy was started has the deploy's own message, and isn't told again.
"""

from datetime import timedelta

from deploy_core.clock import Clock
from deploy_core.model.deploys import Deploy
from deploy_core.store.look import Facts
from deploy_core.store.store import Store
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.subscriptions import Event, Rules

LATELY = timedelta(minutes=10)
"""A deploy that has ended longer ago is no news: nobody has waited for so long to look."""


MOST_REMEMBERED = 10_000


class DeployNews:
    """Asks for one message for each deploy and channel, however many processes look."""

    def __init__(self, store: Store, recipients: Recipients, clock: Clock) -> None:
        self._store = store
        self._recipients = recipients
        self._clock = clock
        self._told: set[str] = set()

    async def look(self, deployment: str) -> bool:
        """Look once. Returns True where something was told. Raises `StoreError`."""
        rules = await self._recipients.rules(deployment)
        if not any(each.wants(Event.DEPLOYS) for each in rules.subscriptions):
            return False
        since = self._clock.now() - LATELY
        told = [
            await self._tell(deploy, rules)
            for deploy in await self._store.deploys.ended_since(deployment, since)
        ]
        return any(told)

    async def _tell(self, deploy: Deploy, rules: Rules) -> bool:
        abouts = [
            rules.about(Event.DEPLOYS, deploy.deployment, target.location)
            for target in deploy.targets
        ]
        new = False
        for channel, until in rules.told(abouts, self._clock.now()).items():
            key = f"deploy:{deploy.id}:{channel}"
            if key in self._told or (deploy.place is not None and deploy.place.channel == channel):
                continue
            if len(self._told) >= MOST_REMEMBERED:
                self._told.clear()  # the store knows it too
            self._told.add(key)
            data: Facts = {"deployment": deploy.deployment, "deploy": deploy.id}
            post = await self._store.posts.add(
                key=key, kind="deploy", channel=channel, data=data, held_until=until
            )
            new = new or post is not None
        return new
