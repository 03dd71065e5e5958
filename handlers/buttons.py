"""The buttons of the cards. A button is used once; who was later is told who was first."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.deploys import Deploy, Press, Stop
from deploy_core.model.errors import (
    AlreadyEnded,
    AlreadySent,
    OutdatedPlan,
    Overtaken,
    UsageError,
)
from deploy_core.model.plan import DeployRequest
from handlers import actions, payloads
from handlers.actions import ButtonValue, read_button_value
from handlers.blocks import Message
from handlers.cards.answers import already_sent, outdated_plan, overtaken
from handlers.cards.thread import full_error_text
from handlers.commands import command_of, typed
from handlers.desk import Ask, Deal, Desk
from handlers.incident_buttons import IncidentButtons
from handlers.modals import detail_view
from handlers.text.answers import error_in_thread, pressed_already
from handlers.verbs.form_again import open_again
from handlers.verbs.propose import press_proposal
from handlers.verbs.start import start

ONCE_WITHIN = timedelta(minutes=10)
"""A button that does its work once does it again after this time, unless it was refused."""


class Buttons:
    """What each button does."""

    def __init__(self, desk: Desk, deal_with_text: Deal) -> None:
        self._desk = desk
        self._deal_with_text = deal_with_text
        self._incidents = IncidentButtons(desk)
        self._once: dict[str, Callable[[Ask, int], Awaitable[None]]] = {
            actions.CONFIRM: self._confirm,
            actions.PLAN_AGAIN: self._plan_again,
            actions.CANCEL: self._cancel,
            actions.GO_BACK: self._go_back,
            actions.RETRY: self._retry,
            actions.ROLL_BACK: self._roll_back,
        }

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a click."""
        ask = payloads.click(body)
        if ask.action in actions.LINKS:
            await ack()
        else:
            once = _once(ask)
            await self._desk.take(ask, ack, self.deal, words=once, within=ONCE_WITHIN)

    async def deal(self, ask: Ask) -> None:
        """Do what the button says; a second time after a crash too, with one effect."""
        action = ask.action or ""
        if action == actions.OPEN_FORM or action.startswith(actions.COMMAND):
            await self._deal_with_text(replace(ask, text=ask.value))
            return
        if action == actions.FORM_AGAIN:
            await open_again(self._desk, ask)
            return
        meant = read_button_value(ask.value)
        if meant is None:
            raise UsageError("This button isn't one of ours.")
        if action in actions.INCIDENT_BUTTONS:
            await self._incidents.pressed(ask, meant.deploy)
            return
        if action in actions.PROPOSAL_BUTTONS:
            await press_proposal(self._desk, ask, meant.deploy)
            return
        if action == actions.FULL_ERROR:
            await self._full_error(ask, meant)
            return
        if action not in self._once:
            raise UsageError("This button isn't one of ours.")
        await self._press(ask, action, meant)

    async def _press(self, ask: Ask, action_id: str, meant: ButtonValue) -> None:
        deploys, engine = self._desk.store.deploys, self._desk.engine
        # Before the press is noted: a refused one must not stand in the way of another person's.
        if action_id == actions.CONFIRM:
            await engine.require_may_confirm(meant.deploy, ask.by)
        else:
            await engine.require_may_change(meant.deploy, ask.by)
        before = await deploys.press(meant.deploy, action_id, ask.by, origin=ask.key)
        if before is not None and before.origin != ask.key:
            await self._desk.say(ask, pressed_already(before))
            return
        if before is not None and _took_effect(before, await deploys.get(meant.deploy)):
            return  # this click was dealt with before a crash, all but its note
        try:
            await self._once[action_id](ask, meant.deploy)
        except Exception:
            # It was not done, so the button must work again.
            await deploys.unpress(meant.deploy, action_id)
            raise

    async def _confirm(self, ask: Ask, deploy_id: int) -> None:
        try:
            await self._desk.engine.confirm(deploy_id, ask.by)
        except OutdatedPlan as error:
            await self._desk.store.deploys.unpress(deploy_id, actions.CONFIRM)
            await self._desk.private(ask, outdated_plan(error, deploy_id))

    async def _plan_again(self, ask: Ask, deploy_id: int) -> None:
        """Start it anew; a plan that still waits is cancelled, so that there is only one."""
        deploy = await self._desk.store.deploys.get(deploy_id)
        if deploy.confirmed_at is not None:
            raise AlreadyEnded(f"Deploy {deploy_id} no longer waits for a confirmation.")
        await start(self._desk, ask, await self._desk.engine.again(deploy_id, ask.by))
        with suppress(AlreadyEnded):
            await self._desk.engine.stop(deploy_id, Stop.CANCEL, ask.by)

    async def _cancel(self, ask: Ask, deploy_id: int) -> None:
        try:
            await self._desk.engine.stop(deploy_id, Stop.CANCEL, ask.by)
        except AlreadySent:
            await self._desk.store.deploys.unpress(deploy_id, actions.CANCEL)
            deploy = await self._desk.store.deploys.get(deploy_id)
            await self._desk.private(ask, already_sent(deploy))

    async def _go_back(self, ask: Ask, deploy_id: int) -> None:
        await self._desk.engine.stop(deploy_id, Stop.GO_BACK, ask.by)

    async def _retry(self, ask: Ask, deploy_id: int) -> None:
        wanted = await self._desk.engine.again(deploy_id, ask.by)
        await self._start_unless_overtaken(ask, deploy_id, wanted, wanted.locations)

    async def _roll_back(self, ask: Ask, deploy_id: int) -> None:
        wanted = await self._desk.engine.back_behind(deploy_id, ask.by)
        deploy = await self._desk.store.deploys.get(deploy_id)
        replaced = [target.location for target in deploy.targets]
        await self._start_unless_overtaken(ask, deploy_id, wanted, replaced)

    async def _start_unless_overtaken(
        self, ask: Ask, deploy_id: int, wanted: DeployRequest, locations: Collection[str]
    ) -> None:
        if await self._desk.store.deploys.made_from(ask.key) is not None:
            return  # by this click, before a crash
        try:
            await self._desk.engine.require_not_overtaken(deploy_id, locations)
        except Overtaken as error:
            await self._desk.store.deploys.unpress(deploy_id, ask.action or "")
            command = command_of(wanted)
            said = None if command is None else typed(command)
            await self._desk.private(ask, overtaken(error, said))
            return
        await start(self._desk, ask, wanted)

    async def _full_error(self, ask: Ask, meant: ButtonValue) -> None:
        deploy = await self._desk.store.deploys.get(meant.deploy)
        failed = [target for target in deploy.targets if target.failure is not None]
        if meant.position is not None:
            failed = [target for target in failed if target.position == meant.position]
        if not failed:
            raise UsageError(f"Deploy {deploy.id} has no error to show.")
        if ask.trigger_id is None:
            # After a crash: a window can no longer be opened by the click.
            await self._desk.private(ask, Message(error_in_thread(deploy.id)))
            return
        await self._desk.slack.open_view(
            ask.trigger_id, detail_view(failed[0].location, full_error_text(failed[0]))
        )


def _once(ask: Ask) -> str | None:
    """Return what is the same for every press of a message's button that works once."""
    if ask.action not in actions.ONCE:
        return None
    return f"once:{ask.channel}:{ask.key.rpartition(':')[0]}"


def _took_effect(press: Press, deploy: Deploy) -> bool:
    """Tell whether a press has done its work. For Retry and Roll back `start` knows: it finds the
    deploy that came from the same click."""
    match press.action:
        case actions.CONFIRM:
            return deploy.confirmed_at is not None
        case actions.CANCEL | actions.GO_BACK:
            return any(target.stop_by == press.by for target in deploy.targets)
        case _:
            return False
