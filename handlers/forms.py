"""The deploy form: opened at once, filled from what is known, read back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.errors import DeployError, PayloadInvalid, UsageError
from handlers import actions, modals, payloads
from handlers.commands import Command, OpenDeployForm, typed
from handlers.desk import Ask, Deal, Desk
from handlers.location_form import Described, read_location_form
from handlers.modals import FormChoices, deploy_form, read_deploy_form, read_metadata
from handlers.project_form import read_project_form
from handlers.reexecute_form import ToReexecute, read_reexecute_form
from handlers.remove_form import ToRemove, read_remove_form
from handlers.subscribe_form import CHANNEL, ZONE, Filled, read_subscribe_form, zone_names
from handlers.verbs.form_again import offer_again
from handlers.verbs.location_form import put_described, redraw
from handlers.verbs.reexecute import reexecute_now
from handlers.verbs.remove import remove_now
from handlers.verbs.subscribe_form import subscribe_filled
from handlers.verbs.subscriptions import require_may_subscribe

_log = structlog.get_logger()


async def open_deploy_form(desk: Desk, ask: Ask, trigger_id: str, command: OpenDeployForm) -> None:
    """Open the form. What it offers comes from the cache: a trigger lives three seconds.

    Raises `SlackError`.
    """
    form = deploy_form(_choices(desk), metadata={"channel": ask.channel}, filled=command)
    await desk.slack.open_view(trigger_id, form)


def location_names(desk: Desk) -> tuple[str, ...]:
    """Return every location as it is typed: `project:location` where two have the name."""
    known = desk.catalog.known
    found: dict[str, list[str]] = {}
    for project, names in known.items():
        for name in names:
            found.setdefault(name, []).append(project)
    return tuple(
        full
        for name in sorted(found)
        for full in (
            [name]
            if len(found[name]) == 1
            else [f"{project}:{name}" for project in sorted(found[name])]
        )
    )


def _choices(desk: Desk) -> FormChoices:
    settings = desk.settings
    refs = {project.default_ref for project in settings.projects.values()}
    return FormChoices(
        locations=location_names(desk),
        deployments=tuple(settings.deployments),
        default_deployment=settings.default_deployment or next(iter(settings.deployments)),
        default_ref=next(iter(refs)) if len(refs) == 1 else None,
        images=any(project.artifact == "prebuilt" for project in settings.projects.values()),
    )


class Forms:
    """What comes back from a form: a command, which `deal` carries out as if it was typed."""

    def __init__(self, desk: Desk, deal: Deal) -> None:
        self._desk = desk
        self._deal = deal

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a submission; errors stay in the form."""
        await self._command(ack, body, read_deploy_form)

    async def project(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the form of a new project; errors stay in it, under their fields."""
        await self._command(ack, body, read_project_form)

    async def _command(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        read: Callable[[dict[str, Any]], Command | dict[str, str]],
    ) -> None:
        with payloads.reading("form"):
            view = body["view"]
            found = read(view)
        if isinstance(found, dict):
            await ack(response_action="errors", errors=found)
            return
        channel = read_metadata(view).get("channel")
        ask = payloads.submission(body, text=typed(found), channel=channel)
        await self._desk.take(ask, ack, self._deal)

    async def removal(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the form that a location is removed by."""
        await self._taken(ack, body, actions.REMOVE, read_remove_form)

    async def location(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the form of a code location; errors stay in it, under their fields."""
        known = self._desk.board.known_names
        await self._taken(ack, body, actions.PUT, lambda view: read_location_form(view, known))

    async def changed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Draw the form of a code location again, or the one of a project that took its place,
        because a field was changed on which others depend. Nothing is kept: what is lost by a
        crash is a form that stays as it was."""
        await ack()
        with payloads.reading("form"):
            view = body.get("view") or {}
            about = view.get("callback_id")
        if about in {actions.LOCATION_FORM, actions.PROJECT_FORM}:
            await redraw(self._desk, view)

    async def reexecution(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the form that failed runs are executed again by."""
        await self._taken(ack, body, actions.START_AGAIN, read_reexecute_form)

    async def subscription(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the form that a channel is subscribed by; errors stay in it, under their fields."""
        await self._taken(
            ack, body, actions.SUBSCRIBE, lambda view: self._read_subscription(body, view)
        )

    def _read_subscription(
        self, body: dict[str, Any], view: dict[str, Any]
    ) -> Filled | dict[str, str]:
        found = read_subscribe_form(view)
        if isinstance(found, dict):
            return found
        ask = payloads.submission(body, text="", channel=read_metadata(view).get("channel"))
        try:
            require_may_subscribe(self._desk, ask, found.command)
        except DeployError as error:
            return {CHANNEL: f"{error.summary} {error.next_step}".replace("`", "")}
        return found

    async def _taken(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: str,
        read: Callable[
            [dict[str, Any]], ToRemove | ToReexecute | Described | Filled | dict[str, str]
        ],
    ) -> None:
        with payloads.reading("form"):
            view = body["view"]
            found = read(view)
        if isinstance(found, dict):
            await ack(response_action="errors", errors=found)
            return
        ask = payloads.submission(body, text="", channel=read_metadata(view).get("channel"))
        await self._desk.take(replace(ask, action=action, value=found.value()), ack, self.deal)

    async def deal(self, ask: Ask) -> None:
        """Do what a submitted form asks for."""
        match ask.action:
            case actions.REMOVE:
                await remove_now(self._desk, ask)
            case actions.PUT:
                await self._again_if_refused(ask, put_described)
            case actions.START_AGAIN:
                await reexecute_now(self._desk, ask)
            case actions.SUBSCRIBE:
                await self._again_if_refused(ask, subscribe_filled)
            case _:
                raise UsageError("This form isn't one of ours.")

    async def _again_if_refused(
        self, ask: Ask, put: Callable[[Desk, Ask], Awaitable[None]]
    ) -> None:
        """Do what a long form asks for; nothing that was filled in is lost by a refusal."""
        try:
            await put(self._desk, ask)
        except PayloadInvalid:
            raise
        except DeployError as error:
            await offer_again(self._desk, ask, error)

    async def options(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answer a picker from the cache; it must never wait for the network."""
        part = str(body.get("value", ""))
        if body.get("action_id") == modals.IMAGE:
            images = self._desk.tags.known(modals.chosen_locations(body.get("view", {})))
            await ack(options=modals.image_options(images, part))
            return
        if body.get("action_id") == ZONE:
            await ack(options=modals.options(await asyncio.to_thread(zone_names), part))
            return
        names = (
            tuple(self._desk.settings.deployments)
            if body.get("action_id") == modals.DEPLOYMENT
            else location_names(self._desk)
        )
        await ack(options=modals.options(names, part))
