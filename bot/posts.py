"""Sends what belongs to no deploy: a message that is posted once and edited, and its thread."""

from collections.abc import Callable

import structlog

from bot.poster import Poster
from deploy_core.clock import Clock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.store.outbox import Intent
from deploy_core.store.posts import Post, belongs_to
from deploy_core.store.proposals import KIND as PROPOSAL
from deploy_core.store.reexecutions import REPLY
from deploy_core.store.store import Store
from deploy_core.watch.code_servers import SERVERS
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.incidents import Incident, Said
from deploy_core.watch.kept_errors import error_of
from deploy_core.watch.observer import AGENTS, LOCATIONS
from deploy_core.watch.owners import mentioned
from deploy_core.watch.schedules import SCHEDULES
from handlers.blocks import Message, context, without_charts
from handlers.cards.alerts import alert_message
from handlers.cards.digest import digest_message
from handlers.cards.failed_runs import (
    failed_runs_message,
    groups_of,
    order_post,
    trace_post,
)
from handlers.cards.incidents import changes_message, incidents_message, note_message
from handlers.cards.links import CardLinks
from handlers.cards.owners import with_owners
from handlers.cards.proposals import proposal_message
from handlers.cards.schedules import schedules_message
from handlers.cards.subscriptions import (
    MOST_SHOWN,
    closed_message,
    ended_message,
    meanwhile_message,
)
from handlers.cards.thread import ThreadPost
from handlers.slack import Mark, Slack
from handlers.slack_errors import ChannelClosed, MessageGone, SlackRefused
from handlers.text.failed_runs import all_fixed
from handlers.text.incidents import all_ended, belongs_elsewhere, said_words
from handlers.text.schedules import KINDS as SILENT
from handlers.text.schedules import all_answer_again, all_tick_again

_ALL_ENDED = {RUNS: all_fixed, SCHEDULES: all_tick_again, SERVERS: all_answer_again}

_FROM_DATA = {
    "digest": digest_message,
    "note": note_message,
    "closed": closed_message,
    "alert": alert_message,
}
"""What is drawn of a post's own data alone, by its kind."""

_log = structlog.get_logger()


class PostSender:
    """Draws a post as things stand when it is sent."""

    def __init__(
        self,
        store: Store,
        slack: Slack,
        poster: Poster,
        dagster: DagsterPlus,
        settings: CoreSettings,
        clock: Clock,
        crash: Crash,
        project_of: Callable[[str], str | None],
    ) -> None:
        self._project_of = project_of
        self._store = store
        self._slack = slack
        self._poster = poster
        self._dagster = dagster
        self._settings = settings
        self._clock = clock
        self._crash = crash

    async def tell(self, post_id: int, intent: Intent) -> None:
        """Post or edit the message, or answer in its thread. Raises `SlackError`, `StoreError`."""
        post = await self._store.posts.get(post_id)
        if intent.topic != "card":
            await self._reply(post, intent)
            return
        drawn = await self._drawn(post)
        try:
            await self._put(post, drawn, intent)
        except SlackRefused as error:
            plain = without_charts(drawn)
            if plain == drawn:
                raise
            _log.warning("chart_refused", post=post.id, said=error.summary, why=error.detail)
            await self._put(post, plain, intent)

    async def _put(self, post: Post, drawn: Message, intent: Intent) -> None:
        """Post the message, or edit it where it is."""
        if post.ts is not None:
            try:
                await self._slack.edit(post.channel, post.ts, drawn)
                self._crash.reach("post", "edited")
                return
            except (MessageGone, ChannelClosed) as error:
                _log.warning("post_gone", post=post.id, said=error.summary)
        await self._post(post, drawn, intent)

    async def _post(self, post: Post, drawn: Message, intent: Intent) -> None:
        """Post where it belongs, or where it is seen at all: then it says where it belongs."""
        closed: ChannelClosed | None = None
        deployment = str(post.data["deployment"])
        settings = self._settings.deployments.get(deployment)
        for where in _places(post, settings):
            try:
                # A person's messages are a channel of their own.
                channel = where if where[0] in "CGD" else await self._slack.direct(where)
                said = drawn if closed is None else _elsewhere(drawn, post.channel)
                mark = Mark(post.id, of="post")
                await self._poster.post(channel, said, mark, intent, since=intent.created_at)
                return
            except ChannelClosed as error:
                _log.error("channel_closed", channel=where, deployment=deployment)
                closed = error
        if closed is not None:
            raise closed

    async def _reply(self, post: Post, intent: Intent) -> None:
        if post.ts is None:
            return  # it was never posted: there is no thread
        if intent.topic == "trace" and intent.position is not None:
            incident = await self._store.watching.incident(intent.position)
            if incident is not None:
                await self._in_thread(post, post.ts, intent, trace_post(incident))
            return
        if intent.topic == REPLY and intent.position is not None:
            order = await self._store.reexecutions.get(intent.position)
            await self._in_thread(post, post.ts, intent, order_post(order, self._links(post)))
            return
        broadcast = False
        if intent.topic in {"event", "quiet_event"} and intent.position is not None:
            event, incident = await self._store.watching.event(intent.position)
            text = said_words(event.said, incident, event.data)
            loud = event.said in {Said.FLAPPING, Said.NEEDS_PEOPLE}
            broadcast = loud and intent.topic == "event"
        else:
            incidents = await self._store.watching.incidents_of(post.id)
            text = _ALL_ENDED.get(str(post.data.get("kind")), all_ended)(incidents)
        await self._in_thread(post, post.ts, intent, ThreadPost(text), broadcast=broadcast)

    async def _in_thread(
        self, post: Post, ts: str, intent: Intent, said: ThreadPost, *, broadcast: bool = False
    ) -> None:
        mark = Mark(post.id, intent.topic, intent.position, of="post")
        await self._poster.reply(
            post.channel, ts, said, mark, intent, since=intent.created_at, broadcast=broadcast
        )

    def _links(self, post: Post) -> CardLinks:
        return CardLinks(dagster=self._dagster.deployment_url(str(post.data["deployment"])))

    async def _drawn(self, post: Post) -> Message:
        links = self._links(post)
        if post.kind in _FROM_DATA:
            return _FROM_DATA[post.kind](post.data)
        if post.kind == "changes":
            return changes_message(post.data, links=links)
        if post.kind == "meanwhile":
            return meanwhile_message(post.data, await self._meanwhile(post))
        if post.kind == PROPOSAL:
            found = await self._store.proposals.get(int(str(post.data["proposal"])))
            return proposal_message(found)
        if post.kind == "deploy":
            return await self._deploy(post)
        incidents = await self._store.watching.incidents_of(post.id)
        drawn = await self._drawn_incidents(post, incidents, links)
        return with_owners(drawn, self._owners(post, incidents))

    def _owners(self, post: Post, incidents: list[Incident]) -> tuple[str, ...]:
        """Return who is mentioned: the owners of what was posted here first."""
        first = post.data.get("mentions")
        told = [each for each in incidents if isinstance(first, list) and each.id in first]
        places, named = set[tuple[str | None, str | None]](), list[str]()
        for each in told:
            facts = each.data or {}
            location = each.subject if each.kind == LOCATIONS else facts.get("location")
            if isinstance(location, str) and each.kind != AGENTS:
                places.add((location, self._project_of(location)))
            listed = facts.get("owners")
            named += [str(owner) for owner in listed] if isinstance(listed, list) else []
        return mentioned(
            sorted(places, key=str),
            named,
            owners=self._settings.owners,
            location_owners=self._settings.location_owners,
        )

    async def _drawn_incidents(
        self, post: Post, incidents: list[Incident], links: CardLinks
    ) -> Message:
        if post.data.get("kind") == RUNS:
            ids = [each.id for each in incidents]
            failures = await self._store.failed_runs.of_incidents(ids)
            marks, orders = self._store.marks, self._store.reexecutions
            groups = groups_of(incidents, failures, await marks.of(ids), await orders.of(ids))
            return failed_runs_message(groups, links=links, now=self._clock.now())
        if post.data.get("kind") in SILENT:
            return schedules_message(incidents, links=links, now=self._clock.now())
        found = {each.id: error_of(each.data) for each in incidents}
        errors = {number: error for number, error in found.items() if error is not None}
        return incidents_message(incidents, errors, links=links, now=self._clock.now())

    async def _deploy(self, post: Post) -> Message:
        deploy = await self._store.deploys.get(int(str(post.data["deploy"])))
        place = deploy.place
        card = None
        if place is not None and place.ts is not None:
            card = await self._slack.permalink(place.channel, place.ts)
        return ended_message(deploy, card, now=self._clock.now())

    async def _meanwhile(self, post: Post) -> list[Incident]:
        numbers = post.data.get("incidents")
        listed = numbers[:MOST_SHOWN] if isinstance(numbers, list) else []
        found = [await self._store.watching.incident(n) for n in listed if isinstance(n, int)]
        return [each for each in found if each is not None]


def _places(post: Post, settings: DeploymentSettings | None) -> list[str]:
    """Return the post's own channel, and who is told where that is closed. What belongs into the
    deployment's own channel goes to its home channel then; what only another channel has
    subscribed to goes to a person, because the own channel has its own message of it."""
    if settings is None:
        return [post.channel]
    mine = belongs_to(post.key) in {settings.told_in, settings.home_channel}
    home = settings.home_channel if mine else None
    return list(dict.fromkeys([post.channel, *([home] if home else []), *settings.admins[:1]]))


def _elsewhere(drawn: Message, channel: str) -> Message:
    said = belongs_elsewhere(channel)
    return Message(f"{drawn.text} {said}", [*drawn.blocks, context(said)] if drawn.blocks else [])
