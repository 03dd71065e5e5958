"""The buttons of the cards. A button is used once; who was later is told who was first."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from deploy_core.model.deploys import Stop
from deploy_core.model.errors import AlreadySent, UsageError
from deploy_core.model.people import Actor
from handlers import actions
from handlers.actions import ButtonValue, read_button_value
from handlers.cards.answers import already_sent
from handlers.cards.thread import full_error_text
from handlers.desk import Ask, Desk
from handlers.modals import detail_view
from handlers.slash import Slash
from handlers.text.answers import pressed_already
from handlers.verbs.start import start


class Buttons:
    """What each button does."""

    def __init__(self, desk: Desk, slash: Slash) -> None:
        self._desk = desk
        self._slash = slash
        self._once: dict[str, Callable[[Ask, int], Awaitable[None]]] = {
            actions.CONFIRM: self._confirm,
            actions.CANCEL: self._cancel,
            actions.GO_BACK: self._go_back,
            actions.RETRY: self._retry,
            actions.ROLL_BACK: self._roll_back,
        }

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a click: noted, acknowledged, then done."""
        action = body["actions"][0]
        ask = _ask(body, action)
        fresh = await self._desk.store.inbox.take(ask.key)
        await ack()
        if fresh and action["action_id"] != actions.OPEN_DAGSTER:
            work = self._do(ask, action["action_id"], action.get("value", ""))
            self._desk.tasks.start(self._desk.dealing(ask, work))

    async def _do(self, ask: Ask, action_id: str, value: str) -> None:
        if action_id == actions.OPEN_FORM or action_id.startswith(actions.TRY_THIS):
            # The value is a command's text, which is read and checked as if it was typed.
            await self._slash.deal(Ask(**{**vars(ask), "text": value}))
            return
        meant = read_button_value(value)
        if meant is None:
            raise UsageError("This button isn't one of ours.")
        if action_id == actions.FULL_ERROR:
            await self._full_error(ask, meant)
            return
        if action_id not in self._once:
            raise UsageError("This button isn't one of ours.")
        await self._press(ask, action_id, meant)

    async def _press(self, ask: Ask, action_id: str, meant: ButtonValue) -> None:
        deploys, engine = self._desk.store.deploys, self._desk.engine
        # Before the press is noted: a refused one must not stand in the way of another person's.
        if action_id == actions.CONFIRM:
            await engine.require_may_confirm(meant.deploy, ask.by)
        else:
            await engine.require_may_change(meant.deploy, ask.by)
        before = await deploys.press(meant.deploy, action_id, ask.by)
        if before is not None:
            await self._desk.say(ask, pressed_already(before))
            return
        try:
            await self._once[action_id](ask, meant.deploy)
        except Exception:
            # It was not done, so the button must work again.
            await deploys.unpress(meant.deploy, action_id)
            raise

    async def _confirm(self, ask: Ask, deploy_id: int) -> None:
        await self._desk.engine.confirm(deploy_id, ask.by)

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
        await start(self._desk, ask, await self._desk.engine.again(deploy_id, ask.by))

    async def _roll_back(self, ask: Ask, deploy_id: int) -> None:
        await start(self._desk, ask, await self._desk.engine.back_behind(deploy_id, ask.by))

    async def _full_error(self, ask: Ask, meant: ButtonValue) -> None:
        deploy = await self._desk.store.deploys.get(meant.deploy)
        failed = [target for target in deploy.targets if target.failure is not None]
        if meant.position is not None:
            failed = [target for target in failed if target.position == meant.position]
        if not failed or ask.trigger_id is None:
            raise UsageError(f"Deploy {deploy.id} has no error to show.")
        await self._desk.slack.open_view(
            ask.trigger_id, detail_view(failed[0].location, full_error_text(failed[0]))
        )


def _ask(body: dict[str, Any], action: dict[str, Any]) -> Ask:
    user, container = body["user"], body.get("container", {})
    return Ask(
        key=f"click:{container.get('message_ts', '')}:{action['action_id']}:{action['action_ts']}",
        by=Actor(kind="slack", id=user["id"], team=user.get("team_id", "")),
        channel=body.get("channel", {}).get("id", ""),
        text="",
        response_url=body.get("response_url"),
        trigger_id=body.get("trigger_id"),
    )
