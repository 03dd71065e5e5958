"""Which buttons a deploy's card has: the next steps that make sense now, and no others."""

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.plan import DeployKind
from deploy_core.model.states import WENT_LIVE, DeployState, TargetState
from handlers import actions
from handlers.blocks import Block, button, command_button, confirm, url_button
from handlers.cards.links import CardLinks
from handlers.commands import typed
from handlers.location_commands import EditLocation, RemoveLocation
from handlers.text import deploys as text
from handlers.text import status as status_text
from handlers.text.outcomes import changed

_BAD_ENDS = frozenset(
    {
        TargetState.FAILED,
        TargetState.PUT_BACK,
        TargetState.CANCELLED,
        TargetState.SUPERSEDED,
        TargetState.NEEDS_HUMAN,
    }
)


def buttons_of(deploy: Deploy, links: CardLinks) -> list[Block]:
    """Return the buttons, without those that were used already."""
    used = {press.action for press in deploy.presses}
    shown = [_BUILD[action](deploy) for action in offered(deploy) if action not in used]
    open_page = url_button(
        text.BUTTONS[actions.OPEN_DAGSTER],
        actions.OPEN_DAGSTER,
        links.page([target.location for target in deploy.targets]),
    )
    return [*shown, *_fix(deploy), *([open_page] if open_page is not None else [])]


def _fix(deploy: Deploy) -> list[Block]:
    """Return the buttons that mend what was added and never loaded, or take it away."""
    if deploy.kind is not DeployKind.ADD or not deploy.ended:
        return []
    return [
        each
        for target in deploy.targets
        if target.state is TargetState.FAILED and target.plan.live is None and changed(target)
        for what, command in (
            ("edit", EditLocation(target.location, deploy.deployment)),
            ("remove", RemoveLocation(target.location, deploy.deployment)),
        )
        for each in command_button(
            status_text.BUTTONS[f"{actions.TRY_THIS}:{what}"],
            f"{actions.TRY_THIS}:{what}",
            typed(command),
        )
    ]


def buttons_for(deploy: Deploy, wanted: tuple[str, ...]) -> list[Block]:
    """Return those of the wanted buttons that make sense now, for an answer beside the card."""
    found = offered(deploy)
    return [_BUILD[action](deploy) for action in wanted if action in found]


def offered(deploy: Deploy) -> tuple[str, ...]:
    """Return the actions that make sense in this state, in the order of the card."""
    found: set[str] = set()
    if deploy.state is DeployState.PLANNED:
        found |= {actions.CONFIRM, actions.CANCEL}
    elif any(can_cancel(target) for target in deploy.targets):
        found.add(actions.CANCEL)
    elif any(can_go_back(target) for target in deploy.targets):
        found.add(actions.GO_BACK)
    if deploy.ended:
        states = {target.state for target in deploy.targets}
        if TargetState.EXPIRED in states:
            found.add(actions.PLAN_AGAIN)
        elif states & _BAD_ENDS:
            found.add(actions.RETRY)
        if deploy.kind in {DeployKind.DEPLOY, DeployKind.ADD} and any(
            map(_replaced, deploy.targets)
        ):
            found.add(actions.ROLL_BACK)
    if any(has_details(target) for target in deploy.targets):
        found.add(actions.FULL_ERROR)
    return tuple(action for action in actions.BUTTONS if action in found)


def can_cancel(target: Target) -> bool:
    """Tell whether the target can be ended before anything was changed."""
    return not target.ended and not target.sent and target.stop is None


def can_go_back(target: Target) -> bool:
    """Tell whether the change was sent and what was live before can be put back instead."""
    return (
        target.state is TargetState.RUNNING
        and target.sent
        and target.stop is None
        and target.plan.live is not None
    )


def has_details(target: Target) -> bool:
    """Tell whether there is more to read about a failure than the card says."""
    failures = (target.failure, target.put_back_failure)
    return any(one is not None and (one.python_error or one.detail) for one in failures)


def _replaced(target: Target) -> bool:
    return target.state in WENT_LIVE and target.plan.live is not None


def _confirm(deploy: Deploy) -> Block:
    return _button(deploy, actions.CONFIRM, style="primary")


def _plan_again(deploy: Deploy) -> Block:
    return plan_again_button(deploy.id)


def plan_again_button(deploy: int) -> Block:
    """Return the button that makes a plan anew, where the one that was shown no longer holds."""
    value = actions.button_value(deploy)
    label = text.BUTTONS[actions.PLAN_AGAIN]
    return button(label, actions.PLAN_AGAIN, value, style="primary")


def _cancel(deploy: Deploy) -> Block:
    if deploy.state is DeployState.PLANNED:
        return _button(deploy, actions.CANCEL)
    ask = confirm(
        "Cancel this deploy?",
        "What was not sent to Dagster+ yet is stopped. What is live stays live.",
        "Cancel the deploy",
        "Let it run",
        danger=True,
    )
    return _button(deploy, actions.CANCEL, style="danger", ask=ask)


def _go_back(deploy: Deploy) -> Block:
    ask = confirm(
        "Go back?",
        f"The change is already with Dagster+. What was live on {deploy.deployment[:60]} before is"
        " put back and verified.",
        "Go back",
        "Keep waiting",
        danger=True,
    )
    return _button(deploy, actions.GO_BACK, style="danger", ask=ask)


def _retry(deploy: Deploy) -> Block:
    return _button(deploy, actions.RETRY)


def _roll_back(deploy: Deploy) -> Block:
    ask = confirm(
        "Roll back?",
        f"What was live on {deploy.deployment[:60]} before deploy {deploy.id} is deployed again.",
        "Roll back",
        "Leave it",
        danger=True,
    )
    return _button(deploy, actions.ROLL_BACK, ask=ask)


def _full_error(deploy: Deploy) -> Block:
    return _button(deploy, actions.FULL_ERROR)


def error_button(target: Target) -> Block:
    """Return the button for one location's error, where several failed."""
    value = actions.button_value(target.deploy_id, target.position)
    return button(text.BUTTONS[actions.FULL_ERROR], actions.FULL_ERROR, value)


def _button(
    deploy: Deploy, action: str, *, style: str | None = None, ask: Block | None = None
) -> Block:
    value = actions.button_value(deploy.id)
    return button(text.BUTTONS[action], action, value, style=style, confirm=ask)


_BUILD = {
    actions.CONFIRM: _confirm,
    actions.PLAN_AGAIN: _plan_again,
    actions.CANCEL: _cancel,
    actions.GO_BACK: _go_back,
    actions.RETRY: _retry,
    actions.ROLL_BACK: _roll_back,
    actions.FULL_ERROR: _full_error,
}
