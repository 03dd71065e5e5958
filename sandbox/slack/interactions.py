"""Clicks, choices, typeahead and modals: what a person does with the app's own elements."""

from typing import Any

from sandbox.slack import payloads
from sandbox.slack.api_views import push_on, replace
from sandbox.slack.blocks import check_view, elements_of, normalised
from sandbox.slack.delivery import Ack, Dispatcher
from sandbox.slack.elements import flat_options
from sandbox.slack.errors import SlackError
from sandbox.slack.forms import KEYS, FormError, initial_state, refusals, state_value
from sandbox.slack.limits import OPTION_GROUPS, OPTIONS
from sandbox.slack.model import Json, Message, Person, View
from sandbox.slack.people import RefusedError, failure_sentence, outcome
from sandbox.slack.state import State

Where = Message | View


def blocks_of(where: Where) -> list[Json]:
    """The blocks a person sees there."""
    return list(where.definition["blocks"] if isinstance(where, View) else where.blocks or [])


def find_element(
    where: Where, action_id: str, block_id: str | None, value: Any = None
) -> tuple[Json, Json]:
    """The block and the element with these ids; among equal ids, a button's value decides."""
    found = [
        (block, element)
        for block in blocks_of(where)
        for element in elements_of(block)
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    exact = [each for each in found if value is not None and each[1].get("value") == value]
    if exact:
        return exact[0]
    if not found:
        raise RefusedError("no_such_element", f"Nothing with the action_id {action_id} is shown.")
    if len(found) > 1:
        raise RefusedError("ambiguous_element", f"{len(found)} elements have {action_id}.")
    return found[0]


class Interactions:
    """The hands of everybody, on buttons, selects and modals."""

    def __init__(self, state: State, dispatcher: Dispatcher) -> None:
        self._state = state
        self._dispatcher = dispatcher
        self._offered: dict[tuple[str, str, str], list[Json]] = {}

    def _place(self, person: Person, asked: Json) -> Where:
        if asked.get("view_id"):
            view = self._state.find_view(str(asked["view_id"]))
            if view is None or view.user != person.id:
                raise RefusedError("no_such_view", "This view is not open any more.")
            return view
        channel = self._state.channel(str(asked.get("channel")))
        message = self._state.message(channel.id, str(asked.get("ts")))
        if message is None or person.id not in channel.members:
            raise RefusedError("no_such_message", "There is no such message for this person.")
        if message.ephemeral_to not in (None, person.id):
            raise RefusedError("no_such_message", "Only somebody else can see this message.")
        return message

    def _tell(self, person: Person, where: Where, what: str, reason: str) -> None:
        self._state.notice(
            person.id,
            failure_sentence(what, reason),
            reason,
            channel=where.channel if isinstance(where, Message) else None,
            view_id=where.id if isinstance(where, View) else None,
        )

    def _key(self, where: Where, block: Json, element: Json) -> tuple[str, str, str]:
        place = where.id if isinstance(where, View) else where.ts
        return place, block["block_id"], element["action_id"]

    async def act(self, asked: Json) -> Json:
        """Press a button, choose in a menu, or enter a value that is dispatched at once."""
        person = self._state.person(str(asked.get("user")))
        where = self._place(person, asked)
        given = asked.get("value")
        block, element = find_element(
            where, str(asked.get("action_id")), asked.get("block_id"), given
        )
        if isinstance(where, View):
            self.fill(person, where, asked.get("values") or {})
        values = where.values if isinstance(where, View) else initial_state(blocks_of(where))
        chosen = self._chosen(where, block, element, given)
        if element["type"] in KEYS:
            kept = {"type": element["type"], KEYS[element["type"]][0]: chosen}
            values.setdefault(block["block_id"], {})[element["action_id"]] = kept
            if block["type"] == "input" and not block.get("dispatch_action"):
                return outcome(Ack({}), sent=False)
        action = payloads.action_of(self._state, block, element, chosen)
        payload = payloads.block_action(self._state, person, where, action, values)
        ack = await self._dispatcher.request("interactive", payload)
        if not ack.ok:
            label = element.get("text", {}).get("text", element["action_id"])
            self._tell(person, where, f"“{label}”", ack.reason)
        return outcome(ack, sent=True, trigger_id=payload["trigger_id"])

    def _chosen(self, where: Where, block: Json, element: Json, given: Any) -> Any:
        if element["type"] == "button":
            return None
        if element["type"] == "overflow":
            for each in flat_options(element):
                if given in (each["value"], each["text"]["text"]):
                    return each
            raise RefusedError("not_offered", f"{given!r} is not in this menu.")
        offered = self._offered.get(self._key(where, block, element), [])
        try:
            value = state_value(element, given, offered)
        except (FormError, ValueError) as error:
            raise RefusedError("not_offered", str(error)) from error
        return value[KEYS[element["type"]][0]]

    async def suggest(self, asked: Json) -> Json:
        """Type into an external select: the options that the app offers."""
        person = self._state.person(str(asked.get("user")))
        where = self._place(person, asked)
        block, element = find_element(where, str(asked.get("action_id")), asked.get("block_id"))
        typed = str(asked.get("typed") or "")
        if isinstance(where, View):
            self.fill(person, where, asked.get("values") or {})
        ids = (block["block_id"], element["action_id"])
        if len(typed) < element.get("min_query_length", 3):
            return outcome(Ack({}), options=[], sent=False)
        payload = payloads.suggestion(self._state, person, where, ids, typed)
        ack = await self._dispatcher.request("interactive", payload)
        options = flat_options(ack.payload)
        bad = len(ack.payload.get("option_groups") or []) > OPTION_GROUPS or len(options) > OPTIONS
        reason = ack.reason or ("invalid_options" if bad else "")
        if reason:
            self._tell(person, where, "Loading the options", reason)
            options = []
        self._offered.setdefault(self._key(where, block, element), []).extend(options)
        return outcome(Ack(ack.payload, reason), options=options, sent=True)

    def _top(self, person: Person, view_id: str | None) -> View:
        stack = self._state.views.get(person.id) or []
        if not stack:
            raise RefusedError("no_such_view", f"{person.name} has no modal open.")
        if view_id not in (None, stack[-1].id):
            raise RefusedError("no_such_view", "This modal is not the topmost one.")
        return stack[-1]

    def fill(self, person: Person, view: View, values: Json) -> None:
        """Set values by block_id and action_id (or by block_id alone); RefusedError."""
        for block_id, given in values.items():
            block = next((b for b in blocks_of(view) if b["block_id"] == block_id), None)
            elements = elements_of(block) if block else []
            if block is None or not elements:
                raise RefusedError("no_such_element", f"The modal has no input {block_id}.")
            by_action = given if isinstance(given, dict) and "value" not in given else None
            for action_id, value in (by_action or {elements[0]["action_id"]: given}).items():
                _, element = find_element(view, action_id, block_id)
                offered = self._offered.get(self._key(view, block, element), [])
                try:
                    held = state_value(element, value, offered)
                except (FormError, ValueError) as error:
                    raise RefusedError("not_offered", str(error)) from error
                view.values.setdefault(block_id, {})[action_id] = held
        self._state.touch()

    async def submit(self, asked: Json) -> Json:
        """Fill and submit the topmost modal, and do what the app's ack says."""
        person = self._state.person(str(asked.get("user")))
        view = self._top(person, asked.get("view_id"))
        self.fill(person, view, asked.get("values") or {})
        wrong = refusals(blocks_of(view), view.values)
        if wrong:
            return outcome(Ack({}), sent=False, errors=wrong)
        payload = payloads.submission(self._state, person, view)
        ack = await self._dispatcher.request("interactive", payload)
        if not ack.ok:
            self._tell(person, view, "Sending the form", ack.reason)
            return outcome(ack, sent=True, errors={})
        try:
            errors = self._after_submit(person, view, ack.payload)
        except SlackError as error:
            self._tell(person, view, "Showing the next form", error.name)
            failed = Ack(ack.payload, error.name)
            return outcome(failed, sent=True, errors={}, problems=error.messages)
        return outcome(ack, sent=True, errors=errors, trigger_id=payload["trigger_id"])

    def _after_submit(self, person: Person, view: View, answer: Json) -> dict[str, str]:
        action = answer.get("response_action")
        stack = self._state.views[person.id]
        if action == "errors":
            return _checked_errors(view, answer.get("errors"))
        if action in ("update", "push"):
            check_view(answer.get("view"))
            definition = {**answer["view"], "blocks": normalised(answer["view"]["blocks"])}
            if action == "update":
                replace(self._state, view, definition)
            else:
                push_on(self._state, person.id, definition)
            return {}
        if action == "clear":
            stack.clear()
        elif action is None:
            if view in stack:
                stack.remove(view)
        else:
            raise SlackError("invalid_response_action", messages=[str(action)])
        self._state.touch()
        return {}

    async def close(self, asked: Json) -> Json:
        """Close the topmost modal, or with `all` the whole stack."""
        person = self._state.person(str(asked.get("user")))
        view = self._top(person, asked.get("view_id"))
        stack = self._state.views[person.id]
        everything = bool(asked.get("all")) or bool(view.definition.get("clear_on_close"))
        closed = list(reversed(stack)) if everything else [view]
        for each in closed:
            stack.remove(each)
        self._state.touch()
        ack = Ack({})
        for each in closed:
            if each.definition.get("notify_on_close"):
                payload = payloads.closing(person, each, is_cleared=everything)
                ack = await self._dispatcher.request("interactive", payload)
        return outcome(ack)


def _checked_errors(view: View, errors: Any) -> dict[str, str]:
    """Errors by block_id; Slack refuses ids that aren't input blocks of the view."""
    inputs = {each["block_id"] for each in blocks_of(view) if each["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_response_action", messages=["errors is empty"])
    if unknown := set(errors) - inputs:
        raise SlackError("invalid_block_id", messages=sorted(unknown))
    return {key: str(value) for key, value in errors.items()}
