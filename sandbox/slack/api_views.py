"""views.*: modals, which stack up to three high, and the App Home of each person."""

import uuid

from sandbox.slack import limits
from sandbox.slack.api_chat import Handler
from sandbox.slack.arguments import required, structured
from sandbox.slack.blocks import check_view, normalised
from sandbox.slack.errors import SlackError
from sandbox.slack.forms import initial_state
from sandbox.slack.model import Json, View
from sandbox.slack.state import State


def _definition(args: Json, kind: str) -> Json:
    view = structured(args, "view", "invalid_arguments")
    check_view(view)
    if view["type"] != kind:
        raise SlackError("invalid_arguments", messages=[f"view must be a {kind} here"])
    checked: Json = {**view, "blocks": normalised(view["blocks"])}
    return checked


def _check_external_id(state: State, definition: Json, own: str | None = None) -> None:
    external = definition.get("external_id")
    for each in [view for stack in state.views.values() for view in stack]:
        if external and each.id != own and each.definition.get("external_id") == external:
            raise SlackError("duplicate_external_id")


def make_view(state: State, user: str, definition: Json, below: View | None = None) -> View:
    """A view that nobody sees yet."""
    view_id = state.new_id("V")
    return View(
        id=view_id,
        user=user,
        definition=definition,
        hash=_new_hash(state),
        root_id=below.root_id if below else view_id,
        previous_id=below.id if below else None,
        values=initial_state(definition["blocks"]),
    )


def _new_hash(state: State) -> str:
    return f"{int(state.clock.now())}.{uuid.uuid4().hex[:8]}"


def replace(state: State, view: View, definition: Json) -> None:
    """Show something else in an open view; input with the same ids keeps its values."""
    view.definition = definition
    view.hash = _new_hash(state)
    view.values = initial_state(definition["blocks"], keep=view.values)
    state.touch()


def push_on(state: State, user: str, definition: Json) -> View:
    """Put a modal on a person's open ones; SlackError push_limit_reached."""
    stack = state.views.setdefault(user, [])
    if len(stack) >= limits.VIEW_STACK:
        raise SlackError("push_limit_reached")
    view = make_view(state, user, definition, stack[-1] if stack else None)
    stack.append(view)
    state.touch()
    return view


def open_view(state: State, args: Json) -> Json:
    """views.open: what was open before gives way."""
    definition = _definition(args, "modal")
    _check_external_id(state, definition)
    trigger = state.use_trigger(args.get("trigger_id"))
    view = make_view(state, trigger.user, definition)
    state.views[trigger.user] = [view]
    state.touch()
    return {"view": view.to_slack()}


def push_view(state: State, args: Json) -> Json:
    """views.push: only with a trigger that came out of an open modal."""
    definition = _definition(args, "modal")
    _check_external_id(state, definition)
    trigger = state.use_trigger(args.get("trigger_id"))
    if trigger.view_id is None or not state.views.get(trigger.user):
        raise SlackError("invalid_trigger_id")
    return {"view": push_on(state, trigger.user, definition).to_slack()}


def update_view(state: State, args: Json) -> Json:
    """views.update by view_id or external_id, with an optional hash against races."""
    definition = _definition(args, "modal")
    external = args.get("external_id")
    view = state.find_view(str(args.get("view_id") or ""))
    if view is None and external:
        opened = [each for stack in state.views.values() for each in stack]
        named = [each for each in opened if each.definition.get("external_id") == external]
        view = named[0] if named else None
    if view is None or view.definition["type"] != "modal":
        raise SlackError("not_found")
    _check_external_id(state, definition, own=view.id)
    if args.get("hash") and args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    replace(state, view, definition)
    return {"view": view.to_slack()}


def publish_view(state: State, args: Json) -> Json:
    """views.publish: the Home tab of one person."""
    user = required(args, "user_id")
    if user not in state.people:
        raise SlackError("user_not_found")
    if not state.manifest.open_to_all and not state.manifest.home_tab:
        raise SlackError("not_enabled")
    definition = _definition(args, "home")
    view = state.homes.get(user)
    if view is not None and args.get("hash") and args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    if view is None:
        view = state.homes[user] = make_view(state, user, definition)
        state.touch()
    else:
        replace(state, view, definition)
    return {"view": view.to_slack()}


METHODS: dict[str, Handler] = {
    "views.open": open_view,
    "views.push": push_view,
    "views.update": update_view,
    "views.publish": publish_view,
}
